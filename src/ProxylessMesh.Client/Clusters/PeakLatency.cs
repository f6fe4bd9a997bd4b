namespace ProxylessMesh.Client.Clusters;

/// <summary>The moving average of one endpoint's latency in seconds. It outlives pushes.</summary>
/// <remarks>Two fields are read apart by picks: a pair from two observations is a little wrong once.</remarks>
internal sealed class PeakLatency
{
    // An endpoint that has calls but never answered one may be stuck: whoever has answered goes first.
    private const double Unknown = 1e9;

    private readonly Lock _lock = new();
    private double _average = -1;
    private long _observedAt;
    private double _decaySeconds = 10;

    /// <summary>An answer came.</summary>
    public void Observe(TimeProvider time, TimeSpan latency, TimeSpan decay)
    {
        var seconds = latency.TotalSeconds;
        var now = time.GetTimestamp();
        lock (_lock)
        {
            var average = Volatile.Read(ref _average);
            if (average < 0 || seconds > average)
            {
                average = seconds;
            }
            else
            {
                var kept = Math.Exp(-time.GetElapsedTime(_observedAt, now).TotalSeconds / decay.TotalSeconds);
                average = (average * kept) + (seconds * (1 - kept));
            }

            Volatile.Write(ref _decaySeconds, decay.TotalSeconds);
            Volatile.Write(ref _observedAt, now);
            Volatile.Write(ref _average, average);
        }
    }

    /// <summary>How long one more call is likely to take, in seconds. An average that nobody adds to goes down, so that a slow endpoint is tried again.</summary>
    public double Expected(TimeProvider time, long now, long activeCalls)
    {
        var average = Volatile.Read(ref _average);
        if (average < 0)
        {
            return activeCalls == 0 ? 0 : Unknown + activeCalls;
        }

        var age = time.GetElapsedTime(Volatile.Read(ref _observedAt), now).TotalSeconds;
        return average * Math.Exp(-Math.Max(0, age) / Volatile.Read(ref _decaySeconds)) * (activeCalls + 1);
    }
}
