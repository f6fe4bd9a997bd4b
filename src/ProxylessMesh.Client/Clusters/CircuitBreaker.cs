using ProxylessMesh.Xds.Resources;

namespace ProxylessMesh.Client.Clusters;

/// <summary>Counts the calls of a cluster at one priority and refuses those above <c>max_requests</c> (gRFC A32, Envoy). Unlimited by default.</summary>
internal sealed class CircuitBreaker
{
    private long _active;
    private long _limit = long.MaxValue;
    private long _pendingLimit = long.MaxValue;

    /// <summary>Calls between their start and the end of the answer's body.</summary>
    public long Active => Volatile.Read(ref _active);

    /// <summary>Calls that may wait for a connection at once (<c>max_pending_requests</c>); see <see cref="ClusterEndpoint.Pending"/>.</summary>
    public long PendingLimit => Volatile.Read(ref _pendingLimit);

    /// <summary>The retries of these calls: <c>max_retries</c> or <c>retry_budget</c>.</summary>
    public RetryBudget Retries { get; } = new();

    public void Use(CircuitBreakerConfig config)
    {
        Volatile.Write(ref _limit, config.MaxRequests ?? long.MaxValue);
        Volatile.Write(ref _pendingLimit, config.MaxPendingRequests ?? long.MaxValue);
        Retries.Use(config);
    }

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
