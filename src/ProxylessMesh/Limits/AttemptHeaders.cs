using System.Globalization;
using Microsoft.AspNetCore.Http;

namespace ProxylessMesh.Limits;

/// <summary>How a caller says that this is not its first attempt: Envoy's count of attempts, or gRPC's of those before (gRFC A6).</summary>
internal static class AttemptHeaders
{
    public static bool IsRetry(IHeaderDictionary headers)
        => IsAbove(headers, "x-envoy-attempt-count", 1) || IsAbove(headers, "grpc-previous-rpc-attempts", 0);

    private static bool IsAbove(IHeaderDictionary headers, string name, int limit)
        => headers.TryGetValue(name, out var value) && int.TryParse(value, NumberStyles.None, CultureInfo.InvariantCulture, out var count) && count > limit;
}
