using System.Globalization;
using Microsoft.AspNetCore.Http;

namespace ProxylessMesh.Limits;

/// <summary>How much time the caller still has, by <c>grpc-timeout</c> (gRPC over HTTP/2) or <c>x-envoy-expected-rq-timeout-ms</c>.</summary>
internal static class DeadlineHeaders
{
    private const string Grpc = "grpc-timeout";

    private const string Envoy = "x-envoy-expected-rq-timeout-ms";

    // gRPC allows at most 8 digits; the other header has no bound of its own, 15 digits are 31,000 years.
    private const int MaxGrpcDigits = 8;

    private const int MaxEnvoyDigits = 15;

    /// <summary>False where the caller set no deadline, or one that cannot be read: a bad header must not fail a call.</summary>
    public static bool TryRead(IHeaderDictionary headers, out TimeSpan remaining)
    {
        if (headers.TryGetValue(Grpc, out var grpc) && grpc is [{ } timeout] && TryReadGrpc(timeout, out remaining))
        {
            return true;
        }

        if (headers.TryGetValue(Envoy, out var envoy) && envoy is [{ Length: <= MaxEnvoyDigits } text] && long.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var milliseconds))
        {
            remaining = milliseconds >= (long)TimeSpan.MaxValue.TotalMilliseconds ? TimeSpan.MaxValue : TimeSpan.FromMilliseconds(milliseconds);
            return true;
        }

        remaining = default;
        return false;
    }

    internal static bool TryReadGrpc(ReadOnlySpan<char> text, out TimeSpan timeout)
    {
        timeout = default;
        if (text.Length is < 2 or > MaxGrpcDigits + 1 || !long.TryParse(text[..^1], NumberStyles.None, CultureInfo.InvariantCulture, out var amount))
        {
            return false;
        }

        var ticks = text[^1] switch
        {
            'H' => amount * TimeSpan.TicksPerHour,
            'M' => amount * TimeSpan.TicksPerMinute,
            'S' => amount * TimeSpan.TicksPerSecond,
            'm' => amount * TimeSpan.TicksPerMillisecond,
            'u' => amount * TimeSpan.TicksPerMicrosecond,

            // A tick is 100 ns; what is left of a nanosecond count still is time.
            'n' => (amount + 99) / 100,
            _ => -1,
        };
        timeout = new TimeSpan(ticks);
        return ticks >= 0;
    }
}
