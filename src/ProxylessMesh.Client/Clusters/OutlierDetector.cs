using System.Net;
using Microsoft.Extensions.Logging;
using ProxylessMesh.Client.Telemetry;
using ProxylessMesh.Xds.Resources;

namespace ProxylessMesh.Client.Clusters;

/// <summary>
/// Takes endpoints that do worse than they should out of a cluster for a while, with Envoy's arithmetic: consecutive 5xx, gateway and
/// local-origin failures eject at once; success rate and failure percentage (gRFC A50) are looked at once per interval. One timer per
/// cluster does that and lets endpoints back.
/// </summary>
/// <remarks>
/// How many may be out: the percentage, this one included. One may be out whatever the percentage (A50), unless the percentage is 0,
/// which says nobody, and <c>always_eject_one_host</c> does not say otherwise.
/// </remarks>
internal sealed partial class OutlierDetector : IDisposable
{
    private readonly string _cluster;
    private readonly Func<ClusterEndpoint[]> _endpoints;
    private readonly Action _changed;
    private readonly TimeProvider _time;
    private readonly MeshMeter _meter;
    private readonly ILogger _logger;
    private readonly Lock _lock = new();
    private readonly ITimer _timer;
    private OutlierDetectionConfig? _config;

    public OutlierDetector(string cluster, Func<ClusterEndpoint[]> endpoints, Action changed, TimeProvider time, MeshMeter meter, ILogger logger)
    {
        _cluster = cluster;
        _endpoints = endpoints;
        _changed = changed;
        _time = time;
        _meter = meter;
        _logger = logger;
        _timer = time.CreateTimer(static self => ((OutlierDetector)self!).Sweep(), this, Timeout.InfiniteTimeSpan, Timeout.InfiniteTimeSpan);
    }

    /// <summary>Goes on with new settings. Without any, those that are out come back at once.</summary>
    public void Use(OutlierDetectionConfig? config)
    {
        lock (_lock)
        {
            var intervalChanged = _config?.Interval != config?.Interval;
            Volatile.Write(ref _config, config);
            if (intervalChanged)
            {
                var interval = config?.Interval ?? Timeout.InfiniteTimeSpan;
                _timer.Change(interval, interval);
            }

            if (config is null)
            {
                ReturnAllLocked();
            }
        }
    }

    /// <summary>Counts one finished call. Any thread.</summary>
    public void Record(ClusterEndpoint endpoint, EndpointResult result)
    {
        var config = Volatile.Read(ref _config);
        if (config is null)
        {
            return;
        }

        var state = endpoint.Outlier;
        if (config.SplitLocalOriginErrors && !RecordLocal(config, endpoint, !result.IsLocal))
        {
            return;
        }

        if (HasStatistics(config))
        {
            state.CountExternal(!result.IsServerError);
        }

        if (!result.IsServerError)
        {
            state.ClearServerErrors();
            state.ClearGatewayErrors();
            return;
        }

        if (!result.IsGatewayError)
        {
            state.ClearGatewayErrors();
        }
        else if (state.CountGatewayError() == config.ConsecutiveGatewayFailure)
        {
            EjectConsecutive(endpoint, "consecutive_gateway_failure", config.EnforcingConsecutiveGatewayFailure);
            state.ClearGatewayErrors();
        }

        if (state.CountServerError() == config.Consecutive5xx)
        {
            EjectConsecutive(endpoint, "consecutive_5xx", config.EnforcingConsecutive5xx);
            state.ClearServerErrors();
        }
    }

    /// <summary>An active health check passed: it ends an ejection, unless the config says that it must not.</summary>
    public void CheckPassed(ClusterEndpoint endpoint)
    {
        lock (_lock)
        {
            if (!endpoint.Outlier.IsEjected || _config is not { SuccessfulActiveHealthCheckUnejects: true })
            {
                return;
            }

            endpoint.Outlier.Return(_time.GetTimestamp());
            EndpointReturned(_logger, endpoint.Address, _cluster);
        }

        _changed();
    }

    public void Dispose() => _timer.Dispose();

    /// <returns>Whether there was an answer to look at.</returns>
    private bool RecordLocal(OutlierDetectionConfig config, ClusterEndpoint endpoint, bool answered)
    {
        var state = endpoint.Outlier;
        if (HasStatistics(config))
        {
            state.CountLocal(answered);
        }

        if (answered)
        {
            state.ClearLocalFailures();
        }
        else if (state.CountLocalFailure() == config.ConsecutiveLocalOriginFailure)
        {
            EjectConsecutive(endpoint, "consecutive_local_origin_failure", config.EnforcingConsecutiveLocalOriginFailure);
            state.ClearLocalFailures();
        }

        return answered;
    }

    private static bool HasStatistics(OutlierDetectionConfig config) => config.SuccessRate is not null || config.FailurePercentage is not null;

    private void EjectConsecutive(ClusterEndpoint endpoint, string method, int enforcingPercent)
    {
        bool ejected;
        lock (_lock)
        {
            ejected = _config is { } config && TryEjectLocked(config, _endpoints(), endpoint, method, enforcingPercent);
        }

        if (ejected)
        {
            _changed();
        }
    }

    private bool TryEjectLocked(OutlierDetectionConfig config, ClusterEndpoint[] endpoints, ClusterEndpoint endpoint, string method, int enforcingPercent)
    {
        if (endpoint.Outlier.IsEjected || endpoint.IsRemoved)
        {
            return false;
        }

        var ejected = CountEjected(endpoints);
        var mayBeFirst = ejected == 0 && (config.MaxEjectionPercent > 0 || config.AlwaysEjectOneHost);
        if (!mayBeFirst && 100.0 * (ejected + 1) / endpoints.Length > config.MaxEjectionPercent)
        {
            _meter.EjectionNotEnforced(_cluster, method, "max_ejection_overflow");
            return false;
        }

        if (enforcingPercent < 100 && Random.Shared.Next(100) >= enforcingPercent)
        {
            _meter.EjectionNotEnforced(_cluster, method, "enforcement_percentage");
            return false;
        }

        endpoint.Outlier.Eject(_time.GetTimestamp(), config);
        _meter.Ejected(_cluster, method);
        EndpointEjected(_logger, endpoint.Address, _cluster, method, endpoint.Outlier.EjectionTime(config));
        return true;
    }

    // Envoy's order: whose time is served comes back; then the interval is judged; then who is in is forgiven one step.
    private void Sweep()
    {
        var changed = false;
        lock (_lock)
        {
            if (_config is not { } config)
            {
                return;
            }

            var now = _time.GetTimestamp();
            var endpoints = _endpoints();
            foreach (var endpoint in endpoints)
            {
                changed |= ReturnIfServedLocked(config, endpoint, now);
                endpoint.Outlier.CloseInterval();
            }

            foreach (var (endpoint, method, enforcingPercent) in OutlierStatistics.Outliers(config, endpoints))
            {
                changed |= TryEjectLocked(config, endpoints, endpoint, method, enforcingPercent);
            }

            foreach (var endpoint in endpoints)
            {
                if (!endpoint.Outlier.IsEjected)
                {
                    endpoint.Outlier.Forgive(_time, now, config.Interval);
                }
            }
        }

        if (changed)
        {
            _changed();
        }
    }

    private bool ReturnIfServedLocked(OutlierDetectionConfig config, ClusterEndpoint endpoint, long now)
    {
        var state = endpoint.Outlier;
        if (!state.IsEjected || _time.GetElapsedTime(state.EjectedAt, now) < state.EjectionTime(config))
        {
            return false;
        }

        state.Return(now);
        EndpointReturned(_logger, endpoint.Address, _cluster);
        return true;
    }

    // A50: without a policy everybody is back, and nothing is held against anybody.
    private void ReturnAllLocked()
    {
        foreach (var endpoint in _endpoints())
        {
            endpoint.Outlier.Reset();
        }

        _changed();
    }

    private static int CountEjected(ClusterEndpoint[] endpoints)
    {
        var ejected = 0;
        foreach (var endpoint in endpoints)
        {
            ejected += endpoint.Outlier.IsEjected ? 1 : 0;
        }

        return ejected;
    }

    [LoggerMessage(2201, LogLevel.Warning, "Ejected endpoint {Endpoint} of cluster '{Cluster}' ({Method}); it comes back after {Time}")]
    private static partial void EndpointEjected(ILogger logger, IPEndPoint endpoint, string cluster, string method, TimeSpan time);

    [LoggerMessage(2202, LogLevel.Information, "Endpoint {Endpoint} of cluster '{Cluster}' takes calls again")]
    private static partial void EndpointReturned(ILogger logger, IPEndPoint endpoint, string cluster);
}
