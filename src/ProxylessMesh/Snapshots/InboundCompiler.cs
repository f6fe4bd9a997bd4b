using System.Collections.Frozen;
using System.Collections.Immutable;
using ProxylessMesh.Rbac;
using ProxylessMesh.Xds;
using ProxylessMesh.Xds.Resources;

namespace ProxylessMesh.Snapshots;

/// <summary>InboundConfig to <see cref="InboundSnapshot"/>. What decodes, compiles.</summary>
internal static class InboundCompiler
{
    public static InboundSnapshot Compile(InboundConfig config) => new()
    {
        Tls = Chain(config.Listener, TransportProtocol.Tls, tls: true) is { } secure ? Compile(secure.Http) : null,
        Plaintext = Chain(config.Listener, TransportProtocol.RawBuffer, tls: false) is { } plain ? Compile(plain.Http) : null,
    };

    // A36: the most specific match wins, then a chain that takes any kind, then the default chain. A chain's own TLS context says
    // what it speaks, so a chain is used only for connections that do speak it.
    private static FilterChainConfig? Chain(ListenerConfig listener, TransportProtocol transport, bool tls)
        => listener.FilterChains.FirstOrDefault(chain => chain.Transport == transport && chain.Tls is not null == tls)
            ?? listener.FilterChains.FirstOrDefault(chain => chain.Transport == TransportProtocol.Any && chain.Tls is not null == tls)
            ?? (listener.DefaultFilterChain is { } last && last.Tls is not null == tls ? last : null);

    private static InboundChain Compile(HttpConnectionConfig http)
    {
        // Routes that nobody could find let nothing in (A36).
        var hosts = http.InlineRoutes?.VirtualHosts ?? [];
        var plain = RbacCompiler.Compile(http.Filters);
        return new InboundChain(hosts, [.. hosts.Select(host => host.Routes.Select(route => new InboundRoute(route.Match, Engine(http, host, route, plain))).ToImmutableArray())]);
    }

    private static RbacEngine? Engine(HttpConnectionConfig http, VirtualHostConfig host, RouteRuleConfig route, RbacEngine plain)
        => route.Action is not NonForwardingActionConfig ? null
            : route.FilterOverrides.Count + host.FilterOverrides.Count == 0 ? plain
            : RbacCompiler.Compile(http.Filters.Select(filter => Effective(filter, route.FilterOverrides, host.FilterOverrides)));

    // The most specific override wins (A39).
    private static HttpFilterConfig Effective(HttpFilterConfig filter, FrozenDictionary<string, HttpFilterConfig> ofRoute, FrozenDictionary<string, HttpFilterConfig> ofHost)
        => ofRoute.TryGetValue(filter.Name, out var replaced) || ofHost.TryGetValue(filter.Name, out replaced) ? replaced : filter;
}
