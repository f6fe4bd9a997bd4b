using System.Collections.Frozen;
using System.Collections.Immutable;
using ProxylessMesh.Admission;
using ProxylessMesh.External;
using ProxylessMesh.Jwt;
using ProxylessMesh.Rbac;
using ProxylessMesh.Xds;
using ProxylessMesh.Xds.Resources;

namespace ProxylessMesh.Snapshots;

/// <summary>InboundConfig to <see cref="InboundSnapshot"/>. What decodes, compiles.</summary>
/// <param name="pool">Keeps the limiters of the port that the configs are for.</param>
/// <param name="time">The clock that tokens are held against.</param>
internal sealed class InboundCompiler(AdmissionPool pool, TimeProvider time)
{
    private readonly Dictionary<JwtConfig, JwtAuthentication> _tokens = new(ReferenceEqualityComparer.Instance);

    public InboundSnapshot Compile(InboundConfig config, int revision = 1)
    {
        var tls = Connections(config.Listener, tls: true);
        var plaintext = Connections(config.Listener, tls: false);
        var snapshot = new InboundSnapshot
        {
            Tls = tls is null ? null : Compile(tls),
            Plaintext = plaintext is null ? null : Compile(plaintext),
            RequiresTls13 = Chain(config.Listener, TransportProtocol.Tls, tls: true)?.Tls?.RequiresTls13 == true,
            Config = config,
            Revision = revision,
            Connections = (tls ?? plaintext)?.Filters.OfType<ConnectionLimitFilterConfig>().FirstOrDefault(),
        };
        pool.Commit();
        return snapshot;
    }

    /// <summary>What is asked of connections of one kind; null where there are none.</summary>
    public static HttpConnectionConfig? Connections(ListenerConfig listener, bool tls) => Chain(listener, tls ? TransportProtocol.Tls : TransportProtocol.RawBuffer, tls)?.Http;

    // A36: the most specific match wins, then a chain that takes any kind, then the default chain. A chain's own TLS context says
    // what it speaks, so a chain is used only for connections that do speak it.
    private static FilterChainConfig? Chain(ListenerConfig listener, TransportProtocol transport, bool tls)
        => listener.FilterChains.FirstOrDefault(chain => chain.Transport == transport && chain.Tls is not null == tls)
            ?? listener.FilterChains.FirstOrDefault(chain => chain.Transport == TransportProtocol.Any && chain.Tls is not null == tls)
            ?? (listener.DefaultFilterChain is { } last && last.Tls is not null == tls ? last : null);

    private InboundChain Compile(HttpConnectionConfig http)
    {
        // Routes that nobody could find let nothing in (A36).
        var hosts = http.InlineRoutes?.VirtualHosts ?? [];
        var plain = RbacCompiler.Compile(http.Filters);
        return new InboundChain(hosts, [.. hosts.Select(host => host.Routes.Select(route => Route(http, host, route, plain)).ToImmutableArray())]) { Paths = http.Paths, TrustedHops = http.TrustedHops };
    }

    private InboundRoute Route(HttpConnectionConfig http, VirtualHostConfig host, RouteRuleConfig route, RbacEngine plain)
    {
        if (route.Action is not NonForwardingActionConfig)
        {
            return new InboundRoute(route.Match, Engine: null);
        }

        var overridden = route.FilterOverrides.Count + host.FilterOverrides.Count > 0;
        var filters = overridden ? http.Filters.Select(filter => Effective(filter, route.FilterOverrides, host.FilterOverrides)).ToImmutableArray() : http.Filters;
        var cors = filters.OfType<CorsFilterConfig>().FirstOrDefault()?.Policy;
        return new InboundRoute(
            route.Match,
            overridden ? RbacCompiler.Compile(filters) : plain,
            cors is null ? null : new CorsPolicy(cors),
            pool.Compile(filters),
            filters.OfType<JwtFilterConfig>().FirstOrDefault() is { } jwt ? Tokens(jwt.Jwt) : null,
            ExternalAuthorization.Compile(filters));
    }

    // Both kinds of connection and all routes have the same filter: its keys are read once.
    private JwtAuthentication Tokens(JwtConfig config)
    {
        if (!_tokens.TryGetValue(config, out var compiled))
        {
            _tokens.Add(config, compiled = new JwtAuthentication(config, time));
        }

        return compiled;
    }

    // The most specific override wins (A39).
    private static HttpFilterConfig Effective(HttpFilterConfig filter, FrozenDictionary<string, HttpFilterConfig> ofRoute, FrozenDictionary<string, HttpFilterConfig> ofHost)
        => ofRoute.TryGetValue(filter.Name, out var replaced) || ofHost.TryGetValue(filter.Name, out replaced) ? replaced : filter;
}
