using System.Net;
using Microsoft.Extensions.Logging;
using ProxylessMesh.Client.Telemetry;
using ProxylessMesh.Xds.Resources;

namespace ProxylessMesh.Client.Clusters;

/// <summary>The long-lived side of one cluster: its endpoints, calls, retry budget and ejections, kept from config to config.</summary>
internal sealed class ClusterMembers : IDisposable
{
    private static readonly TimeSpan FirstBackOff = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan LongestBackOff = TimeSpan.FromSeconds(30);

    private readonly TimeProvider _time;
    private ClusterEndpoint[] _live = [];
    private int _availabilityVersion;

    public ClusterMembers(string name, TimeProvider time, MeshMeter meter, ILogger logger)
    {
        Name = name;
        _time = time;
        Outliers = new OutlierDetector(name, () => Volatile.Read(ref _live), AvailabilityChanged, time, meter, logger);
        Checks = new HealthChecker(name, () => Volatile.Read(ref _live), AvailabilityChanged, Outliers.CheckPassed, time, meter, logger);
    }

    public string Name { get; }

    /// <summary>For calls of the default priority.</summary>
    public CircuitBreaker Breaker { get; } = new();

    /// <summary>For calls on routes of <c>priority: HIGH</c>.</summary>
    public CircuitBreaker HighPriorityBreaker { get; } = new();

    public RetryBudget RetryBudget => Breaker.Retries;

    public ClusterConnections Connections { get; } = new();

    public OutlierDetector Outliers { get; }

    public HealthChecker Checks { get; }

    /// <summary>Changes whenever somebody leaves or comes back to balancing.</summary>
    public int AvailabilityVersion => Volatile.Read(ref _availabilityVersion);

    /// <summary>For <see cref="EndpointTable"/> alone: endpoints and how many compiled clusters use each.</summary>
    internal Dictionary<EndpointKey, (ClusterEndpoint Endpoint, int Uses)> Table { get; } = [];

    /// <summary>For <see cref="EndpointTable"/> alone: compiled clusters in use, newest last, and how many hosts use each.</summary>
    internal List<(Cluster Cluster, int Uses)> Compiled { get; } = [];

    public void Use(ClusterConfig config)
    {
        Breaker.Use(config.CircuitBreaker);
        HighPriorityBreaker.Use(config.HighPriorityCircuitBreaker);
        Connections.Use(config.CircuitBreaker);
        Outliers.Use(config.OutlierDetection);
        Checks.Use(config);
    }

    public CircuitBreaker BreakerOf(bool isHighPriority) => isHighPriority ? HighPriorityBreaker : Breaker;

    /// <summary>Whether an attempt, counted at its endpoint already, may wait for a connection if it has to (<c>max_pending_requests</c>).</summary>
    public bool MayWait(ClusterEndpoint endpoint, CircuitBreaker breaker)
        => breaker.PendingLimit == long.MaxValue || endpoint.Pending == 0 || CountPending() <= breaker.PendingLimit;

    public void MembersChanged() => Volatile.Write(ref _live, [.. Table.Values.Select(static entry => entry.Endpoint)]);

    /// <summary>Leaves an endpoint out for a while after a failed connect; each in a row doubles the time.</summary>
    public void BackOff(ClusterEndpoint endpoint)
    {
        var failures = endpoint.BackOff();
        if (failures == 0)
        {
            return;
        }

        AvailabilityChanged();
        var wait = Math.Min(LongestBackOff.TotalSeconds, FirstBackOff.TotalSeconds * Math.Pow(2, Math.Min(failures - 1, 10)));
        wait *= 0.8 + (Random.Shared.NextDouble() * 0.4);
        using (ExecutionContext.SuppressFlow())
        {
            _ = EndBackOffAsync(endpoint, TimeSpan.FromSeconds(wait));
        }
    }

    public void Dispose()
    {
        Outliers.Dispose();
        Checks.Dispose();
    }

    private async Task EndBackOffAsync(ClusterEndpoint endpoint, TimeSpan wait)
    {
        await Task.Delay(wait, _time).ConfigureAwait(false);
        endpoint.EndBackOff();
        AvailabilityChanged();
    }

    private long CountPending()
    {
        var pending = 0L;
        foreach (var endpoint in Volatile.Read(ref _live))
        {
            pending += endpoint.Pending;
        }

        return pending;
    }

    private void AvailabilityChanged() => Interlocked.Increment(ref _availabilityVersion);
}

/// <summary>Endpoints with the same key share state and connections: same address, same way to connect and to keep connections, same peers expected.</summary>
internal readonly record struct EndpointKey(IPEndPoint Address, bool IsTls, string Connection);
