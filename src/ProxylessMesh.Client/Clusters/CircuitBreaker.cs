using ProxylessMesh.Xds.Resources;

namespace ProxylessMesh.Client.Clusters;

/// <summary>Counts the calls of a cluster and refuses those above <c>max_requests</c> (gRFC A32). Unlimited by default.</summary>
internal sealed class CircuitBreaker
{
    private long _active;
    private long _limit = long.MaxValue;

    /// <summary>Calls between their start and the end of the answer's body.</summary>
    public long Active => Volatile.Read(ref _active);

    public void Use(CircuitBreakerConfig config) => Volatile.Write(ref _limit, config.MaxRequests ?? long.MaxValue);

    public bool TryEnter()
    {
        if (Interlocked.Increment(ref _active) <= Volatile.Read(ref _limit))
        {
            return true;
        }

        Interlocked.Decrement(ref _active);
        return false;
    }

    public void Exit() => Interlocked.Decrement(ref _active);
}
