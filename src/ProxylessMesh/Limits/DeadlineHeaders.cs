using System.Globalization;
using Microsoft.AspNetCore.Http;
using ProxylessMesh.Client.Resilience;

namespace ProxylessMesh.Limits;

/// <summary>How much time the caller still has, by <c>grpc-timeout</c> (gRPC over HTTP/2) or <c>x-envoy-expected-rq-timeout-ms</c>.</summary>
internal static class DeadlineHeaders
{
    private const string Envoy = "x-envoy-expected-rq-timeout-ms";

    private const int MaxDigits = 15;

    // Further away than a timer reaches: as good as none.
    private static readonly TimeSpan Longest = TimeSpan.FromDays(24);

    /// <summary>False where the caller set no deadline, or one that cannot be read: a bad header must not fail a call.</summary>
    public static bool TryRead(IHeaderDictionary headers, out TimeSpan remaining)
    {
        remaining = Grpc(headers) ?? Milliseconds(headers) ?? TimeSpan.MaxValue;
        return remaining <= Longest;
    }

    private static TimeSpan? Grpc(IHeaderDictionary headers)
        => headers.TryGetValue(GrpcTimeout.HeaderName, out var values) && values is [{ } text] ? GrpcTimeout.Parse(text) : null;

    private static TimeSpan? Milliseconds(IHeaderDictionary headers)
        => headers.TryGetValue(Envoy, out var values)
            && values is [{ Length: <= MaxDigits } text]
            && long.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var milliseconds)
            && milliseconds <= (long)Longest.TotalMilliseconds
            ? TimeSpan.FromMilliseconds(milliseconds)
            : null;
}
