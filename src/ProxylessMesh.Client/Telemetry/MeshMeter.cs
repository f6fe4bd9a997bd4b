using System.Diagnostics;
using System.Diagnostics.Metrics;
using System.Globalization;

namespace ProxylessMesh.Client.Telemetry;

/// <summary>The client's instruments. Names are OpenTelemetry's and gRPC's (A91) where they exist.</summary>
internal sealed class MeshMeter
{
    /// <summary>The name of the meter and of the activity source.</summary>
    public const string Name = "ProxylessMesh";

    private static readonly object[] Statuses = [.. Enumerable.Range(0, 600).Select(static status => (object)status)];

    private readonly Histogram<double> _duration;
    private readonly Counter<long> _retries;
    private readonly Counter<long> _retriesRefused;
    private readonly Counter<long> _drops;
    private readonly Counter<long> _faults;
    private readonly Counter<long> _weightFallbacks;
    private readonly Counter<long> _weightsNotYetUsable;
    private readonly Counter<long> _weightsStale;
    private readonly Histogram<double> _weights;
    private readonly Counter<long> _mirrors;
    private readonly Counter<long> _mirrorsSkipped;
    private readonly Counter<long> _healthChecks;
    private readonly Counter<long> _handshakes;
    private readonly Counter<long> _ejections;
    private readonly Counter<long> _ejectionsUnenforced;

    public MeshMeter(IMeterFactory meters)
    {
        var meter = meters.Create(Name);
        _duration = meter.CreateHistogram(
            "http.client.request.duration",
            unit: "s",
            description: "Duration of calls through the mesh until the answer's headers, retries included.",
            advice: new InstrumentAdvice<double> { HistogramBucketBoundaries = [0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10] });
        _retries = meter.CreateCounter<long>("proxyless_mesh.client.retries", "{attempt}", "Attempts after the first, by what the one before ended with.");
        _retriesRefused = meter.CreateCounter<long>("proxyless_mesh.client.retries_refused", "{attempt}", "Retries that were not made: the budget is used up, or the call being served is a retry itself.");
        _drops = meter.CreateCounter<long>("proxyless_mesh.client.drops", "{request}", "Calls refused by a circuit breaker, by the threshold that was reached.");
        _faults = meter.CreateCounter<long>("proxyless_mesh.client.faults", "{fault}", "Faults injected.");
        _mirrors = meter.CreateCounter<long>("proxyless_mesh.client.mirrors", "{request}", "Copies of calls sent to a mirror, by how they ended.");
        _mirrorsSkipped = meter.CreateCounter<long>("proxyless_mesh.client.mirrors_skipped", "{request}", "Copies that were due and not sent, by reason.");
        _healthChecks = meter.CreateCounter<long>("proxyless_mesh.client.health_checks", "{check}", "Active checks of endpoints, by their result.");
        _weightFallbacks = meter.CreateCounter<long>("grpc.lb.wrr.rr_fallback", "{update}", "Updates of weights after which too few endpoints had a usable one, so that all were equal (gRFC A78).");
        _weightsNotYetUsable = meter.CreateCounter<long>("grpc.lb.wrr.endpoint_weight_not_yet_usable", "{endpoint}", "Endpoints of an update that had no usable weight yet.");
        _weightsStale = meter.CreateCounter<long>("grpc.lb.wrr.endpoint_weight_stale", "{endpoint}", "Endpoints of an update whose last weight has expired.");
        _weights = meter.CreateHistogram<double>("grpc.lb.wrr.endpoint_weights", "{weight}", "The weight of each endpoint of an update; 0 where there is none to use.");
        _handshakes = meter.CreateCounter<long>("proxyless_mesh.client.handshakes", "{handshake}", "TLS handshakes with endpoints; error.type says why one failed.");
        _ejections = meter.CreateCounter<long>("grpc.lb.outlier_detection.ejections_enforced", "{ejection}", "Endpoints ejected, by detection method.");
        _ejectionsUnenforced = meter.CreateCounter<long>("grpc.lb.outlier_detection.ejections_unenforced", "{ejection}", "Ejections not carried out: too many endpoints were out already, or not all are to be enforced.");
    }

    /// <summary>Somebody listens to the duration of calls.</summary>
    public bool MeasuresCalls => _duration.Enabled;

    public void CallFinished(TimeSpan duration, string method, string host, string cluster, int status, int? grpcStatus, string? error)
    {
        var tags = new TagList
        {
            { "http.request.method", method },
            { "server.address", host },
            { "proxyless_mesh.cluster", cluster },
        };
        if (status > 0)
        {
            tags.Add("http.response.status_code", Boxed(status));
        }

        if (grpcStatus is { } code)
        {
            tags.Add("rpc.grpc.status_code", Boxed(code));
        }

        if (error is not null)
        {
            tags.Add("error.type", error);
        }

        _duration.Record(duration.TotalSeconds, tags);
    }

    /// <param name="cluster">Whose endpoint it was.</param>
    /// <param name="error">Null: the endpoint proved who it is. A bounded word.</param>
    public void HandshakeEnded(string cluster, string? error)
    {
        if (!_handshakes.Enabled)
        {
            return;
        }

        if (error is null)
        {
            _handshakes.Add(1, new KeyValuePair<string, object?>("proxyless_mesh.cluster", cluster));
        }
        else
        {
            _handshakes.Add(1, new("proxyless_mesh.cluster", cluster), new("error.type", error));
        }
    }

    public void Retried(string cluster, string reason)
    {
        if (_retries.Enabled)
        {
            _retries.Add(1, new("proxyless_mesh.cluster", cluster), new("error.type", reason));
        }
    }

    /// <param name="cluster">The cluster that was called.</param>
    /// <param name="reason"><c>budget</c>, or <c>served_retry</c> where the call being served is a retry itself.</param>
    public void RetryRefused(string cluster, string reason)
    {
        if (_retriesRefused.Enabled)
        {
            _retriesRefused.Add(1, new("proxyless_mesh.cluster", cluster), new("proxyless_mesh.reason", reason));
        }
    }

    /// <param name="cluster">The cluster that was called.</param>
    /// <param name="limit">The threshold that was reached, by its name in xDS.</param>
    public void Dropped(string cluster, string limit)
    {
        if (_drops.Enabled)
        {
            _drops.Add(1, new("proxyless_mesh.cluster", cluster), new("proxyless_mesh.limit", limit));
        }
    }

    /// <param name="cluster">The cluster that was called.</param>
    /// <param name="category">Of the control plane's <c>drop_overloads</c>.</param>
    public void DroppedByCategory(string cluster, string category)
    {
        if (_drops.Enabled)
        {
            _drops.Add(1, new("proxyless_mesh.cluster", cluster), new("proxyless_mesh.limit", "drop_overload"), new("proxyless_mesh.drop_category", category));
        }
    }

    public void EndpointWeight(string cluster, double weight)
    {
        if (_weights.Enabled)
        {
            _weights.Record(weight, new KeyValuePair<string, object?>("grpc.lb.backend_service", cluster));
        }
    }

    /// <summary>One update of the weights of a group (gRFC A78).</summary>
    public void EndpointWeights(string cluster, int notYetUsable, int stale, bool isFallback)
    {
        var tag = new KeyValuePair<string, object?>("grpc.lb.backend_service", cluster);
        if (isFallback && _weightFallbacks.Enabled)
        {
            _weightFallbacks.Add(1, tag);
        }

        if (notYetUsable > 0 && _weightsNotYetUsable.Enabled)
        {
            _weightsNotYetUsable.Add(notYetUsable, tag);
        }

        if (stale > 0 && _weightsStale.Enabled)
        {
            _weightsStale.Add(stale, tag);
        }
    }

    public void FaultInjected(string kind)
    {
        if (_faults.Enabled)
        {
            _faults.Add(1, new KeyValuePair<string, object?>("proxyless_mesh.fault", kind));
        }
    }

    public void Mirrored(string cluster, string outcome)
    {
        if (_mirrors.Enabled)
        {
            _mirrors.Add(1, new("proxyless_mesh.cluster", cluster), new("proxyless_mesh.outcome", outcome));
        }
    }

    public void MirrorSkipped(string cluster, string reason)
    {
        if (_mirrorsSkipped.Enabled)
        {
            _mirrorsSkipped.Add(1, new("proxyless_mesh.cluster", cluster), new("proxyless_mesh.reason", reason));
        }
    }

    /// <param name="cluster">The cluster.</param>
    /// <param name="result"><c>passed</c>, <c>refused</c> or <c>unreachable</c>.</param>
    public void HealthChecked(string cluster, string result)
    {
        if (_healthChecks.Enabled)
        {
            _healthChecks.Add(1, new("proxyless_mesh.cluster", cluster), new("proxyless_mesh.result", result));
        }
    }

    public void Ejected(string cluster, string method)
    {
        if (_ejections.Enabled)
        {
            _ejections.Add(1, new("grpc.lb.backend_service", cluster), new("grpc.lb.outlier_detection.detection_method", method));
        }
    }

    /// <param name="cluster">The cluster.</param>
    /// <param name="method">The detector.</param>
    /// <param name="reason"><c>max_ejection_overflow</c> or <c>enforcement_percentage</c> (gRFC A91).</param>
    public void EjectionNotEnforced(string cluster, string method, string reason)
    {
        if (_ejectionsUnenforced.Enabled)
        {
            _ejectionsUnenforced.Add(
                1,
                new("grpc.lb.backend_service", cluster),
                new("grpc.lb.outlier_detection.detection_method", method),
                new("grpc.lb.outlier_detection.unenforced_reason", reason));
        }
    }

    private static object Boxed(int status) => (uint)status < (uint)Statuses.Length ? Statuses[status] : status.ToString(CultureInfo.InvariantCulture);
}
