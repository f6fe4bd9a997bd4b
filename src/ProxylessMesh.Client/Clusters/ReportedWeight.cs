using ProxylessMesh.Xds.Resources;

namespace ProxylessMesh.Client.Clusters;

/// <summary>The weight of one endpoint by its own load reports (gRFC A58). It outlives pushes.</summary>
internal sealed class ReportedWeight
{
    private readonly Lock _lock = new();
    private double _weight;
    private long _updatedAt;

    // Null: no report yet, or none since the endpoint was away or its weight expired.
    private long? _knownSince;

    /// <summary>Weight is calls per second for each unit of utilization; errors count as utilization by their share of the calls.</summary>
    public void Update(TimeProvider time, in LoadReport report, double errorPenalty)
    {
        var utilization = report.Utilization;
        if (utilization > 0 && report.CallsPerSecond > 0)
        {
            utilization += report.ErrorsPerSecond / report.CallsPerSecond * errorPenalty;
        }

        var weight = utilization == 0 ? 0 : report.CallsPerSecond / utilization;
        if (!(weight > 0) || !double.IsFinite(weight))
        {
            return;
        }

        lock (_lock)
        {
            _updatedAt = time.GetTimestamp();
            _knownSince ??= _updatedAt;
            _weight = weight;
        }
    }

    /// <summary>It was away: what it reports must prove itself for the blackout period again.</summary>
    public void Restart()
    {
        lock (_lock)
        {
            _knownSince = null;
        }
    }

    /// <param name="time">The clock.</param>
    /// <param name="now">Its timestamp.</param>
    /// <param name="config">The periods.</param>
    /// <param name="weight">0 where there is none to use.</param>
    public WeightState Read(TimeProvider time, long now, WeightedRoundRobinConfig config, out double weight)
    {
        lock (_lock)
        {
            weight = 0;
            if (_knownSince is not { } since)
            {
                return WeightState.NotYetUsable;
            }

            if (time.GetElapsedTime(_updatedAt, now) >= config.WeightExpiration)
            {
                _knownSince = null;
                return WeightState.Stale;
            }

            if (config.BlackoutPeriod > TimeSpan.Zero && time.GetElapsedTime(since, now) < config.BlackoutPeriod)
            {
                return WeightState.NotYetUsable;
            }

            weight = _weight;
            return WeightState.Usable;
        }
    }
}

/// <summary>Whether a reported weight can be used (gRFC A78).</summary>
internal enum WeightState
{
    Usable,
    NotYetUsable,
    Stale,
}
