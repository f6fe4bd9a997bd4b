using System.Net;
using Google.Protobuf.WellKnownTypes;
using ProxylessMesh.ControlPlane.Workloads;
using ProxylessMesh.Protos.V1;
using ProxylessMesh.Spiffe;

namespace ProxylessMesh.ControlPlane.Calls;

/// <summary>
/// What workloads say, taken or refused. A workload is trusted for what it says of itself and nothing else: whose calls they were is decided
/// by its registration, not by the answer.
/// </summary>
internal static class WorkloadReports
{
    private const int MaxCalls = 2048;
    private const int MaxText = 512;

    // More than any process takes in an hour; sums of many stay far below what a number holds.
    private const ulong MaxCount = 1UL << 40;

    /// <returns>Null when the answer is good.</returns>
    public static string? Check(CallReport report, Workload workload)
    {
        if (report.Error.Length > 0)
        {
            return Shown(report.Error);
        }

        if (report.Calls.Count > MaxCalls)
        {
            return $"It answered with {report.Calls.Count} kinds of calls; {MaxCalls} are the most.";
        }

        return report.LeftOut > MaxCount || !IsSpan(report.Recorded) ? "It answered with a number that cannot be." : report.Calls.Select(call => Problem(call, workload)).FirstOrDefault(static problem => problem is not null);
    }

    /// <summary>Whether what a workload says of its certificate can be shown.</summary>
    public static bool IsGood(IdentityReport report)
        => IsTime(report.ExpiresAt) && IsTime(report.RenewsAt) && IsTime(report.FailingSince) && System.Enum.IsDefined(report.State) && report.Reason.Length <= MaxText;

    /// <summary>A text of the outside world for one line of a table: bounded, without control characters.</summary>
    public static string Shown(string text)
        => new([.. text.Take(MaxText).Select(static letter => char.IsControl(letter) || char.IsSurrogate(letter) ? '\uFFFD' : letter)]);

    private static string? Problem(CallSummary call, Workload workload)
    {
        if (workload.Ports.All(port => port.Number != call.Port))
        {
            return $"It answered with calls to port {call.Port}, which it has not registered.";
        }

        if (call.Caller.Length > 0 && !SpiffeId.TryParse(call.Caller, out _))
        {
            return "It answered with a caller that is no SPIFFE ID.";
        }

        if (call.Address.Length > 0 && !IPAddress.TryParse(call.Address, out _))
        {
            return "It answered with a caller's address that is none.";
        }

        string[] texts = [call.Method, call.Path, call.Endpoint, call.Host, call.Policy, call.VerdictPolicy, call.Missing];
        return Array.Exists(texts, static text => text.Length > MaxText) || call.Count > MaxCount || !IsTime(call.FirstSeen) || !IsTime(call.LastSeen) || !System.Enum.IsDefined(call.Outcome) || !System.Enum.IsDefined(call.Verdict) || !System.Enum.IsDefined(call.Before)
            ? "It answered with a summary that no workload makes."
            : null;
    }

    // Within what a DateTime and a TimeSpan can hold; to convert another would throw.
    private static bool IsTime(Timestamp? time) => time is null or { Seconds: >= 0 and < 253_402_300_800, Nanos: >= 0 and < 1_000_000_000 };

    private static bool IsSpan(Duration? span) => span is null or { Seconds: >= 0 and <= 86_400, Nanos: >= 0 and < 1_000_000_000 };
}
