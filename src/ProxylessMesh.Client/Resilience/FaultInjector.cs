using ProxylessMesh.Client.Telemetry;
using ProxylessMesh.Xds.Resources;

namespace ProxylessMesh.Client.Resilience;

/// <summary>Carries out what a fault filter asks: a delay, an abort, or both, to a share of the calls (gRFC A33). Once per call, before any attempt.</summary>
internal sealed class FaultInjector(TimeProvider time, MeshMeter meter)
{
    private long _active;

    /// <summary>Waits if the call drew a delay, and tells how to abort it if it drew that too.</summary>
    /// <returns>An HTTP status, a gRPC status, or neither.</returns>
    public async ValueTask<(int? HttpStatus, int? GrpcStatus)> InjectAsync(FaultConfig fault, CancellationToken cancellationToken)
    {
        if (fault.Delay is { } delay && fault.DelayFraction.Matches() && TryBegin(fault))
        {
            meter.FaultInjected("delay");
            try
            {
                await Task.Delay(delay, time, cancellationToken).ConfigureAwait(false);
            }
            finally
            {
                Interlocked.Decrement(ref _active);
            }
        }

        if ((fault.AbortHttpStatus ?? fault.AbortGrpcStatus) is null || !fault.AbortFraction.Matches() || !TryBegin(fault))
        {
            return default;
        }

        Interlocked.Decrement(ref _active);
        meter.FaultInjected("abort");
        return (fault.AbortHttpStatus, fault.AbortGrpcStatus);
    }

    private bool TryBegin(FaultConfig fault)
    {
        if (Interlocked.Increment(ref _active) <= (fault.MaxActiveFaults ?? long.MaxValue))
        {
            return true;
        }

        Interlocked.Decrement(ref _active);
        return false;
    }
}
