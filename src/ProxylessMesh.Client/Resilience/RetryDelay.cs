using ProxylessMesh.Xds.Resources;

namespace ProxylessMesh.Client.Resilience;

/// <summary>How long to wait before a retry: what the server asked for, or Envoy's fully jittered exponential back-off.</summary>
internal static class RetryDelay
{
    /// <summary>A server may not hold a caller for longer.</summary>
    private static readonly TimeSpan LongestAsked = TimeSpan.FromMinutes(5);

    public static TimeSpan For(RetryConfig config, in AttemptResult last, int attempt, TimeProvider time)
        => Asked(last.Response, time) ?? BackOff(config, attempt);

    /// <summary><c>Retry-After</c> (RFC 9110 §10.2.3), seconds or a date.</summary>
    private static TimeSpan? Asked(HttpResponseMessage? response, TimeProvider time)
    {
        if (response?.Headers.RetryAfter is not { } retryAfter)
        {
            return null;
        }

        var wait = retryAfter.Delta ?? (retryAfter.Date - time.GetUtcNow());
        return wait is { } asked && asked > TimeSpan.Zero && asked <= LongestAsked ? asked : null;
    }

    // Retry n waits between 0 and (2^n - 1) * base, at most the maximum (Envoy, "x-envoy-max-retries").
    private static TimeSpan BackOff(RetryConfig config, int attempt)
    {
        var longest = Math.Min(config.MaxInterval.Ticks, config.BaseInterval.Ticks * ((1L << Math.Min(attempt + 1, 30)) - 1));
        return longest <= 0 ? TimeSpan.Zero : TimeSpan.FromTicks(Random.Shared.NextInt64(longest));
    }
}
