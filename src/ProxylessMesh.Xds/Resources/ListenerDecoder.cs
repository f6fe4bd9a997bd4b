using System.Collections.Immutable;
using Envoy.Config.Listener.V3;
using Envoy.Extensions.Filters.Network.HttpConnectionManager.V3;
using WireSlashes = Envoy.Extensions.Filters.Network.HttpConnectionManager.V3.HttpConnectionManager.Types.PathWithEscapedSlashesAction;

namespace ProxylessMesh.Xds.Resources;

/// <summary>Listeners: of clients by <c>api_listener</c> (gRFC A27), of servers by address and filter chains (A36).</summary>
internal static class ListenerDecoder
{
    private const string HcmType = "type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager";
    private const int MaxTrustedHops = 100;

    public static ListenerConfig? Decode(Listener listener, DecodeContext context)
    {
        if (listener.ApiListener is null)
        {
            return Server(listener, context);
        }

        using (context.Errors.In("api_listener.api_listener"))
        {
            return Connection(listener.ApiListener.ApiListener_, server: false, context) is { } http
                ? new ListenerConfig { Name = listener.Name, Api = http }
                : null;
        }
    }

    private static ListenerConfig? Server(Listener listener, DecodeContext context)
    {
        var errors = context.Errors;
        if (listener.Address is null)
        {
            errors.Add("has neither api_listener (for clients) nor address (for servers)");
            return null;
        }

        var address = ValueDecoder.Address(listener.Address, "address", errors);
        if (listener.Address.SocketAddress is { Protocol: not Envoy.Config.Core.V3.SocketAddress.Types.Protocol.Tcp })
        {
            errors.Add("address.socket_address.protocol", listener.Address.SocketAddress.Protocol, "must be TCP");
        }

        if (listener.ListenerFilters.Count > 0)
        {
            errors.Add("listener_filters", listener.ListenerFilters[0].Name, "is not supported (gRFC A36)");
        }

        if (listener.UseOriginalDst == true)
        {
            errors.Add("use_original_dst", "true", "is not supported (gRFC A36)");
        }

        var chains = Chains(listener, context);
        var fallback = DefaultChain(listener.DefaultFilterChain, context);
        if (chains.IsEmpty && fallback is null && errors.IsEmpty)
        {
            errors.Add("filter_chains", "empty", "must have a chain that can match here, or there must be a default_filter_chain");
        }

        return new ListenerConfig { Name = listener.Name, Address = address, FilterChains = chains, DefaultFilterChain = fallback };
    }

    private static ImmutableArray<FilterChainConfig> Chains(Listener listener, DecodeContext context)
    {
        var chains = ImmutableArray.CreateBuilder<FilterChainConfig>();
        for (var i = 0; i < listener.FilterChains.Count; i++)
        {
            var wire = listener.FilterChains[i];
            using (context.Errors.In("filter_chains", i))
            {
                if (FilterChainMatchDecoder.NeverMatches(wire.FilterChainMatch))
                {
                    continue;
                }

                if (Chain(wire, context) is { } chain)
                {
                    chains.Add(chain);
                }
            }
        }

        FilterChainMatchDecoder.CheckOverlap(chains, context.Errors);
        return chains.ToImmutable();
    }

    private static FilterChainConfig? DefaultChain(FilterChain? wire, DecodeContext context)
    {
        if (wire is null)
        {
            return null;
        }

        using (context.Errors.In("default_filter_chain"))
        {
            return Chain(wire, context);
        }
    }

    private static FilterChainConfig? Chain(FilterChain wire, DecodeContext context)
    {
        var match = FilterChainMatchDecoder.Decode(wire.FilterChainMatch, context.Errors);
        var tls = TlsDecoder.Downstream(wire.TransportSocket, context);
        if (NetworkFilters(wire, context) is not { } http)
        {
            return null;
        }

        return new FilterChainConfig
        {
            Name = wire.Name,
            Transport = FilterChainMatchDecoder.Transport(wire.FilterChainMatch),
            Match = match,
            Tls = tls,
            Http = http,
        };
    }

    /// <summary>Each network filter must be an HTTP connection manager; the first ends the chain, so it is the one that counts.</summary>
    private static HttpConnectionConfig? NetworkFilters(FilterChain wire, DecodeContext context)
    {
        var errors = context.Errors;
        var names = new HashSet<string>(StringComparer.Ordinal);
        HttpConnectionConfig? first = null;
        for (var i = 0; i < wire.Filters.Count; i++)
        {
            using (errors.In("filters", i))
            {
                var name = wire.Filters[i].Name;
                if (name.Length == 0)
                {
                    errors.AddMissing("name");
                }
                else if (!names.Add(name))
                {
                    errors.Add("name", name, "occurs twice; filter names must differ");
                }

                var http = Connection(wire.Filters[i].TypedConfig, server: true, context);
                first ??= http;
            }
        }

        if (wire.Filters.Count == 0)
        {
            errors.Add("filters", "empty", "must have an HttpConnectionManager");
        }

        return first;
    }

    private static HttpConnectionConfig? Connection(Google.Protobuf.WellKnownTypes.Any? any, bool server, DecodeContext context)
    {
        var errors = context.Errors;
        if (any?.TypeUrl != HcmType)
        {
            errors.Add("type_url", any?.TypeUrl ?? "unset", "must be an HttpConnectionManager");
            return null;
        }

        if (ValueDecoder.Unpack(any, HttpConnectionManager.Parser, errors) is not { } hcm)
        {
            return null;
        }

        // A41 takes the address of the connection for that of the caller. Beyond it: proxies that are trusted, counted as Envoy does where
        // it looks at the connection's address itself.
        if (hcm.XffNumTrustedHops != 0 && (hcm.UseRemoteAddress != true || hcm.XffNumTrustedHops > MaxTrustedHops))
        {
            errors.Add("xff_num_trusted_hops", hcm.XffNumTrustedHops, $"must be 0, or at most {MaxTrustedHops} together with use_remote_address");
        }

        if (hcm.OriginalIpDetectionExtensions.Count > 0)
        {
            errors.Add("original_ip_detection_extensions", hcm.OriginalIpDetectionExtensions[0].Name, "must be empty");
        }

        var connection = new HttpConnectionConfig
        {
            Filters = HttpFilterDecoder.Decode(hcm.HttpFilters, server, errors),
            Paths = Paths(hcm, errors),
            TrustedHops = (int)Math.Min(hcm.XffNumTrustedHops, MaxTrustedHops),
            MaxStreamDuration = ValueDecoder.Duration(hcm.CommonHttpProtocolOptions?.MaxStreamDuration, "common_http_protocol_options.max_stream_duration", errors),
        };
        return WithRoutes(connection, hcm, context);
    }

    private static PathOptions Paths(HttpConnectionManager hcm, DecodeErrors errors)
    {
        var slashes = hcm.PathWithEscapedSlashesAction switch
        {
            WireSlashes.RejectRequest => EscapedSlashes.Reject,
            WireSlashes.UnescapeAndForward => EscapedSlashes.Unescape,
            _ => EscapedSlashes.Keep,
        };
        if (hcm.PathWithEscapedSlashesAction == WireSlashes.UnescapeAndRedirect)
        {
            errors.Add("path_with_escaped_slashes_action", "UNESCAPE_AND_REDIRECT", "is not supported by this version; use UNESCAPE_AND_FORWARD or REJECT_REQUEST");
        }

        return new PathOptions(hcm.NormalizePath == true, hcm.MergeSlashes, slashes);
    }

    private static HttpConnectionConfig? WithRoutes(HttpConnectionConfig connection, HttpConnectionManager hcm, DecodeContext context)
    {
        var errors = context.Errors;
        switch (hcm.RouteSpecifierCase)
        {
            case HttpConnectionManager.RouteSpecifierOneofCase.Rds:
                ValueDecoder.CheckSource(hcm.Rds.ConfigSource, "rds.config_source", errors);
                if (hcm.Rds.RouteConfigName.Length == 0)
                {
                    errors.AddMissing("rds.route_config_name");
                }

                return connection with { RouteConfigName = hcm.Rds.RouteConfigName };
            case HttpConnectionManager.RouteSpecifierOneofCase.RouteConfig:
                using (errors.In("route_config"))
                {
                    return connection with { InlineRoutes = RouteDecoder.Decode(hcm.RouteConfig, context) };
                }

            default:
                errors.Add("has neither rds nor route_config");
                return null;
        }
    }
}
