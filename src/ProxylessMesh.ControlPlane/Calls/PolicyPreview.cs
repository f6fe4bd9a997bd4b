using System.Collections.Immutable;
using Google.Protobuf.WellKnownTypes;
using ProxylessMesh.ControlPlane.Workloads;
using ProxylessMesh.ControlPlane.Xds;
using ProxylessMesh.Manifests;
using ProxylessMesh.Protos.V1;

namespace ProxylessMesh.ControlPlane.Calls;

/// <summary>
/// What a change of policies would do to the calls of the last minutes: each workload that it touches judges its own, and the answers
/// are put together.
/// </summary>
internal sealed class PolicyPreview(WorkloadRegistry registry, SnapshotSource snapshots, CallSurvey survey)
{
    public async Task<PolicyPreviewResult> RunAsync(ManifestSet current, ManifestSet proposed, TimeSpan window, CancellationToken cancellationToken)
    {
        var workloads = registry.Current.ByInstance.Values;
        var callers = new CallerNames(workloads);
        var revoked = snapshots.Current.Revoked;
        var touched = workloads.Select(workload => (Workload: workload, Change: ProposedListeners.Compare(current, proposed, workload, revoked))).Where(static one => one.Change.Ports.Count > 0).ToList();
        var lines = new CallLines();
        var recorded = TimeSpan.MaxValue;
        ulong leftOut = 0;
        var silent = await survey.RunAsync(
            touched.Select(one => (one.Workload, new CallQuestion { Window = window.ToDuration(), Proposals = { one.Change.Ports } })),
            (workload, report) =>
            {
                leftOut += report.LeftOut;
                recorded = report.Recorded?.ToTimeSpan() is { } span && span < recorded ? span : recorded;
                foreach (var call in report.Calls.Where(static call => call.Verdict != CallSummary.Types.Verdict.Unspecified && (call.Verdict != call.Before || call.Verdict == CallSummary.Types.Verdict.Unknown)))
                {
                    lines.Add(workload, call, callers);
                }
            },
            cancellationToken);
        return new PolicyPreviewResult
        {
            Touched = [.. touched.Select(static one => one.Workload)],
            Silent = silent,
            OtherFilters = [.. touched.SelectMany(static one => one.Change.OtherFilters).Distinct().Order(StringComparer.Ordinal)],
            Recorded = recorded < window ? recorded : window,
            LeftOut = leftOut,
            Lines = lines.All,
            UntoldCalls = lines.LeftOut,
        };
    }
}

/// <summary>What a preview found.</summary>
internal sealed record PolicyPreviewResult
{
    /// <summary>Workloads whose policy would change.</summary>
    public required ImmutableArray<Workload> Touched { get; init; }

    public required IReadOnlyList<(Workload Workload, string Reason)> Silent { get; init; }

    public required ImmutableArray<string> OtherFilters { get; init; }

    /// <summary>How far back the youngest record goes, at most the window.</summary>
    public required TimeSpan Recorded { get; init; }

    /// <summary>Calls of which workloads know only the number.</summary>
    public required ulong LeftOut { get; init; }

    /// <summary>What would change, the most frequent first.</summary>
    public required ImmutableArray<CallLine> Lines { get; init; }

    /// <summary>Calls that would change beyond the lines that an answer holds.</summary>
    public required ulong UntoldCalls { get; init; }
}
