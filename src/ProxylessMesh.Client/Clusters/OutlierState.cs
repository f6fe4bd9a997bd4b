using ProxylessMesh.Xds.Resources;

namespace ProxylessMesh.Client.Clusters;

/// <summary>What outlier detection knows of one endpoint. It outlives pushes, so that an ejection does too.</summary>
/// <remarks>Counters are touched by every call without a lock: losing one of two simultaneous counts delays an ejection by one call.</remarks>
internal sealed class OutlierState
{
    private int _serverErrors;
    private int _gatewayErrors;
    private int _localFailures;
    private volatile bool _ejected;

    public bool IsEjected => _ejected;

    /// <summary>When the running ejection began, as a timestamp of the detector's clock. Guarded by the detector's lock.</summary>
    public long EjectedAt { get; private set; }

    /// <summary>How many ejections in a row; each lasts that many times the base time. Guarded by the detector's lock.</summary>
    public int Multiplier { get; private set; }

    public int CountServerError() => Interlocked.Increment(ref _serverErrors);

    public int CountGatewayError() => Interlocked.Increment(ref _gatewayErrors);

    public int CountLocalFailure() => Interlocked.Increment(ref _localFailures);

    // Read before write: an endpoint that is well keeps its cache line shared between cores.
    public void ClearServerErrors() => Clear(ref _serverErrors);

    public void ClearGatewayErrors() => Clear(ref _gatewayErrors);

    public void ClearLocalFailures() => Clear(ref _localFailures);

    public void Eject(long timestamp)
    {
        EjectedAt = timestamp;
        Multiplier++;
        _ejected = true;
    }

    public void Return()
    {
        _ejected = false;
        ClearServerErrors();
        ClearGatewayErrors();
        ClearLocalFailures();
    }

    /// <summary>One interval without an ejection forgives one past ejection.</summary>
    public void Forgive() => Multiplier = Math.Max(0, Multiplier - 1);

    /// <summary>n times the base time, at most the maximum, which is never below the base time (Envoy).</summary>
    public TimeSpan EjectionTime(OutlierDetectionConfig config)
    {
        var longest = config.BaseEjectionTime > config.MaxEjectionTime ? config.BaseEjectionTime : config.MaxEjectionTime;
        var time = config.BaseEjectionTime * Multiplier;
        return time < longest ? time : longest;
    }

    private static void Clear(ref int counter)
    {
        if (Volatile.Read(ref counter) != 0)
        {
            Volatile.Write(ref counter, 0);
        }
    }
}
