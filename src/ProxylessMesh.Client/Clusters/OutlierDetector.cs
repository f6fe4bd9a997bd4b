using System.Net;
using Microsoft.Extensions.Logging;
using ProxylessMesh.Client.Telemetry;
using ProxylessMesh.Xds.Resources;

namespace ProxylessMesh.Client.Clusters;

/// <summary>
/// Takes endpoints that fail several times in a row out of a cluster for a while, with Envoy's arithmetic: consecutive 5xx, gateway
/// and local-origin failures eject at once; one timer per cluster lets them back.
/// </summary>
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
        if (result.IsLocal && config.SplitLocalOriginErrors)
        {
            EjectAt(config.ConsecutiveLocalOriginFailure, state.CountLocalFailure(), endpoint, "consecutive_local_origin_failure");
            return;
        }

        if (!result.IsLocal)
        {
            state.ClearLocalFailures();
        }

        if (!result.IsServerError)
        {
            state.ClearServerErrors();
            state.ClearGatewayErrors();
            return;
        }

        if (result.IsGatewayError)
        {
            EjectAt(config.ConsecutiveGatewayFailure, state.CountGatewayError(), endpoint, "consecutive_gateway_failure");
        }
        else
        {
            state.ClearGatewayErrors();
        }

        EjectAt(config.Consecutive5xx, state.CountServerError(), endpoint, "consecutive_5xx");
    }

    public void Dispose() => _timer.Dispose();

    private void EjectAt(int? threshold, int count, ClusterEndpoint endpoint, string method)
    {
        // At or above, not equal: an ejection refused for its percentage is tried again by the next failure.
        if (threshold is { } limit && limit > 0 && count >= limit && !endpoint.Outlier.IsEjected)
        {
            Eject(endpoint, count, method);
        }
    }

    private void Eject(ClusterEndpoint endpoint, int count, string method)
    {
        lock (_lock)
        {
            if (_config is not { } config || endpoint.Outlier.IsEjected || endpoint.IsRemoved)
            {
                return;
            }

            var endpoints = _endpoints();
            var ejected = CountEjected(endpoints);

            // One may always be ejected; more only up to the percentage, this one included (Envoy's ejectHost).
            if (ejected > 0 && 100.0 * (ejected + 1) / endpoints.Length > config.MaxEjectionPercent)
            {
                _meter.EjectionNotEnforced(_cluster, method);
                return;
            }

            endpoint.Outlier.Eject(_time.GetTimestamp());
            EndpointEjected(_logger, endpoint.Address, _cluster, count, method, endpoint.Outlier.EjectionTime(config));
        }

        _meter.Ejected(_cluster, method);
        _changed();
    }

    // Envoy's order: who is in is forgiven one step, who is out comes back when its time is served.
    private void Sweep()
    {
        var returned = false;
        lock (_lock)
        {
            if (_config is not { } config)
            {
                return;
            }

            var now = _time.GetTimestamp();
            foreach (var endpoint in _endpoints())
            {
                var state = endpoint.Outlier;
                if (!state.IsEjected)
                {
                    state.Forgive();
                }
                else if (_time.GetElapsedTime(state.EjectedAt, now) >= state.EjectionTime(config))
                {
                    state.Return();
                    returned = true;
                    EndpointReturned(_logger, endpoint.Address, _cluster);
                }
            }
        }

        if (returned)
        {
            _changed();
        }
    }

    private void ReturnAllLocked()
    {
        foreach (var endpoint in _endpoints())
        {
            if (endpoint.Outlier.IsEjected)
            {
                endpoint.Outlier.Return();
            }
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

    [LoggerMessage(2201, LogLevel.Warning, "Ejected endpoint {Endpoint} of cluster '{Cluster}' after {Count} failures in a row ({Method}); it comes back after {Time}")]
    private static partial void EndpointEjected(ILogger logger, IPEndPoint endpoint, string cluster, int count, string method, TimeSpan time);

    [LoggerMessage(2202, LogLevel.Information, "Endpoint {Endpoint} of cluster '{Cluster}' takes calls again")]
    private static partial void EndpointReturned(ILogger logger, IPEndPoint endpoint, string cluster);
}
