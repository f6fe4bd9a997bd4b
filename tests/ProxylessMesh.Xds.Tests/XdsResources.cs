using Envoy.Config.Cluster.V3;
using Envoy.Config.Core.V3;
using Envoy.Config.Endpoint.V3;
using Envoy.Config.Listener.V3;
using Envoy.Config.Route.V3;
using Envoy.Extensions.Filters.Http.Router.V3;
using Envoy.Extensions.Filters.Network.HttpConnectionManager.V3;
using Google.Protobuf.WellKnownTypes;

namespace ProxylessMesh.Xds.Tests;

/// <summary>The smallest valid resources, for tests to change.</summary>
internal static class XdsResources
{
    public static readonly ConfigSource Ads = new() { Ads = new AggregatedConfigSource() };

    public static HttpConnectionManager Hcm(string? routeName = "routes") => new()
    {
        Rds = routeName is null ? null : new Rds { ConfigSource = Ads, RouteConfigName = routeName },
        HttpFilters = { new HttpFilter { Name = "router", TypedConfig = Any.Pack(new Router()) } },
    };

    public static Listener Listener(string name = "catalog", string routeName = "routes")
        => new() { Name = name, ApiListener = new ApiListener { ApiListener_ = Any.Pack(Hcm(routeName)) } };

    public static Listener ServerListener(string name, params FilterChain[] chains) => new()
    {
        Name = name,
        Address = Address("127.0.0.1", 8080),
        FilterChains = { chains },
    };

    public static FilterChain Chain(HttpConnectionManager hcm)
        => new() { Filters = { new Envoy.Config.Listener.V3.Filter { Name = "hcm", TypedConfig = Any.Pack(hcm) } } };

    public static RouteConfiguration Routes(string name = "routes", params string[] clusters) => new()
    {
        Name = name,
        VirtualHosts =
        {
            new VirtualHost
            {
                Name = "host",
                Domains = { "*" },
                Routes = { (clusters.Length == 0 ? ["orders"] : clusters).Select(cluster => RouteTo(cluster)) },
            },
        },
    };

    public static Route RouteTo(string cluster)
        => new() { Match = new RouteMatch { Prefix = "/" }, Route_ = new RouteAction { Cluster = cluster } };

    public static Cluster Cluster(string name = "orders")
        => new() { Name = name, Type = Envoy.Config.Cluster.V3.Cluster.Types.DiscoveryType.Eds, EdsClusterConfig = new Cluster.Types.EdsClusterConfig { EdsConfig = Ads } };

    public static ClusterLoadAssignment Endpoints(string name = "orders", int port = 8080) => new()
    {
        ClusterName = name,
        Endpoints =
        {
            new LocalityLbEndpoints
            {
                Locality = new Locality { Region = "eu" },
                LoadBalancingWeight = 1,
                LbEndpoints = { new LbEndpoint { Endpoint = new Endpoint { Address = Address("10.0.0.1", port) } } },
            },
        },
    };

    public static Address Address(string ip, int port) => new() { SocketAddress = new SocketAddress { Address = ip, PortValue = (uint)port } };
}
