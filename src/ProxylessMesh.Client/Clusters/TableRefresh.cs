using ProxylessMesh.Xds.Resources;

namespace ProxylessMesh.Client.Clusters;

/// <summary>Has the tables of a cluster built anew from time to time, where weights change with time: load reports, slow start. Others have no timer.</summary>
internal sealed class TableRefresh(TimeProvider time, Func<ClusterEndpoint[]> endpoints, Action refresh) : IDisposable
{
    private static readonly TimeSpan Shortest = TimeSpan.FromMilliseconds(100);

    private readonly Lock _lock = new();
    private ITimer? _timer;
    private LoadBalancerConfig? _config;

    /// <summary>To be called after the endpoints of the config have come.</summary>
    public void Use(LoadBalancerConfig config)
    {
        lock (_lock)
        {
            _config = config;
            ScheduleLocked();
        }
    }

    public void Dispose()
    {
        lock (_lock)
        {
            _config = null;
            _timer?.Dispose();
            _timer = null;
        }
    }

    private void Tick()
    {
        refresh();
        lock (_lock)
        {
            ScheduleLocked();
        }
    }

    private void ScheduleLocked()
    {
        var period = Period();
        if (_timer is null && period is { } first)
        {
            using (ExecutionContext.SuppressFlow())
            {
                _timer = time.CreateTimer(static self => ((TableRefresh)self!).Tick(), this, first, Timeout.InfiniteTimeSpan);
            }
        }
        else
        {
            _timer?.Change(period ?? Timeout.InfiniteTimeSpan, Timeout.InfiniteTimeSpan);
        }
    }

    private TimeSpan? Period()
    {
        if (_config is { Kind: LoadBalancerKind.WeightedRoundRobin } weighted)
        {
            return Longer(weighted.WeightedRoundRobin.WeightUpdatePeriod);
        }

        // A last time after the window has passed, for the whole weight.
        return _config is { Kind: LoadBalancerKind.RoundRobin or LoadBalancerKind.LeastRequest, SlowStart: { } slow } && Array.Exists(endpoints(), endpoint => IsYoung(endpoint, slow))
            ? Longer(slow.Window / 50)
            : null;
    }

    private bool IsYoung(ClusterEndpoint endpoint, SlowStartConfig slow) => time.GetElapsedTime(endpoint.JoinedAt) < slow.Window + Longer(slow.Window / 50);

    private static TimeSpan Longer(TimeSpan period) => period > Shortest ? period : Shortest;
}
