using System.Net;
using System.Threading.RateLimiting;
using ProxylessMesh.Authentication;
using ProxylessMesh.Xds.Resources;

namespace ProxylessMesh.Admission;

/// <summary>
/// Token buckets in front of an application, by .NET's rate limiters: one for each caller, then one for all. A caller that has used up its
/// own tokens takes none from the others.
/// </summary>
/// <remarks>A caller is its proved SPIFFE ID, without one its address. Buckets of callers that stay away are given back by the limiter itself.</remarks>
internal sealed class CallerRateLimiter : IDisposable
{
    private readonly RateLimitConfig _config;
    private readonly PartitionedRateLimiter<MeshPeer>? _callers;
    private readonly TokenBucketRateLimiter? _total;

    public CallerRateLimiter(RateLimitConfig config)
    {
        _config = config;
        _total = config.Total is { } total ? new TokenBucketRateLimiter(Options(total)) : null;
        _callers = config.PerCaller is null && config.Callers.IsEmpty ? null : PartitionedRateLimiter.Create<MeshPeer, CallerKey>(PartitionOf);
    }

    /// <summary>What a refused call is answered with.</summary>
    public int Status => _config.Status;

    /// <param name="peer">Who calls.</param>
    /// <param name="retryAfter">When refused: how long until a token comes.</param>
    /// <returns>False: the call is one too many.</returns>
    public bool TryAcquire(MeshPeer peer, out TimeSpan retryAfter)
    {
        retryAfter = default;
        try
        {
            return (_callers is null || !Refuses(_callers.AttemptAcquire(peer), out retryAfter))
                && (_total is null || !Refuses(_total.AttemptAcquire(), out retryAfter));
        }
        catch (ObjectDisposedException)
        {
            // A push replaced this limit between the moment that the call read its policy and now: the next call meets the new one.
            return true;
        }
    }

    public void Dispose()
    {
        _callers?.Dispose();
        _total?.Dispose();
    }

    private static bool Refuses(RateLimitLease lease, out TimeSpan retryAfter)
    {
        retryAfter = default;
        if (lease.IsAcquired)
        {
            return false;
        }

        _ = lease.TryGetMetadata(MetadataName.RetryAfter, out retryAfter);
        lease.Dispose();
        return true;
    }

    private RateLimitPartition<CallerKey> PartitionOf(MeshPeer peer)
    {
        var callers = _config.Callers;
        for (var i = 0; peer.IdText is { } id && i < callers.Length; i++)
        {
            if (callers[i].Caller.Matches(id))
            {
                return Partition(peer, callers[i].Bucket);
            }
        }

        return _config.PerCaller is { } bucket ? Partition(peer, bucket) : RateLimitPartition.GetNoLimiter(default(CallerKey));
    }

    private static RateLimitPartition<CallerKey> Partition(MeshPeer peer, TokenBucketConfig bucket)
        => RateLimitPartition.GetTokenBucketLimiter(new CallerKey(peer.IdText, peer.IdText is null ? peer.RemoteAddress : null), _ => Options(bucket));

    private static TokenBucketRateLimiterOptions Options(TokenBucketConfig bucket) => new()
    {
        TokenLimit = (int)Math.Min(bucket.MaxTokens, int.MaxValue),
        TokensPerPeriod = (int)Math.Min(bucket.TokensPerFill, int.MaxValue),
        ReplenishmentPeriod = bucket.FillInterval,
        QueueLimit = 0,
        AutoReplenishment = true,
    };

    private readonly record struct CallerKey(string? Id, IPAddress? Address);
}
