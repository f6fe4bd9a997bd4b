using System.Globalization;

namespace ProxylessMesh.Tool.Calls;

/// <summary>Counts what came of many calls.</summary>
internal static class CallStatistics
{
    /// <param name="results">At least one.</param>
    public static CallSummary Of(IReadOnlyList<CallResult> results) => new()
    {
        Calls = results.Count,
        Statuses = Count(results, static result => result.Error is not null ? "error" : result.GrpcStatus is { } grpc ? string.Create(CultureInfo.InvariantCulture, $"grpc {grpc}") : result.Status?.ToString(CultureInfo.InvariantCulture) ?? ""),
        Distribution = Count(results, Workload),
        Errors = Count(results, static result => result.Error),
        Attempts = results.Sum(static result => result.Decision?.Attempts ?? 0),
        Last = results[^1],
    };

    private static string? Workload(CallResult result)
        => result.AnsweredBy is { } who
            ? $"{who.Namespace}/{who.Service}{(who.Version.Length > 0 ? "-" : "")}{who.Version}"
            : result.Decision is { Endpoint.Length: > 0 } decision ? decision.Endpoint : null;

    private static SortedDictionary<string, int> Count(IEnumerable<CallResult> results, Func<CallResult, string?> key)
        => new(results.Select(key).OfType<string>().CountBy(static text => text).ToDictionary(), StringComparer.Ordinal);
}
