namespace ProxylessMesh.Client.Clusters;

/// <summary>The balancers that picks draw from at this moment, with their shares of the calls. Immutable but for the turns of round robin.</summary>
internal sealed class PickTable
{
    private readonly Balancer[] _balancers;
    private readonly double[] _limits;
    private readonly double _total;

    public PickTable(long version, IReadOnlyList<(Balancer Balancer, double Share)> groups)
    {
        Version = version;
        _balancers = new Balancer[groups.Count];
        _limits = new double[groups.Count];
        for (var i = 0; i < groups.Count; i++)
        {
            _balancers[i] = groups[i].Balancer;
            _limits[i] = _total += groups[i].Share;
        }
    }

    /// <summary>The state of availability that this was built from.</summary>
    public long Version { get; }

    public ReadOnlySpan<Balancer> Balancers => _balancers;

    /// <param name="hash">A call that goes by its hash goes to the same priority each time.</param>
    /// <returns>Null when there is nobody.</returns>
    public Balancer? Balancer(ulong? hash)
    {
        if (_balancers.Length <= 1)
        {
            return _balancers.Length == 0 ? null : _balancers[0];
        }

        // Envoy takes the priority of a hashed call from the last two digits of its hash.
        var drawn = _total * (hash is { } key && _balancers[0] is HashBalancer ? key % 100 / 100.0 : Random.Shared.NextDouble());
        var i = 0;
        while (i < _limits.Length - 1 && drawn >= _limits[i])
        {
            i++;
        }

        return _balancers[i];
    }
}
