using System.Collections.Frozen;
using System.Collections.Immutable;
using Envoy.Extensions.Filters.Http.AdaptiveConcurrency.V3;
using Envoy.Extensions.Filters.Http.Cors.V3;
using Envoy.Extensions.Filters.Http.ExtAuthz.V3;
using Envoy.Extensions.Filters.Http.Fault.V3;
using Envoy.Extensions.Filters.Http.JwtAuthn.V3;
using Envoy.Extensions.Filters.Http.LocalRatelimit.V3;
using Envoy.Extensions.Filters.Http.Rbac.V3;
using Envoy.Extensions.Filters.Http.StatefulSession.V3;
using Envoy.Extensions.Filters.Network.HttpConnectionManager.V3;
using Google.Protobuf.Collections;
using Google.Protobuf.WellKnownTypes;
using ProxylessMesh.Protos.V1;

namespace ProxylessMesh.Xds.Resources;

/// <summary>
/// HTTP filters and their overrides by virtual host, route and weight (gRFC A39): the router; fault (A33) and stateful session (A55) of
/// clients; RBAC (A41), end-user tokens, cross-origin policy, rate limits and adaptive concurrency of servers.
/// </summary>
internal static class HttpFilterDecoder
{
    private const string RouterType = "type.googleapis.com/envoy.extensions.filters.http.router.v3.Router";
    private const string RbacType = "type.googleapis.com/envoy.extensions.filters.http.rbac.v3.RBAC";
    private const string RbacPerRouteType = "type.googleapis.com/envoy.extensions.filters.http.rbac.v3.RBACPerRoute";
    private const string JwtType = "type.googleapis.com/envoy.extensions.filters.http.jwt_authn.v3.JwtAuthentication";
    private const string ExtAuthzType = "type.googleapis.com/envoy.extensions.filters.http.ext_authz.v3.ExtAuthz";
    private const string FaultType = "type.googleapis.com/envoy.extensions.filters.http.fault.v3.HTTPFault";
    private const string CorsType = "type.googleapis.com/envoy.extensions.filters.http.cors.v3.Cors";
    private const string CorsPolicyType = "type.googleapis.com/envoy.extensions.filters.http.cors.v3.CorsPolicy";
    private const string SessionType = "type.googleapis.com/envoy.extensions.filters.http.stateful_session.v3.StatefulSession";
    private const string SessionPerRouteType = "type.googleapis.com/envoy.extensions.filters.http.stateful_session.v3.StatefulSessionPerRoute";
    private const string RateLimitType = "type.googleapis.com/envoy.extensions.filters.http.local_ratelimit.v3.LocalRateLimit";
    private const string CallerRateLimitType = "type.googleapis.com/proxylessmesh.v1.CallerRateLimit";
    private const string AdaptiveConcurrencyType = "type.googleapis.com/envoy.extensions.filters.http.adaptive_concurrency.v3.AdaptiveConcurrency";
    private const string ConcurrencyLimitType = "type.googleapis.com/proxylessmesh.v1.ConcurrencyLimit";
    private const string ConnectionLimitType = "type.googleapis.com/proxylessmesh.v1.ConnectionLimit";
    private const string LoadReportsType = "type.googleapis.com/proxylessmesh.v1.LoadReports";
    private const string ExperimentType = "type.googleapis.com/proxylessmesh.v1.FaultExperiment";

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

        return FaultDecoder.EndTogether(overrides);
    }

    /// <summary>Overrides of an outer level hold for an inner one that says nothing of that filter.</summary>
    public static FrozenDictionary<string, HttpFilterConfig> Join(FrozenDictionary<string, HttpFilterConfig> inner, FrozenDictionary<string, HttpFilterConfig> outer)
        => outer.Count == 0 ? inner : inner.Count == 0 ? outer
            : inner.Concat(outer.Where(entry => !inner.ContainsKey(entry.Key))).ToFrozenDictionary(StringComparer.Ordinal);

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
                case JwtType when server:
                    return ValueDecoder.Unpack(config, JwtAuthentication.Parser, errors) is { } jwt ? new JwtFilterConfig(name, JwtDecoder.Decode(jwt, errors)) : null;
                case ExtAuthzType when server:
                    return ValueDecoder.Unpack(config, ExtAuthz.Parser, errors) is { } asked && ExtAuthzDecoder.Decode(asked, errors) is { } authorizer ? new ExtAuthzFilterConfig(name, authorizer) : null;
                case FaultType when !server:
                    return ValueDecoder.Unpack(config, HTTPFault.Parser, errors) is { } fault ? new FaultFilterConfig(name, FaultDecoder.Decode(fault, errors)) : null;
                case SessionType when !server:
                    return ValueDecoder.Unpack(config, StatefulSession.Parser, errors) is { } session
                        ? new StatefulSessionFilterConfig(name, StatefulSessionDecoder.Decode(session, errors))
                        : null;
                case CorsType or AdaptiveConcurrencyType or RateLimitType or CallerRateLimitType or ConcurrencyLimitType or ConnectionLimitType or LoadReportsType when server:
                    return Inbound(name, config, errors);
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
        if (FilterOverride.Open(any, errors) is not { } entry)
        {
            return null;
        }

        if (entry.Config is not { } config || entry.IsDisabled)
        {
            return new DisabledFilterConfig(name);
        }

        switch (config.TypeUrl)
        {
            case RbacPerRouteType:
                return ValueDecoder.Unpack(config, RBACPerRoute.Parser, errors) is { } rbac ? Rbac(name, rbac.Rbac ?? new RBAC(), errors) : null;
            case FaultType:
                return ValueDecoder.Unpack(config, HTTPFault.Parser, errors) is { } fault ? new FaultFilterConfig(name, FaultDecoder.Decode(fault, errors)) : null;
            case ExperimentType:
                return ValueDecoder.Unpack(config, FaultExperiment.Parser, errors) is { } experiment ? new FaultFilterConfig(name, FaultDecoder.Experiment(experiment, errors)) : null;
            case SessionPerRouteType:
                return ValueDecoder.Unpack(config, StatefulSessionPerRoute.Parser, errors) is { } session ? Session(name, session, errors) : null;
            case CorsPolicyType:
                return ValueDecoder.Unpack(config, CorsPolicy.Parser, errors) is { } cors ? Cross(name, cors, errors) : null;
            case RateLimitType or CallerRateLimitType or ConcurrencyLimitType:
                return Inbound(name, config, errors);
            case HedgeDecoder.TypeUrl when name == HedgeDecoder.FilterName:
                return null; // becomes a part of the route's action
            default:
                if (!entry.IsOptional)
                {
                    errors.Add("type_url", config.TypeUrl, "is the override of a filter that this version does not know, and it is not optional");
                }

                return null;
        }
    }

    private static HttpFilterConfig Session(string name, StatefulSessionPerRoute wire, DecodeErrors errors)
        => wire.Disabled
            ? new DisabledFilterConfig(name)
            : new StatefulSessionFilterConfig(name, StatefulSessionDecoder.Decode(wire.StatefulSession, errors));

    private static HttpFilterConfig Cross(string name, CorsPolicy wire, DecodeErrors errors)
    {
        var policy = InboundFilterDecoder.Cors(wire, errors);
        return InboundFilterDecoder.IsOff(wire) ? new DisabledFilterConfig(name) : new CorsFilterConfig(name, policy);
    }

    /// <summary>The filters in front of an application; null: switched off, or bad and reported.</summary>
    private static HttpFilterConfig? Inbound(string name, Any config, DecodeErrors errors)
    {
        switch (config.TypeUrl)
        {
            case CorsType:
                return ValueDecoder.Unpack(config, Cors.Parser, errors) is null ? null : new CorsFilterConfig(name, null);
            case AdaptiveConcurrencyType:
                return ValueDecoder.Unpack(config, AdaptiveConcurrency.Parser, errors) is { } adaptive && InboundFilterDecoder.AdaptiveConcurrency(adaptive, errors) is { } limit
                    ? new AdaptiveConcurrencyFilterConfig(name, limit)
                    : null;
            case RateLimitType:
                return ValueDecoder.Unpack(config, LocalRateLimit.Parser, errors) is { } rate ? new LocalRateLimitFilterConfig(name, InboundFilterDecoder.RateLimit(rate, errors)) : null;
            case CallerRateLimitType:
                return ValueDecoder.Unpack(config, CallerRateLimit.Parser, errors) is { } callers ? new LocalRateLimitFilterConfig(name, InboundFilterDecoder.RateLimit(callers, errors)) : null;
            case ConcurrencyLimitType:
                return ValueDecoder.Unpack(config, ConcurrencyLimit.Parser, errors) is { } calls ? InboundFilterDecoder.Concurrency(name, calls, errors) : null;
            case ConnectionLimitType:
                return ValueDecoder.Unpack(config, ConnectionLimit.Parser, errors) is { } connections ? InboundFilterDecoder.Connections(name, connections) : null;
            default:
                return ValueDecoder.Unpack(config, LoadReports.Parser, errors) is null ? null : new LoadReportFilterConfig(name);
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

        return new RbacFilterConfig(name, rules, shadow) { ShadowPrefix = wire.ShadowRulesStatPrefix };
    }
}
