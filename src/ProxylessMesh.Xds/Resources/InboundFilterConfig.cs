using System.Collections.Immutable;
using ProxylessMesh.Xds.Matching;

namespace ProxylessMesh.Xds.Resources;

/// <summary>A valid <c>CorsPolicy</c>. Lists are header values as written, joined by commas; null: the header is not sent.</summary>
internal sealed record CorsConfig
{
    public ImmutableArray<StringMatcher> AllowOrigins { get; init; } = [];

    public string? AllowMethods { get; init; }

    public string? AllowHeaders { get; init; }

    public string? ExposeHeaders { get; init; }

    public string? MaxAge { get; init; }

    public bool AllowCredentials { get; init; }

    /// <summary>A preflight whose origin does not match goes on to the application.</summary>
    public bool ForwardNotMatchingPreflights { get; init; } = true;
}

/// <summary>How the endpoint of a session is remembered (gRFC A55): in a cookie, or in a header.</summary>
/// <param name="Cookie">Null: <paramref name="Header"/> carries it.</param>
/// <param name="Header">Null: the cookie carries it.</param>
internal sealed record SessionConfig(SessionCookieConfig? Cookie, string? Header)
{
    /// <summary>An endpoint that is gone fails the call (503) instead of being replaced.</summary>
    public bool Strict { get; init; }
}

/// <summary>The cookie of a session; <paramref name="Ttl"/> zero: a session cookie. An empty <paramref name="Path"/> matches every path.</summary>
internal sealed record SessionCookieConfig(string Name, string Path, TimeSpan Ttl);

/// <summary>Token buckets in front of an application. Null: no limit of that kind.</summary>
internal sealed record RateLimitConfig
{
    public TokenBucketConfig? Total { get; init; }

    /// <summary>One bucket for each caller identity.</summary>
    public TokenBucketConfig? PerCaller { get; init; }

    /// <summary>Instead of <see cref="PerCaller"/> for callers that match; the first that does.</summary>
    public ImmutableArray<CallerBucketConfig> Callers { get; init; } = [];

    /// <summary>The answer to a call that finds no token; 400-599. gRPC callers get RESOURCE_EXHAUSTED for 429, UNAVAILABLE otherwise.</summary>
    public int Status { get; init; } = 429;

    /// <summary>By content, so that a push which leaves the limit as it was is seen to do so.</summary>
    public bool Equals(RateLimitConfig? other)
        => other is not null && Total == other.Total && PerCaller == other.PerCaller && Status == other.Status && Callers.AsSpan().SequenceEqual(other.Callers.AsSpan());

    public override int GetHashCode() => HashCode.Combine(Total, PerCaller, Status, Callers.Length);
}

/// <summary><c>envoy.type.v3.TokenBucket</c>.</summary>
internal sealed record TokenBucketConfig(uint MaxTokens, uint TokensPerFill, TimeSpan FillInterval);

/// <summary>The bucket of the callers whose SPIFFE ID matches.</summary>
internal sealed record CallerBucketConfig(StringMatcher Caller, TokenBucketConfig Bucket);

/// <summary>A gradient controller's settings (Envoy <c>GradientControllerConfig</c>).</summary>
internal sealed record AdaptiveConcurrencyConfig
{
    /// <summary>Percentile (0-100) of the latencies that is compared.</summary>
    public double SampleAggregatePercentile { get; init; } = 50;

    public uint MaxConcurrencyLimit { get; init; } = 1000;

    public TimeSpan ConcurrencyUpdateInterval { get; init; } = TimeSpan.FromMilliseconds(100);

    /// <summary>How often the ideal latency is measured anew; null: it is <see cref="FixedMinRtt"/>.</summary>
    public TimeSpan? MinRttInterval { get; init; } = TimeSpan.FromMinutes(1);

    public TimeSpan? FixedMinRtt { get; init; }

    public int MinRttRequestCount { get; init; } = 50;

    public double MinRttJitterPercent { get; init; } = 15;

    public uint MinConcurrency { get; init; } = 3;

    public double MinRttBufferPercent { get; init; } = 25;

    /// <summary>400-599.</summary>
    public int Status { get; init; } = 503;
}
