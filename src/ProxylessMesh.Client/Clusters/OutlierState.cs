using ProxylessMesh.Xds.Resources;

namespace ProxylessMesh.Client.Clusters;

/// <summary>What outlier detection knows of one endpoint. It outlives pushes, so that an ejection does too.</summary>
/// <remarks>Counters are touched by every call without a lock: losing one of two simultaneous counts delays an ejection by one call.</remarks>
internal sealed class OutlierState
{
    private int _serverErrors;
    private int _gatewayErrors;
    private int _localFailures;

    // Calls in the upper half, successes in the lower: they change together.
    private long _external;
    private long _local;
    private volatile bool _ejected;
    private TimeSpan _jitter;
    private long? _returnedAt;

    public bool IsEjected => _ejected;

    /// <summary>When the running ejection began, as a timestamp of the detector's clock. Guarded by the detector's lock.</summary>
    public long EjectedAt { get; private set; }

    /// <summary>How many ejections in a row; each lasts that many times the base time. Guarded by the detector's lock.</summary>
    public int Multiplier { get; private set; }

    /// <summary>The calls of the interval that ended last: by their answers, or all where local failures are not counted apart.</summary>
    public CallCount External { get; private set; }

    /// <summary>The same by whether there was an answer at all.</summary>
    public CallCount Local { get; private set; }

    public int CountServerError() => Interlocked.Increment(ref _serverErrors);

    public int CountGatewayError() => Interlocked.Increment(ref _gatewayErrors);

    public int CountLocalFailure() => Interlocked.Increment(ref _localFailures);

    public void CountExternal(bool success) => Interlocked.Add(ref _external, CallCount.One(success));

    public void CountLocal(bool success) => Interlocked.Add(ref _local, CallCount.One(success));

    // Read before write: an endpoint that is well keeps its cache line shared between cores.
    public void ClearServerErrors() => Clear(ref _serverErrors);

    public void ClearGatewayErrors() => Clear(ref _gatewayErrors);

    public void ClearLocalFailures() => Clear(ref _localFailures);

    /// <summary>Ends the interval: what was counted in it is looked at, and counting begins anew.</summary>
    public void CloseInterval()
    {
        External = CallCount.From(Interlocked.Exchange(ref _external, 0));
        Local = CallCount.From(Interlocked.Exchange(ref _local, 0));
    }

    public void Eject(long timestamp, OutlierDetectionConfig config)
    {
        EjectedAt = timestamp;
        _jitter = config.MaxEjectionTimeJitter > TimeSpan.Zero ? config.MaxEjectionTimeJitter * Random.Shared.NextDouble() : TimeSpan.Zero;

        // It stops growing one step beyond the longest time, so that it comes down again as fast (Envoy).
        if (config.BaseEjectionTime * Multiplier < Longest(config) + config.BaseEjectionTime)
        {
            Multiplier++;
        }

        _ejected = true;
    }

    public void Return(long timestamp)
    {
        _ejected = false;
        _returnedAt = timestamp;
        ClearServerErrors();
        ClearGatewayErrors();
        ClearLocalFailures();
    }

    /// <summary>Forgets past ejections: detection is off.</summary>
    public void Reset()
    {
        Return(0);
        Multiplier = 0;
        _returnedAt = null;
    }

    /// <summary>One whole interval without an ejection forgives one past ejection.</summary>
    public void Forgive(TimeProvider time, long now, TimeSpan interval)
    {
        if (Multiplier > 0 && _returnedAt is { } returned && time.GetElapsedTime(returned, now) >= interval)
        {
            Multiplier--;
        }
    }

    /// <summary>n times the base time, at most the maximum, which is never below the base time (Envoy); and the jitter of this ejection.</summary>
    public TimeSpan EjectionTime(OutlierDetectionConfig config)
    {
        var longest = Longest(config);
        var time = config.BaseEjectionTime * Multiplier;
        return (time < longest ? time : longest) + _jitter;
    }

    private static TimeSpan Longest(OutlierDetectionConfig config)
        => config.BaseEjectionTime > config.MaxEjectionTime ? config.BaseEjectionTime : config.MaxEjectionTime;

    private static void Clear(ref int counter)
    {
        if (Volatile.Read(ref counter) != 0)
        {
            Volatile.Write(ref counter, 0);
        }
    }
}

/// <summary>Calls of one interval and how many went well.</summary>
internal readonly record struct CallCount(int Calls, int Successes)
{
    /// <summary>Percentage (0-100).</summary>
    public double SuccessRate => Successes * 100.0 / Calls;

    public int Failures => Calls - Successes;

    public static CallCount From(long packed) => new((int)(packed >> 32), (int)(packed & uint.MaxValue));

    public static long One(bool success) => (1L << 32) | (success ? 1L : 0L);
}
