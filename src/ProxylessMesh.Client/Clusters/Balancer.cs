using ProxylessMesh.Xds.Resources;

namespace ProxylessMesh.Client.Clusters;

/// <summary>Picks one endpoint of a group that has at least one. Any number of threads pick at once; nothing is locked or allocated.</summary>
/// <param name="endpoints">Those that may be picked; none of weight 0.</param>
internal abstract class Balancer(ClusterEndpoint[] endpoints)
{
    public ClusterEndpoint[] Endpoints { get; } = endpoints;

    public abstract ClusterEndpoint Pick(in PickInput input);

    /// <param name="config">The policy.</param>
    /// <param name="members">At least one.</param>
    /// <param name="moment">For weights that change with time.</param>
    public static Balancer For(LoadBalancerConfig config, LocalityMember[] members, PickMoment moment)
    {
        if (config.Kind == LoadBalancerKind.PickFirst)
        {
            return PickFirstBalancer.Of(members, config.PickFirstShuffles ? moment.Client.Seed : null);
        }

        var endpoints = Array.ConvertAll(members, static member => member.Endpoint);
        if (members.Length == 1)
        {
            return new RoundRobinBalancer(endpoints);
        }

        return config.Kind switch
        {
            LoadBalancerKind.WeightedRoundRobin => RoundRobin(endpoints, ReportedWeights.Of(config.WeightedRoundRobin, endpoints, moment)),
            LoadBalancerKind.LeastRequest => LeastRequest(config, endpoints, SlowStart.Weights(config.SlowStart, members, moment)),
            LoadBalancerKind.Random => WeightTable.For(SlowStart.Weights(null, members, moment)) is { } weights
                ? new WeightedRandomBalancer(endpoints, weights)
                : new RandomBalancer(endpoints),
            LoadBalancerKind.PeakEwma => new PeakEwmaBalancer(endpoints, SlowStart.Weights(null, members, moment), config.ChoiceCount, moment.Time),
            _ => RoundRobin(endpoints, SlowStart.Weights(config.SlowStart, members, moment)),
        };
    }

    private static Balancer RoundRobin(ClusterEndpoint[] endpoints, double[] weights)
        => WeightTable.For(weights) is { } table ? new WeightedRoundRobinBalancer(endpoints, table) : new RoundRobinBalancer(endpoints);

    private static Balancer LeastRequest(LoadBalancerConfig config, ClusterEndpoint[] endpoints, double[] weights)
        => WeightTable.For(weights) is { } table
            ? new WeightedLeastRequestBalancer(endpoints, weights, table, config.ActiveRequestBias)
            : new LeastRequestBalancer(endpoints, config.ChoiceCount);
}

/// <summary>What a table is built with besides its config.</summary>
/// <param name="Time">The clock.</param>
/// <param name="Client">Who this client is.</param>
/// <param name="Meter">For what is told of weights; null: nothing is.</param>
internal sealed record PickMoment(TimeProvider Time, ClientTraits Client, Telemetry.MeshMeter? Meter)
{
    public long Now { get; } = Time.GetTimestamp();
}

/// <summary>What balancing knows of this process.</summary>
/// <param name="Region">Where it runs; empty: unknown.</param>
/// <param name="Zone">The zone in the region.</param>
/// <param name="SubZone">The part of the zone.</param>
/// <param name="Seed">Different in each process and the same for its life: by it clients spread over subsets and first addresses.</param>
internal sealed record ClientTraits(string Region, string Zone, string SubZone, long Seed)
{
    public static readonly ClientTraits Unknown = new("", "", "", Random.Shared.NextInt64());
}
