using Envoy.Config.Core.V3;
using Envoy.Config.Listener.V3;
using Envoy.Config.Route.V3;
using Envoy.Extensions.Filters.Http.Router.V3;
using Envoy.Extensions.Filters.Network.HttpConnectionManager.V3;
using Envoy.Extensions.TransportSockets.Tls.V3;
using Google.Protobuf;
using Google.Protobuf.WellKnownTypes;

namespace ProxylessMesh.Tests.Summaries;

/// <summary>A server's listener as the control plane sends it.</summary>
internal static class Wire
{
    public static ByteString Listener(int port, bool strict)
    {
        var http = new HttpConnectionManager
        {
            RouteConfig = new RouteConfiguration
            {
                Name = "inbound",
                VirtualHosts = { new VirtualHost { Name = "inbound", Domains = { "*" }, Routes = { new Route { Match = new RouteMatch { Prefix = "/" }, NonForwardingAction = new NonForwardingAction() } } } },
            },
            HttpFilters = { new HttpFilter { Name = "router", TypedConfig = Any.Pack(new Router()) } },
        };
        var listener = new Listener
        {
            Name = "inbound",
            Address = new Address { SocketAddress = new SocketAddress { Address = "127.0.0.1", PortValue = (uint)port } },
            FilterChains = { Chain("tls", http, Tls()) },
        };
        if (!strict)
        {
            listener.FilterChains.Add(Chain("raw_buffer", http, null));
        }

        return listener.ToByteString();
    }

    private static FilterChain Chain(string transport, HttpConnectionManager http, TransportSocket? socket) => new()
    {
        Name = transport,
        FilterChainMatch = new FilterChainMatch { TransportProtocol = transport },
        TransportSocket = socket,
        Filters = { new Filter { Name = "http", TypedConfig = Any.Pack(http) } },
    };

    private static TransportSocket Tls() => new()
    {
        Name = "envoy.transport_sockets.tls",
        TypedConfig = Any.Pack(new DownstreamTlsContext
        {
            RequireClientCertificate = true,
            CommonTlsContext = new CommonTlsContext
            {
                TlsCertificateProviderInstance = new CertificateProviderPluginInstance { InstanceName = "default" },
                ValidationContext = new CertificateValidationContext { CaCertificateProviderInstance = new CertificateProviderPluginInstance { InstanceName = "default" } },
            },
        }),
    };
}
