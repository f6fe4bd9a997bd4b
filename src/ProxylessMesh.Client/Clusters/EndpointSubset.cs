using System.Collections.Immutable;
using ProxylessMesh.Xds.Resources;

namespace ProxylessMesh.Client.Clusters;

/// <summary>The few endpoints that one client uses of many, by rendezvous hashing (gRFC A68): another one comes or goes, and at most one changes.</summary>
internal static class EndpointSubset
{
    /// <summary>Cuts each locality, or each priority where localities do not count, to the size of the policy.</summary>
    public static EndpointsConfig Of(EndpointsConfig endpoints, LoadBalancerConfig balancer, long seed)
    {
        if (balancer.SubsetSize is not { } size)
        {
            return endpoints;
        }

        var byLocality = balancer.ByLocalityWeight && !HashTable.IsUsedBy(balancer.Kind);
        var kept = new HashSet<EndpointConfig>(ReferenceEqualityComparer.Instance);
        foreach (var group in endpoints.Localities.GroupBy(locality => (locality.Priority, byLocality ? locality : null)))
        {
            kept.UnionWith(group
                .SelectMany(static locality => locality.Endpoints)
                .Where(static endpoint => endpoint is { Health: EndpointHealth.Healthy, Weight: > 0 })
                .OrderBy(endpoint => PickFirstBalancer.Rank(endpoint.Address.ToString(), seed))
                .Take(size));
        }

        return endpoints with
        {
            Localities = [.. endpoints.Localities.Select(locality => locality with { Endpoints = Kept(locality.Endpoints) })],
        };

        // Those that take no calls keep theirs: they end what they have.
        ImmutableArray<EndpointConfig> Kept(ImmutableArray<EndpointConfig> members)
            => [.. members.Where(endpoint => endpoint.Health == EndpointHealth.Draining || kept.Contains(endpoint))];
    }
}
