using System.Collections.Immutable;
using Google.Protobuf.WellKnownTypes;
using ProxylessMesh.ControlPlane.Translation;
using ProxylessMesh.ControlPlane.Workloads;
using ProxylessMesh.Manifests;
using ProxylessMesh.Manifests.Kinds;
using ProxylessMesh.Protos.V1;

namespace ProxylessMesh.ControlPlane.Calls;

/// <summary>Who still calls without mesh TLS, by destination and port, and whether STRICT would break anyone.</summary>
internal sealed class MigrationSurvey(WorkloadRegistry registry, CallSurvey survey)
{
    /// <summary>Looks at the workloads of one namespace, or of all.</summary>
    public async Task<MigrationResult> RunAsync(ManifestSet manifests, string? namespaceName, TimeSpan window, CancellationToken cancellationToken)
    {
        var workloads = registry.Current.ByInstance.Values;
        var callers = new CallerNames(workloads);
        var asked = workloads.Where(workload => !workload.Ports.IsEmpty && (namespaceName is null || workload.Namespace == namespaceName)).ToList();
        var lines = new CallLines();
        var recorded = TimeSpan.MaxValue;
        ulong leftOut = 0;
        var silent = await survey.RunAsync(
            asked.Select(workload => (workload, new CallQuestion { Window = window.ToDuration(), PlaintextOnly = true })),
            (workload, report) =>
            {
                leftOut += report.LeftOut;
                recorded = report.Recorded?.ToTimeSpan() is { } span && span < recorded ? span : recorded;
                foreach (var call in report.Calls.Where(static call => !call.MeshTls))
                {
                    lines.Add(workload, Coarse(call), callers);
                }
            },
            cancellationToken);
        var found = lines.All.ToLookup(static line => (line.Key.Destination, line.Key.Port));
        var unheard = silent.Select(static one => HostNames.Full(one.Workload.Service, one.Workload.Namespace)).ToHashSet(StringComparer.Ordinal);
        var destinations = from workload in asked
                           from port in workload.Ports
                           let name = HostNames.Full(workload.Service, workload.Namespace)
                           group MtlsModes.Of(manifests, workload).For(port.Number) by (Name: name, port.Number) into modes
                           orderby modes.Key
                           select new MigrationDestination(modes.Key.Name, modes.Key.Number, [.. modes.Distinct().Order()], [.. found[modes.Key]], unheard.Contains(modes.Key.Name));
        return new MigrationResult([.. destinations], silent, recorded < window ? recorded : window, leftOut, lines.LeftOut);
    }

    // Who calls is asked for, not what.
    private static CallSummary Coarse(CallSummary call) => new()
    {
        Address = call.Address,
        Port = call.Port,
        Outcome = call.Outcome,
        Count = call.Count,
        FirstSeen = call.FirstSeen,
        LastSeen = call.LastSeen,
    };
}

/// <summary>What was found.</summary>
/// <param name="Destinations">Every port that was asked about.</param>
/// <param name="Silent">Who did not answer: of them nothing is known.</param>
/// <param name="Recorded">How far back the youngest record goes, at most the window.</param>
/// <param name="LeftOut">Calls of which workloads know only the number.</param>
/// <param name="UntoldCalls">Calls beyond the lines that an answer holds.</param>
internal sealed record MigrationResult(ImmutableArray<MigrationDestination> Destinations, IReadOnlyList<(Workload Workload, string Reason)> Silent, TimeSpan Recorded, ulong LeftOut, ulong UntoldCalls);

/// <summary>One port of a service.</summary>
/// <param name="Name">The service.</param>
/// <param name="Port">Its workloads' port.</param>
/// <param name="Modes">What is in force; several where workloads of the service differ.</param>
/// <param name="Plaintext">The calls without mesh TLS, by caller and outcome.</param>
/// <param name="IsUnheard">A workload of the service did not answer.</param>
internal sealed record MigrationDestination(string Name, int Port, ImmutableArray<MtlsMode> Modes, ImmutableArray<CallLine> Plaintext, bool IsUnheard);
