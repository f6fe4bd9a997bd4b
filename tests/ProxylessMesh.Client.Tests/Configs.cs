using System.Collections.Frozen;
using System.Collections.Immutable;
using System.Net;
using ProxylessMesh.Xds;
using ProxylessMesh.Xds.Matching;
using ProxylessMesh.Xds.Resources;

namespace ProxylessMesh.Client.Tests;

/// <summary>Configs as the decoder makes them, for tests that care for a part of them.</summary>
internal static class Configs
{
    public static XdsConfig Host(string name, params IPEndPoint[] addresses) => Host(name, Forward(name), Cluster(name, addresses));

    public static XdsConfig Host(string name, RouteActionConfig action, params ClusterState[] clusters)
        => Host(name, [Route(action)], clusters);

    public static XdsConfig Host(string name, ImmutableArray<RouteRuleConfig> routes, params ClusterState[] clusters) => new()
    {
        Name = name,
        Listener = new ListenerConfig { Name = name, Api = new HttpConnectionConfig { RouteConfigName = name } },
        Routes = new RouteConfig { Name = name, VirtualHosts = [new VirtualHostConfig { Name = name, Domains = ["*"], Routes = routes }] },
        Clusters = clusters.ToFrozenDictionary(static cluster => cluster.Config!.Name),
    };

    public static RouteRuleConfig Route(RouteActionConfig action, string prefix = "/")
        => new() { Name = prefix, Match = new RequestMatcher { Path = PathMatcher.Prefix(prefix) }, Action = action };

    public static ForwardActionConfig Forward(params string[] clusters)
        => new() { Clusters = [.. clusters.Select(static name => new WeightedClusterConfig { Cluster = name })] };

    public static ClusterState Cluster(string name, params IPEndPoint[] addresses)
        => Cluster(new ClusterConfig { Name = name, EdsName = name }, addresses);

    public static ClusterState Cluster(ClusterConfig config, params IPEndPoint[] addresses) => new()
    {
        Config = config,
        Endpoints = Endpoints(config.Name, [.. addresses.Select(static address => new EndpointConfig { Address = address })]),
    };

    public static EndpointsConfig Endpoints(string name, params ImmutableArray<EndpointConfig> endpoints)
        => new() { Name = name, Localities = [new LocalityConfig { Endpoints = endpoints }] };

    public static XdsConfig With(this XdsConfig config, FaultConfig fault) => config with
    {
        Listener = config.Listener with
        {
            Api = config.Listener.Api! with { Filters = [new FaultFilterConfig("fault", fault), new RouterFilterConfig("router")] },
        },
    };
}
