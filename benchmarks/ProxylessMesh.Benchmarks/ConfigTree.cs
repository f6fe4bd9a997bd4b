using System.Collections.Frozen;
using System.Net;
using ProxylessMesh.Xds;
using ProxylessMesh.Xds.Matching;
using ProxylessMesh.Xds.Resources;

namespace ProxylessMesh.Benchmarks;

/// <summary>Accepted configs of a given size, as the xDS client would hand them over.</summary>
internal static class ConfigTree
{
    /// <param name="host">The listener's name.</param>
    /// <param name="endpoints">Endpoints of its one cluster.</param>
    /// <param name="routes">Routes; only the last one matches <c>/</c>, the others match a path of their own.</param>
    public static XdsConfig Of(string host, int endpoints, int routes = 1) => Of(host, endpoints, TimeSpan.FromSeconds(15), routes);

    /// <inheritdoc cref="Of(string, int, int)"/>
    /// <param name="host">The listener's name.</param>
    /// <param name="endpoints">Endpoints of its one cluster.</param>
    /// <param name="timeout">The routes' limit; null: none.</param>
    /// <param name="routes">Routes, as above.</param>
    public static XdsConfig Of(string host, int endpoints, TimeSpan? timeout, int routes = 1)
    {
        var cluster = $"outbound|80||{host}.default.svc.cluster.local";
        return new XdsConfig
        {
            Name = host,
            Listener = new ListenerConfig { Name = host, Api = new HttpConnectionConfig { RouteConfigName = host, Filters = [new RouterFilterConfig("router")] } },
            Routes = new RouteConfig
            {
                Name = host,
                VirtualHosts =
                [
                    new VirtualHostConfig
                    {
                        Name = host,
                        Domains = ["*"],
                        Routes = [.. Enumerable.Range(1, routes).Select(n => new RouteRuleConfig
                        {
                            Match = new RequestMatcher { Path = PathMatcher.Prefix(n == routes ? "/" : $"/route-{n}/") },
                            Action = new ForwardActionConfig { Clusters = [new WeightedClusterConfig { Cluster = cluster }], Timeout = timeout },
                        })],
                    },
                ],
            },
            Clusters = new Dictionary<string, ClusterState> { [cluster] = Cluster(cluster, endpoints) }.ToFrozenDictionary(),
        };
    }

    private static ClusterState Cluster(string name, int endpoints) => new()
    {
        Config = new ClusterConfig { Name = name, EdsName = name, LoadBalancer = new LoadBalancerConfig { Kind = LoadBalancerKind.LeastRequest } },
        Endpoints = new EndpointsConfig
        {
            Name = name,
            Localities = [new LocalityConfig { Endpoints = [.. Enumerable.Range(1, endpoints).Select(static n => new EndpointConfig { Address = new IPEndPoint(new IPAddress([10, (byte)(n >> 16), (byte)(n >> 8), (byte)n]), 8080) })] }],
        },
    };
}
