using System.Collections.Immutable;
using ProxylessMesh.ControlPlane.Calls;
using ProxylessMesh.Manifests.Kinds;
using Outcome = ProxylessMesh.Protos.V1.CallSummary.Types.Outcome;

namespace ProxylessMesh.ControlPlane.Admin;

/// <summary>What STRICT would do to each port, said so that an operator can act on it.</summary>
internal static class MigrationAnswers
{
    public static MigrationAnswer Of(MigrationResult result)
    {
        ImmutableArray<MigrationDestinationAnswer> destinations = [.. result.Destinations.Select(Of)];
        var unrecorded = result.LeftOut + result.UntoldCalls;
        return new MigrationAnswer(
            destinations.All(static destination => destination.Strict is "in force" or "ready") && unrecorded == 0,
            destinations.IsEmpty ? 0 : result.Recorded.TotalSeconds,
            destinations,
            CallEndpoints.Unanswered(result.Silent),
            unrecorded);
    }

    private static MigrationDestinationAnswer Of(MigrationDestination destination)
    {
        ImmutableArray<PlaintextCallerAnswer> callers = [.. destination.Plaintext.GroupBy(static line => (line.Key.Caller, line.Key.CallerName)).Select(static caller => new PlaintextCallerAnswer(
            caller.Key.Caller,
            caller.Key.CallerName,
            Count(caller, isProbe: false),
            Count(caller, isProbe: true),
            caller.Min(static line => line.FirstSeen),
            caller.Max(static line => line.LastSeen))).OrderByDescending(static caller => caller.Calls)];
        var (strict, reason) = Judge(destination, callers);
        return new MigrationDestinationAnswer(destination.Name, destination.Port, string.Join(" and ", destination.Modes).ToUpperInvariant(), strict, reason, callers);
    }

    private static (string Strict, string Reason) Judge(MigrationDestination destination, ImmutableArray<PlaintextCallerAnswer> callers)
    {
        if (destination.Modes is [MtlsMode.Strict])
        {
            return ("in force", "");
        }

        // Probes are answered in STRICT too.
        var calls = callers.Aggregate(0UL, static (sum, caller) => sum + caller.Calls);
        return destination switch
        {
            { Modes: var modes } when modes.Contains(MtlsMode.Disable) => ("unknown", "In DISABLE callers of the mesh call in plaintext too and cannot be told from others. Set PERMISSIVE first."),
            _ when calls > 0 => ("would break callers", $"{calls} calls came in plaintext."),
            { IsUnheard: true } => ("unknown", "Not every workload of the service answered."),
            _ => ("ready", ""),
        };
    }

    private static ulong Count(IEnumerable<CallLine> lines, bool isProbe)
        => lines.Where(line => (line.Key.Outcome == Outcome.Probe) == isProbe).Aggregate(0UL, static (sum, line) => sum + line.Count);
}
