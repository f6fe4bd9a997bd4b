using System.Collections.Frozen;
using System.Collections.Immutable;
using Envoy.Config.Route.V3;
using Envoy.Extensions.Filters.Http.Fault.V3;
using Envoy.Extensions.Filters.Http.Rbac.V3;
using Envoy.Extensions.Filters.Network.HttpConnectionManager.V3;
using Google.Protobuf.Collections;
using Google.Protobuf.WellKnownTypes;
using ProxylessMesh.Xds.Matching;

namespace ProxylessMesh.Xds.Resources;

/// <summary>HTTP filters and their overrides by virtual host, route and weight (gRFC A39): router, RBAC (A41), fault (A33).</summary>
internal static class HttpFilterDecoder
{
    private const string RouterType = "type.googleapis.com/envoy.extensions.filters.http.router.v3.Router";
    private const string RbacType = "type.googleapis.com/envoy.extensions.filters.http.rbac.v3.RBAC";
    private const string RbacPerRouteType = "type.googleapis.com/envoy.extensions.filters.http.rbac.v3.RBACPerRoute";
    private const string FaultType = "type.googleapis.com/envoy.extensions.filters.http.fault.v3.HTTPFault";
    private const string FilterConfigType = "type.googleapis.com/envoy.config.route.v3.FilterConfig";

    /// <summary>The filters of a connection manager, in order. The last one, and only that, is the router.</summary>
    public static ImmutableArray<HttpFilterConfig> Decode(RepeatedField<HttpFilter> wire, bool server, DecodeErrors errors)
    {
        var filters = ImmutableArray.CreateBuilder<HttpFilterConfig>(wire.Count);
        var names = new HashSet<string>(StringComparer.Ordinal);
        for (var i = 0; i < wire.Count; i++)
        {
            using (errors.In("http_filters", i))
            {
                if (wire[i].Name.Length == 0)
                {
                    errors.AddMissing("name");
                }
                else if (!names.Add(wire[i].Name))
                {
                    errors.Add("name", wire[i].Name, "occurs twice; filter names must differ");
                }

                if (Filter(wire[i], server, errors) is { } filter)
                {
                    filters.Add(filter);
                }
            }
        }

        if (errors.IsEmpty)
        {
            CheckRouterIsLast(filters, errors);
        }

        return filters.ToImmutable();
    }

    /// <summary><c>typed_per_filter_config</c>.</summary>
    public static FrozenDictionary<string, HttpFilterConfig> Overrides(MapField<string, Any> wire, DecodeErrors errors)
    {
        if (wire.Count == 0)
        {
            return FrozenDictionary<string, HttpFilterConfig>.Empty;
        }

        var overrides = new Dictionary<string, HttpFilterConfig>(StringComparer.Ordinal);
        foreach (var (name, any) in wire)
        {
            using (errors.In("typed_per_filter_config", name))
            {
                if (Override(name, any, errors) is { } filter)
                {
                    overrides.Add(name, filter);
                }
            }
        }

        return overrides.ToFrozenDictionary(StringComparer.Ordinal);
    }

    private static void CheckRouterIsLast(ImmutableArray<HttpFilterConfig>.Builder filters, DecodeErrors errors)
    {
        if (filters.Count == 0 || filters[^1] is not RouterFilterConfig)
        {
            errors.Add("http_filters", filters.Count == 0 ? "empty" : filters[^1].Name, "the last filter must be the router");
        }

        for (var i = 0; i < filters.Count - 1; i++)
        {
            if (filters[i] is RouterFilterConfig)
            {
                errors.Add("http_filters", filters[i].Name, "the router must be the last filter");
            }
        }
    }

    private static HttpFilterConfig? Filter(HttpFilter wire, bool server, DecodeErrors errors)
    {
        var name = wire.Name;
        if (wire.Disabled)
        {
            // A route could switch it on again; to run without it would be to leave out a rule.
            errors.Add("disabled", "true", "is not supported by this version");
            return null;
        }

        var config = wire.TypedConfig;
        using (errors.In("typed_config"))
        {
            switch (config?.TypeUrl)
            {
                case RouterType:
                    ValueDecoder.Unpack(config, Envoy.Extensions.Filters.Http.Router.V3.Router.Parser, errors);
                    return new RouterFilterConfig(name);
                case RbacType when server:
                    return ValueDecoder.Unpack(config, RBAC.Parser, errors) is { } rbac ? Rbac(name, rbac, errors) : null;
                case FaultType when !server:
                    return ValueDecoder.Unpack(config, HTTPFault.Parser, errors) is { } fault ? new FaultFilterConfig(name, Fault(fault, errors)) : null;
                default:
                    if (!wire.IsOptional)
                    {
                        errors.Add("type_url", config?.TypeUrl ?? "unset", $"is a filter that this version does not know on the {(server ? "server" : "client")} side, and it is not optional");
                    }

                    return null;
            }
        }
    }

    private static HttpFilterConfig? Override(string name, Any any, DecodeErrors errors)
    {
        var optional = false;
        if (any.TypeUrl == FilterConfigType)
        {
            if (ValueDecoder.Unpack(any, FilterConfig.Parser, errors) is not { } wrapped)
            {
                return null;
            }

            if (wrapped.Disabled)
            {
                return new DisabledFilterConfig(name);
            }

            optional = wrapped.IsOptional;
            any = wrapped.Config ?? new Any();
        }

        switch (any.TypeUrl)
        {
            case RbacPerRouteType:
                return ValueDecoder.Unpack(any, RBACPerRoute.Parser, errors) is { } rbac ? Rbac(name, rbac.Rbac ?? new RBAC(), errors) : null;
            case FaultType:
                return ValueDecoder.Unpack(any, HTTPFault.Parser, errors) is { } fault ? new FaultFilterConfig(name, Fault(fault, errors)) : null;
            default:
                if (!optional)
                {
                    errors.Add("type_url", any.TypeUrl, "is the override of a filter that this version does not know, and it is not optional");
                }

                return null;
        }
    }

    private static RbacFilterConfig Rbac(string name, RBAC wire, DecodeErrors errors)
    {
        if (ValueDecoder.HasUnknownFields(wire, RBAC.Parser))
        {
            errors.Add("has a field that this version does not know (a matcher tree, or newer); it cannot be enforced, so it is refused");
        }

        RbacConfig? rules, shadow;
        using (errors.In("rules"))
        {
            rules = RbacDecoder.Decode(wire.Rules, errors);
        }

        using (errors.In("shadow_rules"))
        {
            shadow = RbacDecoder.Decode(wire.ShadowRules, errors);
        }

        return new RbacFilterConfig(name, rules, shadow);
    }

    private static FaultConfig Fault(HTTPFault wire, DecodeErrors errors)
    {
        var delay = wire.Delay;
        var abort = wire.Abort;
        var http = abort?.ErrorTypeCase == FaultAbort.ErrorTypeOneofCase.HttpStatus ? (int?)(int)abort.HttpStatus : null;
        if (http is not null and (< 200 or > 599))
        {
            errors.Add("abort.http_status", abort?.HttpStatus, "must be 200 to 599");
        }

        // A33: a gRPC status beyond the known ones would reach the application as it is.
        var grpc = abort?.ErrorTypeCase == FaultAbort.ErrorTypeOneofCase.GrpcStatus ? (int?)(int)abort.GrpcStatus : null;
        if (grpc is not null and (< 0 or > 16))
        {
            errors.Add("abort.grpc_status", abort?.GrpcStatus, "must be 0 to 16");
        }

        // Faults asked for by headers (header_delay, header_abort) need a caller's consent that is not there: they do nothing.
        return new FaultConfig
        {
            Delay = ValueDecoder.PositiveDuration(delay?.FixedDelay, "delay.fixed_delay", errors),
            DelayFraction = new FractionMatcher(ValueDecoder.PerMillion(delay?.Percentage, "delay.percentage", errors)),
            AbortHttpStatus = http,
            AbortGrpcStatus = grpc,
            AbortFraction = new FractionMatcher(ValueDecoder.PerMillion(abort?.Percentage, "abort.percentage", errors)),
            MaxActiveFaults = wire.MaxActiveFaults,
        };
    }
}
