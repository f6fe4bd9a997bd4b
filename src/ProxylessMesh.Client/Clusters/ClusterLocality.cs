using ProxylessMesh.Xds.Resources;

namespace ProxylessMesh.Client.Clusters;

/// <summary>One locality of a compiled cluster: who may take calls, and who only finishes what runs.</summary>
internal sealed record ClusterLocality(int Priority, uint Weight, ClusterEndpoint[] Healthy, ClusterEndpoint[] Draining)
{
    public static ClusterLocality Compile(LocalityConfig config, Func<EndpointConfig, ClusterEndpoint> endpoint)
    {
        var healthy = new List<ClusterEndpoint>(config.Endpoints.Length);
        var draining = new List<ClusterEndpoint>();
        foreach (var member in config.Endpoints)
        {
            (member.Health switch
            {
                EndpointHealth.Healthy => healthy,
                EndpointHealth.Draining => draining,
                _ => null,
            })?.Add(endpoint(member));
        }

        return new ClusterLocality(config.Priority, config.Weight, [.. healthy], [.. draining]);
    }
}
