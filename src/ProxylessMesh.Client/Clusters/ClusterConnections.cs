using ProxylessMesh.Xds.Resources;

namespace ProxylessMesh.Client.Clusters;

/// <summary>Counts the connections to all endpoints of a cluster and holds new ones back above <c>max_connections</c>. Unlimited by default.</summary>
/// <remarks>
/// As in Envoy: an endpoint without any connection always gets one, or calls to it would wait for nothing; any further connection waits
/// until another of the cluster closes, while the calls that want it wait for the connections that are there. Connections are shared by
/// both priorities, so the threshold is that of the default one.
/// </remarks>
internal sealed class ClusterConnections
{
    private readonly Lock _lock = new();
    private TaskCompletionSource? _changed;
    private long _limit = long.MaxValue;
    private int _open;

    /// <summary>Connections that are open or being opened.</summary>
    public int Open => Volatile.Read(ref _open);

    public void Use(CircuitBreakerConfig config)
    {
        lock (_lock)
        {
            _limit = config.MaxConnections ?? long.MaxValue;
            WakeLocked();
        }
    }

    /// <summary>Takes a place for one more connection of an endpoint.</summary>
    /// <returns>Null when there is one; otherwise what to wait for before asking again.</returns>
    public Task? TryTake(EndpointConnections endpoint)
    {
        lock (_lock)
        {
            if (_open >= _limit && endpoint.Taken > 0)
            {
                return (_changed ??= new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously)).Task;
            }

            _open++;
            endpoint.Taken++;
            return null;
        }
    }

    /// <summary>Takes a place whatever the limit.</summary>
    public void Take(EndpointConnections endpoint)
    {
        lock (_lock)
        {
            _open++;
            endpoint.Taken++;
        }
    }

    public void Return(EndpointConnections endpoint)
    {
        lock (_lock)
        {
            _open--;
            endpoint.Taken--;
            WakeLocked();
        }
    }

    private void WakeLocked()
    {
        _changed?.SetResult();
        _changed = null;
    }
}

/// <summary>The connections of one endpoint.</summary>
internal sealed class EndpointConnections
{
    private ClusterConnections _cluster = new();
    private int _ready;

    /// <summary>Open and able to carry calls.</summary>
    public int Ready => Volatile.Read(ref _ready);

    /// <summary>Open or being opened. For <see cref="ClusterConnections"/> alone, under its lock.</summary>
    internal int Taken { get; set; }

    /// <summary>From now on its connections count for a cluster. To be called before the first of them.</summary>
    public void Join(ClusterConnections cluster) => _cluster = cluster;

    /// <summary>Waits for a place for one more connection. It ends with <see cref="Closed"/>.</summary>
    /// <returns>Whether it had to wait.</returns>
    public async ValueTask<bool> TakeAsync(CancellationToken cancellationToken)
    {
        var waited = false;
        while (_cluster.TryTake(this) is { } changed)
        {
            waited = true;
            await changed.WaitAsync(cancellationToken).ConfigureAwait(false);
        }

        return waited;
    }

    /// <summary>Takes a place whatever the limit: a health check must not wait for the calls.</summary>
    public void TakeBeyondLimit() => _cluster.Take(this);

    /// <summary>The connection is made.</summary>
    public void Opened() => Interlocked.Increment(ref _ready);

    /// <param name="wasReady">False for one that was never made.</param>
    public void Closed(bool wasReady)
    {
        if (wasReady)
        {
            Interlocked.Decrement(ref _ready);
        }

        _cluster.Return(this);
    }
}
