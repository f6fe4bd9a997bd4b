namespace ProxylessMesh.Client.Clusters;

/// <summary>One after the other.</summary>
internal sealed class RoundRobinBalancer(ClusterEndpoint[] endpoints) : Balancer(endpoints)
{
    // Starts anywhere, so that many processes do not begin with the same endpoint.
    private uint _turn = (uint)Random.Shared.Next();

    public override ClusterEndpoint Pick(in PickInput input) => Endpoints[Interlocked.Increment(ref _turn) % (uint)Endpoints.Length];
}

/// <summary>One after the other, each as often as its weight says and as evenly apart as can be.</summary>
/// <remarks>
/// Turn n falls on the n-th multiple of the golden section, counted round the length of all weights: of all such sequences the one that
/// spreads best over any stretch. So there is no queue to hold in order, and a pick is one increment and a search.
/// </remarks>
internal sealed class WeightedRoundRobinBalancer(ClusterEndpoint[] endpoints, WeightTable weights) : Balancer(endpoints)
{
    // 2^64 divided by the golden ratio.
    private const ulong GoldenSection = 0x9E37_79B9_7F4A_7C15;

    private ulong _turn = (ulong)Random.Shared.NextInt64();

    public override ClusterEndpoint Pick(in PickInput input)
    {
        var place = Interlocked.Increment(ref _turn) * GoldenSection;
        return Endpoints[weights.Find((place >> 11) * (1.0 / (1UL << 53)))];
    }
}
