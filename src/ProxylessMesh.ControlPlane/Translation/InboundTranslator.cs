using Envoy.Config.Core.V3;
using Envoy.Config.Listener.V3;
using Envoy.Config.Route.V3;
using Envoy.Extensions.Filters.Http.Cors.V3;
using Envoy.Extensions.Filters.Network.HttpConnectionManager.V3;
using Google.Protobuf.WellKnownTypes;
using ProxylessMesh.ControlPlane.Workloads;
using ProxylessMesh.Manifests;
using ProxylessMesh.Manifests.Kinds;

namespace ProxylessMesh.ControlPlane.Translation;

/// <summary>A server's listener: which connections it takes (PeerAuthentication), which users' tokens (RequestAuthentication), which calls (AuthorizationPolicy), and from which pages (the routes that lead to it).</summary>
internal static class InboundTranslator
{
    private const string ConnectionManager = "envoy.filters.network.http_connection_manager";

    /// <summary>The listener of <paramref name="workload"/> under the name that it asked for; <paramref name="revoked"/> are SPIFFE IDs that nobody takes.</summary>
    public static Listener Translate(ManifestSet manifests, Workload workload, string requestedName, InboundName name, IReadOnlyList<string>? revoked = null)
    {
        var port = name.Address.Port;
        var mode = MtlsModes.Of(manifests, workload).For(port);
        var http = name.Dialect == InboundDialect.Grpc
            ? HttpConnections(manifests, workload, [], revoked ?? [], RuleAudience.Grpc)
            : InboundPaths.Apply(HttpConnections(manifests, workload, new InboundCors(manifests, workload, port).Routes(), revoked ?? [], RuleAudience.Mesh), manifests.MeshConfig);
        var listener = new Listener
        {
            Name = requestedName,
            Address = new Address { SocketAddress = new SocketAddress { Address = name.Address.Address.ToString(), PortValue = (uint)port } },
        };
        if (name.Dialect == InboundDialect.Grpc)
        {
            listener.FilterChains.Add(TakesTls(mode, workload, port) ? Chain("tls", null, MeshTls.Downstream(), http) : Chain("plaintext", null, null, http));
            return listener;
        }

        if (mode != MtlsMode.Disable)
        {
            listener.FilterChains.Add(Chain("tls", "tls", MeshTls.Downstream(manifests.MeshConfig.RequiresTls13), http));
        }

        if (mode != MtlsMode.Strict)
        {
            listener.FilterChains.Add(Chain("plaintext", "raw_buffer", null, http));
        }

        return listener;
    }

    // A gRPC server cannot take both on one port. Where both are allowed it serves what its callers are told: the endpoint's tlsMode.
    private static bool TakesTls(MtlsMode mode, Workload workload, int port)
        => mode == MtlsMode.Strict || (mode == MtlsMode.Permissive && workload.Ports.Any(candidate => candidate.Number == port && candidate.TakesMeshTls));

    private static FilterChain Chain(string name, string? transportProtocol, TransportSocket? socket, HttpConnectionManager http)
    {
        var chain = new FilterChain
        {
            Name = name,
            TransportSocket = socket,
            Filters = { new Filter { Name = ConnectionManager, TypedConfig = Any.Pack(http) } },
        };
        if (transportProtocol is not null)
        {
            chain.FilterChainMatch = new FilterChainMatch { TransportProtocol = transportProtocol };
        }

        return chain;
    }

    private static HttpConnectionManager HttpConnections(ManifestSet manifests, Workload workload, IReadOnlyList<Route> corsRoutes, IReadOnlyList<string> revoked, RuleAudience audience)
    {
        HttpFilter[] cors = corsRoutes.Count > 0 ? [ListenerTranslator.Filter(CorsTranslator.Filter, new Cors())] : [];
        return new HttpConnectionManager
        {
            StatPrefix = "inbound",
            RouteConfig = new RouteConfiguration
            {
                Name = "inbound",
                VirtualHosts =
                {
                    new VirtualHost
                    {
                        Name = "inbound",
                        Domains = { "*" },
                        Routes = { corsRoutes, new Route { Name = "inbound", Match = new RouteMatch { Prefix = "/" }, NonForwardingAction = new NonForwardingAction() } },
                    },
                },
            },
            HttpFilters = { cors, RevokedTranslator.Filters(revoked), RequestAuthenticationTranslator.Filters(manifests, workload), AuthorizationTranslator.Filters(manifests, workload, audience), InboundLimitsTranslator.Filters(manifests, workload), LoadReportTranslator.Filters(manifests, workload), ListenerTranslator.Router },
        };
    }
}
