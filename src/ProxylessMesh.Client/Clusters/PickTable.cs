namespace ProxylessMesh.Client.Clusters;

/// <summary>The endpoints that picks draw from at this moment, in localities with weights. Immutable but for the turn of round robin.</summary>
internal sealed class PickTable
{
    private readonly PickGroup[] _groups;
    private readonly long[] _limits;
    private readonly long _total;

    public PickTable(int version, PickGroup[] groups)
    {
        Version = version;
        _groups = groups;
        _limits = new long[groups.Length];
        for (var i = 0; i < groups.Length; i++)
        {
            _total += groups[i].Weight;
            _limits[i] = _total;
        }
    }

    /// <summary>The state of availability that this was built from.</summary>
    public int Version { get; }

    public ReadOnlySpan<PickGroup> Groups => _groups;

    public PickGroup? PickGroup()
    {
        if (_groups.Length <= 1)
        {
            return _groups.Length == 0 ? null : _groups[0];
        }

        var drawn = Random.Shared.NextInt64(_total);
        var i = 0;
        while (drawn >= _limits[i])
        {
            i++;
        }

        return _groups[i];
    }
}

/// <summary>The available endpoints of one locality.</summary>
internal sealed class PickGroup(uint weight, ClusterEndpoint[] endpoints)
{
    // Starts anywhere, so that many processes do not begin with the same endpoint.
    private uint _turn = (uint)Random.Shared.Next();

    public uint Weight { get; } = weight;

    public ClusterEndpoint[] Endpoints { get; } = endpoints;

    public uint NextTurn() => Interlocked.Increment(ref _turn);
}
