using System.Globalization;
using ProxylessMesh.Xds.Resources;

namespace ProxylessMesh.Client.Resilience;

/// <summary>How long to wait before a retry: what the server asked for, or Envoy's fully jittered exponential back-off.</summary>
internal static class RetryDelay
{
    /// <summary>gRFC A6: how long to wait, in milliseconds; negative: do not retry.</summary>
    private const string Pushback = "grpc-retry-pushback-ms";

    /// <summary>The server asks not to be called again (gRFC A6): a negative number, or what is none.</summary>
    public static bool IsRefused(HttpResponseMessage? response) => TryPushback(response, out var wait) && wait is null;

    /// <summary>The server's own word: gRPC's pushback, the policy's headers (<c>rate_limited_retry_back_off</c>), or <c>Retry-After</c>.</summary>
    public static TimeSpan? Asked(RetryConfig config, HttpResponseMessage? response, TimeProvider time)
    {
        if (response is null)
        {
            return null;
        }

        if (TryPushback(response, out var pushback))
        {
            return pushback;
        }

        foreach (var header in config.ResetHeaders)
        {
            if (response.Headers.NonValidated.TryGetValues(header.Name, out var values)
                && long.TryParse(values.ToString(), NumberStyles.None, CultureInfo.InvariantCulture, out var seconds)
                && Within(header.IsUnixTime ? seconds - time.GetUtcNow().ToUnixTimeSeconds() : seconds, config) is { } wait)
            {
                return Jittered(wait);
            }
        }

        return RetryAfter(config, response, time);
    }

    /// <summary>Retry n waits between 0 and (2^n - 1) * base, at most the maximum (Envoy, "x-envoy-max-retries").</summary>
    /// <param name="config">Base and maximum.</param>
    /// <param name="step">Waits of this kind so far.</param>
    public static TimeSpan BackOff(RetryConfig config, int step)
    {
        var longest = Math.Min(config.MaxInterval.Ticks, config.BaseInterval.Ticks * ((1L << Math.Min(step + 1, 30)) - 1));
        return longest <= 0 ? TimeSpan.Zero : TimeSpan.FromTicks(Random.Shared.NextInt64(longest));
    }

    private static bool TryPushback(HttpResponseMessage? response, out TimeSpan? wait)
    {
        wait = null;
        if (response is null || !response.Headers.NonValidated.TryGetValues(Pushback, out var values))
        {
            return false;
        }

        if (int.TryParse(values.ToString(), NumberStyles.None, CultureInfo.InvariantCulture, out var milliseconds))
        {
            wait = TimeSpan.FromMilliseconds(milliseconds);
        }

        return true;
    }

    // RFC 9110 §10.2.3: seconds or a date. Read by hand only where there is one.
    private static TimeSpan? RetryAfter(RetryConfig config, HttpResponseMessage response, TimeProvider time)
        => response.Headers.NonValidated.Contains("Retry-After") && response.Headers.RetryAfter is { } retryAfter
            && (retryAfter.Delta ?? (retryAfter.Date - time.GetUtcNow())) is { } wait && wait > TimeSpan.Zero && wait <= config.MaxResetInterval
            ? wait
            : null;

    private static TimeSpan? Within(long seconds, RetryConfig config)
        => seconds > 0 && seconds <= config.MaxResetInterval.TotalSeconds ? TimeSpan.FromSeconds(seconds) : null;

    // Never sooner than asked, and not all at once: up to half as long again (Envoy's lower-bound back-off).
    private static TimeSpan Jittered(TimeSpan wait) => wait + TimeSpan.FromTicks(Random.Shared.NextInt64(Math.Max(1, wait.Ticks / 2)));
}
