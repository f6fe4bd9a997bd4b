using ProxylessMesh.Xds.Resources;

namespace ProxylessMesh.Client.Clusters;

/// <summary>The localities of one priority of a cluster, and how picks go among them.</summary>
internal sealed class ClusterPriority
{
    public ClusterPriority(LoadBalancerConfig balancer, uint? overprovisioningFactor, int level, ClusterLocality[] localities)
    {
        Balancer = balancer;
        OverprovisioningFactor = overprovisioningFactor;
        Level = level;
        Localities = localities;

        // Over everybody, so that whoever leaves and comes back moves no calls but its own, and nothing is built when they do.
        HashTable = HashTable.IsUsedBy(balancer.Kind) ? HashTable.Build(balancer, Members(static locality => locality.Healthy)) : null;
    }

    public LoadBalancerConfig Balancer { get; }

    public uint? OverprovisioningFactor { get; }

    /// <summary>Its number within its own cluster.</summary>
    public int Level { get; }

    public ClusterLocality[] Localities { get; }

    public HashTable? HashTable { get; }

    public static ClusterPriority[] Compile(LoadBalancerConfig balancer, EndpointsConfig? endpoints, ClusterLocality[] localities)
        => [.. localities
            .GroupBy(static locality => locality.Config.Priority)
            .OrderBy(static priority => priority.Key)
            .Select(priority => new ClusterPriority(balancer, endpoints?.OverprovisioningFactor, priority.Key, [.. priority]))];

    public LocalityMember[] Members(Func<ClusterLocality, LocalityMember[]> members) => [.. Localities.SelectMany(members)];

    public PriorityHealth Health()
    {
        var (available, total) = (0, 0);
        foreach (var locality in Localities)
        {
            total += locality.Total;
            available += CountAvailable(locality);
        }

        return new PriorityHealth(available, total, OverprovisioningFactor, Balancer.PanicThreshold);
    }

    public static int CountAvailable(ClusterLocality locality)
    {
        var available = 0;
        foreach (var member in locality.Healthy)
        {
            available += member.Endpoint.IsAvailable ? 1 : 0;
        }

        return available;
    }
}
