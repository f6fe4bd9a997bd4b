using System.Collections.Frozen;
using ProxylessMesh.Xds.Resources;

namespace ProxylessMesh.Client.Clusters;

/// <summary>Finds the endpoint that a session lives at, if it may still lead there (gRFC A55).</summary>
internal sealed class SessionTable(ClusterPriority[] priorities)
{
    private readonly FrozenDictionary<string, ClusterEndpoint> _endpoints = priorities
        .SelectMany(static priority => priority.Localities.SelectMany(locality => Homes(priority.Balancer.Sessions, locality)))
        .DistinctBy(static endpoint => endpoint.Name)
        .ToFrozenDictionary(static endpoint => endpoint.Name, StringComparer.Ordinal);

    /// <param name="name">As in <see cref="ClusterEndpoint.Name"/>.</param>
    /// <returns>Null when it has to live elsewhere from now on.</returns>
    public ClusterEndpoint? Find(string name) => _endpoints.TryGetValue(name, out var endpoint) && endpoint.IsAvailable ? endpoint : null;

    private static IEnumerable<ClusterEndpoint> Homes(SessionHosts hosts, ClusterLocality locality)
        => (hosts.HasFlag(SessionHosts.Healthy) ? locality.Healthy : [])
            .Concat(hosts.HasFlag(SessionHosts.Draining) ? locality.Draining : [])
            .Select(static member => member.Endpoint);
}
