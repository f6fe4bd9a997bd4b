using System.Net;
using System.Net.Http.Headers;
using Microsoft.Extensions.Logging;
using ProxylessMesh.Client.Telemetry;
using ProxylessMesh.Xds.Resources;

namespace ProxylessMesh.Client.Clusters;

/// <summary>The long-lived side of one cluster: its endpoints, calls, retry budget and ejections, kept from config to config.</summary>
internal sealed partial class ClusterMembers : IDisposable
{
    private static readonly TimeSpan FirstBackOff = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan LongestBackOff = TimeSpan.FromSeconds(30);

    private readonly TableRefresh _refresh;
    private readonly ILogger _logger;
    private volatile WeightedRoundRobinConfig? _reports;
    private volatile LatencyAge? _latency;
    private ClusterEndpoint[] _live = [];
    private int _availabilityVersion;
    private long _choices;

    public ClusterMembers(string name, TimeProvider time, MeshMeter meter, ILogger logger)
    {
        Name = name;
        _logger = logger;
        Time = time;
        Meter = meter;
        _refresh = new TableRefresh(time, () => Volatile.Read(ref _live), AvailabilityChanged);
        Outliers = new OutlierDetector(name, () => Volatile.Read(ref _live), AvailabilityChanged, time, meter, logger);
        Checks = new HealthChecker(name, () => Volatile.Read(ref _live), AvailabilityChanged, Outliers.CheckPassed, time, meter, logger);
    }

    public string Name { get; }

    public TimeProvider Time { get; }

    public MeshMeter Meter { get; }

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
        UseBalancer(config.LoadBalancer);
    }

    /// <summary>How fast latencies are forgotten, where picks go by them; null: nobody measures.</summary>
    public TimeSpan? LatencyDecay => _latency?.Decay;

    /// <summary>Reads the load report that came with an answer, where picks go by such reports.</summary>
    public void ReadReport(ClusterEndpoint endpoint, HttpHeaders headers)
    {
        if (_reports is { } config && LoadReport.TryRead(headers, out var report))
        {
            endpoint.ReportedWeight.Update(Time, report, config.ErrorUtilizationPenalty);
        }
    }

    /// <summary>Counts the choices of pick first.</summary>
    public long NextChoice() => Interlocked.Increment(ref _choices);

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
        _refresh.Dispose();
    }

    private async Task EndBackOffAsync(ClusterEndpoint endpoint, TimeSpan wait)
    {
        await Task.Delay(wait, Time).ConfigureAwait(false);
        endpoint.EndBackOff();
        AvailabilityChanged();
    }

    private void UseBalancer(LoadBalancerConfig balancer)
    {
        var reports = balancer.Kind == LoadBalancerKind.WeightedRoundRobin ? balancer.WeightedRoundRobin : null;
        if (reports is { OutOfBandReports: true } && _reports is not { OutOfBandReports: true })
        {
            OutOfBandUnsupported(_logger, Name);
        }

        _reports = reports;
        _latency = balancer.Kind == LoadBalancerKind.PeakEwma ? new LatencyAge(balancer.PeakEwmaDecay) : null;
        _refresh.Use(balancer);
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

    [LoggerMessage(2205, LogLevel.Warning, "Cluster '{Cluster}' asks for load reports out of band, which this version does not open a stream for: those that come with answers are used")]
    private static partial void OutOfBandUnsupported(ILogger logger, string cluster);

    private sealed record LatencyAge(TimeSpan Decay);
}

/// <summary>Endpoints with the same key share state and connections: same address, same way to connect and to keep connections, same peers expected.</summary>
internal readonly record struct EndpointKey(IPEndPoint Address, bool IsTls, string Connection);
