using ProxylessMesh.Rbac;
using ProxylessMesh.Xds;
using ProxylessMesh.Xds.Resources;

namespace ProxylessMesh.Snapshots;

/// <summary>InboundConfig to <see cref="InboundSnapshot"/>. What decodes, compiles.</summary>
internal static class InboundCompiler
{
    public static InboundSnapshot Compile(InboundConfig config)
    {
        var listener = config.Listener;
        return new InboundSnapshot
        {
            Tls = Chain(listener, TransportProtocol.Tls, tls: true) is { } secure ? RbacCompiler.Compile(secure.Http.Filters) : null,
            Plaintext = Chain(listener, TransportProtocol.RawBuffer, tls: false) is { } plain ? RbacCompiler.Compile(plain.Http.Filters) : null,
        };
    }

    // A36: the most specific match wins, then a chain that takes any kind, then the default chain. A chain's own TLS context says
    // what it speaks, so a chain is used only for connections that do speak it.
    private static FilterChainConfig? Chain(ListenerConfig listener, TransportProtocol transport, bool tls)
        => listener.FilterChains.FirstOrDefault(chain => chain.Transport == transport && chain.Tls is not null == tls)
            ?? listener.FilterChains.FirstOrDefault(chain => chain.Transport == TransportProtocol.Any && chain.Tls is not null == tls)
            ?? (listener.DefaultFilterChain is { } last && last.Tls is not null == tls ? last : null);
}
