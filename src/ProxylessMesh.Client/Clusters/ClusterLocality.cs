using ProxylessMesh.Xds.Resources;

namespace ProxylessMesh.Client.Clusters;

/// <summary>One locality of a compiled cluster: who may take calls, who only finishes what runs, and who is used in panic alone.</summary>
internal sealed record ClusterLocality(LocalityConfig Config, LocalityMember[] Healthy, LocalityMember[] Draining, LocalityMember[] Unhealthy)
{
    /// <summary>All endpoints of the locality that count for its health, whether they were made or not.</summary>
    public int Total { get; } = Config.Endpoints.Length;

    /// <param name="config">The locality.</param>
    /// <param name="balancer">Unhealthy endpoints are only made where panic may lead to them.</param>
    /// <param name="endpoint">Finds or makes an endpoint.</param>
    public static ClusterLocality Compile(LocalityConfig config, LoadBalancerConfig balancer, Func<EndpointConfig, ClusterEndpoint> endpoint)
    {
        var healthy = new List<LocalityMember>(config.Endpoints.Length);
        var draining = new List<LocalityMember>();
        var unhealthy = new List<LocalityMember>();
        foreach (var member in config.Endpoints)
        {
            var group = member.Health switch
            {
                EndpointHealth.Healthy => healthy,
                EndpointHealth.Draining => draining,
                _ => balancer.PanicThreshold > 0 ? unhealthy : null,
            };

            // An endpoint of weight 0 takes no calls.
            if (group is not null && member.Weight > 0)
            {
                group.Add(LocalityMember.Of(endpoint(member), member, config));
            }
        }

        return new ClusterLocality(config, [.. healthy], [.. draining], [.. unhealthy]);
    }
}

/// <summary>One endpoint as one config sees it.</summary>
/// <param name="Endpoint">The endpoint.</param>
/// <param name="Weight">Within its locality, more than 0.</param>
/// <param name="HashWeight">On a ring or table that all localities share: its weight times that of its locality (gRFC A42).</param>
/// <param name="HashKey">What a ring or table hashes (gRFC A76).</param>
internal readonly record struct LocalityMember(ClusterEndpoint Endpoint, double Weight, double HashWeight, string HashKey)
{
    public static LocalityMember Of(ClusterEndpoint endpoint, EndpointConfig config, LocalityConfig locality)
        => new(endpoint, config.Weight, (double)config.Weight * Math.Max(1, locality.Weight), config.HashKey.Length > 0 ? config.HashKey : endpoint.Name);
}
