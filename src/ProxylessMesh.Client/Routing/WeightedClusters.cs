using ProxylessMesh.Client.Clusters;
using ProxylessMesh.Xds.Resources;

namespace ProxylessMesh.Client.Routing;

/// <summary>The sides of a split and how often each is drawn. A call draws once and keeps its side across retries.</summary>
internal sealed class WeightedClusters
{
    private readonly RouteTarget[] _targets;
    private readonly ulong[] _limits;
    private readonly ulong _total;

    public WeightedClusters(RouteTarget[] targets, ReadOnlySpan<uint> weights)
    {
        _targets = targets;
        _limits = new ulong[targets.Length];
        for (var i = 0; i < targets.Length; i++)
        {
            _total += weights[i];
            _limits[i] = _total;
        }
    }

    public ReadOnlySpan<RouteTarget> Targets => _targets;

    public RouteTarget Pick() => _targets.Length == 1 ? _targets[0] : At((ulong)Random.Shared.NextInt64((long)_total));

    /// <summary>The same hash, the same side (Envoy <c>use_hash_policy</c>); without one any.</summary>
    public RouteTarget Pick(ulong? hash) => hash is { } value ? At(value % _total) : Pick();

    /// <summary>The side that a number below the sum of the weights falls on.</summary>
    public RouteTarget At(ulong drawn)
    {
        var i = 0;
        while (drawn >= _limits[i])
        {
            i++;
        }

        return _targets[i];
    }
}

/// <summary>One side of a split.</summary>
/// <param name="Name">The cluster's name.</param>
/// <param name="Cluster">Null when it does not exist: calls to this side fail.</param>
/// <param name="Error">Why there is no cluster.</param>
/// <param name="Headers">Header changes for this side, its route and its host, or null where there are none.</param>
/// <param name="Fault">What is done to calls to this side.</param>
internal sealed record RouteTarget(string Name, Cluster? Cluster, string? Error, HeaderOperations? Headers, FaultConfig? Fault)
{
    /// <summary>Null: the path stays.</summary>
    public PathRewrite? PathRewrite { get; init; }

    /// <summary>Null: the authority stays.</summary>
    public HostRewriteConfig? HostRewrite { get; init; }

    /// <summary>Null: calls belong to no session.</summary>
    public SessionAffinity? Session { get; init; }
}
