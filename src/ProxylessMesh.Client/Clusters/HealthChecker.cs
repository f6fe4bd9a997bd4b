using System.Collections.Immutable;
using System.Net;
using Microsoft.Extensions.Logging;
using ProxylessMesh.Client.Telemetry;
using ProxylessMesh.Xds.Resources;

namespace ProxylessMesh.Client.Clusters;

/// <summary>
/// Asks each endpoint of a cluster at intervals whether it is well, while the cluster is in use. Endpoints that are not, or were not asked
/// yet, are left out of balancing.
/// </summary>
/// <remarks>Each endpoint and check has a loop of its own; a limited number of checks is under way at once.</remarks>
internal sealed partial class HealthChecker(string cluster, Func<ClusterEndpoint[]> endpoints, Action changed, Action<ClusterEndpoint> passed, TimeProvider time, MeshMeter meter, ILogger logger) : IDisposable
{
    private const int MaxAtOnce = 64;

    private readonly Lock _lock = new();
    private readonly SemaphoreSlim _slots = new(MaxAtOnce);
    private readonly HashSet<ClusterEndpoint> _watched = [];
    private ImmutableArray<HealthCheckConfig> _checks = [];
    private ClusterConfig? _config;
    private CancellationTokenSource _end = new();

    /// <summary>There are checks.</summary>
    public bool IsOn => !_checks.IsEmpty;

    /// <summary>Goes on with new settings, and with the members of the cluster as they are now.</summary>
    public void Use(ClusterConfig config)
    {
        lock (_lock)
        {
            if (!ReferenceEquals(_config, config))
            {
                RestartLocked(config);
            }

            if (_checks.IsEmpty)
            {
                return;
            }

            foreach (var endpoint in endpoints())
            {
                if (_watched.Add(endpoint))
                {
                    endpoint.Health.Expect(_checks.Length);
                    WatchLocked(endpoint, config);
                }
            }

            _watched.RemoveWhere(static endpoint => endpoint.IsRemoved);
        }

        changed();
    }

    /// <summary>The endpoint said in an answer that it is about to go (<c>x-envoy-immediate-health-check-fail</c>).</summary>
    public void Fail(ClusterEndpoint endpoint)
    {
        if (endpoint.Health.Fail())
        {
            EndpointFails(logger, endpoint.Address, cluster);
            changed();
        }
    }

    public void Dispose()
    {
        lock (_lock)
        {
            _end.Cancel();
        }
    }

    private void RestartLocked(ClusterConfig config)
    {
        _config = config;
        if (_checks.IsEmpty && config.HealthChecks.IsEmpty)
        {
            return;
        }

        _end.Cancel();
        _end = new CancellationTokenSource();
        _checks = config.HealthChecks;
        _watched.Clear();
        if (_checks.IsEmpty)
        {
            foreach (var endpoint in endpoints())
            {
                endpoint.Health.Expect(0);
            }

            changed();
        }
    }

    private void WatchLocked(ClusterEndpoint endpoint, ClusterConfig config)
    {
        using (ExecutionContext.IsFlowSuppressed() ? default(AsyncFlowControl?) : ExecutionContext.SuppressFlow())
        {
            for (var i = 0; i < _checks.Length; i++)
            {
                _ = WatchAsync(endpoint, config, i, _end.Token);
            }
        }
    }

    private async Task WatchAsync(ClusterEndpoint endpoint, ClusterConfig config, int index, CancellationToken end)
    {
        var check = config.HealthChecks[index];
        try
        {
            while (!endpoint.IsRemoved)
            {
                await _slots.WaitAsync(end).ConfigureAwait(false);
                CheckResult result;
                try
                {
                    result = await HealthProbe.AskAsync(endpoint, config, check, time, end).ConfigureAwait(false);
                }
                finally
                {
                    _slots.Release();
                }

                Settle(endpoint, index, check, result);
                var wait = check.Interval + (check.IntervalJitter * Random.Shared.NextDouble());
                await Task.Delay(wait, time, end).ConfigureAwait(false);
            }
        }
        catch (OperationCanceledException)
        {
            // The cluster is not in use any more, or has other checks.
            return;
        }
    }

    private void Settle(ClusterEndpoint endpoint, int index, HealthCheckConfig check, CheckResult result)
    {
        meter.HealthChecked(cluster, result switch { CheckResult.Passed => "passed", CheckResult.Refused => "refused", _ => "unreachable" });
        if (endpoint.Health.Settle(index, result, check))
        {
            if (endpoint.Health.IsFailing)
            {
                EndpointFails(logger, endpoint.Address, cluster);
            }
            else
            {
                EndpointIsWell(logger, endpoint.Address, cluster);
            }

            changed();
        }

        if (result == CheckResult.Passed && !endpoint.Health.IsFailing)
        {
            passed(endpoint);
        }
    }

    [LoggerMessage(2203, LogLevel.Warning, "Endpoint {Endpoint} of cluster '{Cluster}' fails its health checks and takes no calls")]
    private static partial void EndpointFails(ILogger logger, IPEndPoint endpoint, string cluster);

    [LoggerMessage(2204, LogLevel.Information, "Endpoint {Endpoint} of cluster '{Cluster}' passes its health checks")]
    private static partial void EndpointIsWell(ILogger logger, IPEndPoint endpoint, string cluster);
}
