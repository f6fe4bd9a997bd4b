using System.Collections.Immutable;

namespace ProxylessMesh.ControlPlane.Admin;

/// <summary><c>POST /api/v1/preview</c>.</summary>
/// <param name="Files">Files that would be applied; may be empty.</param>
/// <param name="Delete">Manifests that would be deleted, each <c>KIND/NAMESPACE/NAME</c>.</param>
/// <param name="WindowSeconds">How far to look back; 0: as far as is recorded.</param>
internal sealed record PreviewRequest(ImmutableArray<ManifestFileText> Files, ImmutableArray<string> Delete, double WindowSeconds);

/// <param name="Errors">Why the change is not valid; then nothing else is told.</param>
/// <param name="IsHarmless">It is shown that no call of the window would be denied: every workload answered and nothing stayed open.</param>
/// <param name="RecordedSeconds">How far back the youngest record goes.</param>
/// <param name="Workloads">How many workloads would get another policy.</param>
/// <param name="Unanswered">Which of them did not answer, and why.</param>
/// <param name="Denied">Calls that would be denied from then on.</param>
/// <param name="Allowed">Calls that would be allowed from then on.</param>
/// <param name="CannotTell">Calls whose outcome depends on what is not recorded.</param>
/// <param name="UnrecordedCalls">Calls of which only the number is known.</param>
/// <param name="Notes">What else would change and is not foreseen here.</param>
internal sealed record PreviewAnswer(
    ImmutableArray<ManifestErrorAnswer> Errors,
    bool IsHarmless,
    double RecordedSeconds,
    int Workloads,
    ImmutableArray<UnansweredAnswer> Unanswered,
    ImmutableArray<CallAnswer> Denied,
    ImmutableArray<CallAnswer> Allowed,
    ImmutableArray<CallAnswer> CannotTell,
    ulong UnrecordedCalls,
    ImmutableArray<string> Notes);

internal sealed record UnansweredAnswer(string Instance, string Reason);

/// <param name="Destination">The service that was called.</param>
/// <param name="Port">Its port.</param>
/// <param name="Caller">The SPIFFE ID, or the address of a caller that proved none.</param>
/// <param name="CallerName">Who is registered at that address.</param>
/// <param name="MeshTls">It came with mesh TLS.</param>
/// <param name="Method">Empty: many.</param>
/// <param name="Path">Empty: many.</param>
/// <param name="Endpoint">The route template.</param>
/// <param name="Host">Empty: many.</param>
/// <param name="Policy">The policy that would decide; empty: none would match.</param>
/// <param name="Missing">What it depends on that is not recorded.</param>
/// <param name="Count">How many.</param>
/// <param name="IsProbe">It is let in as a probe.</param>
/// <param name="LastSeen">To the minute.</param>
internal sealed record CallAnswer(
    string Destination,
    int Port,
    string Caller,
    string CallerName,
    bool MeshTls,
    string Method,
    string Path,
    string Endpoint,
    string Host,
    string Policy,
    string Missing,
    ulong Count,
    bool IsProbe,
    DateTimeOffset LastSeen);

/// <summary><c>GET /api/v1/migration</c>.</summary>
/// <param name="IsReady">It is shown that STRICT would break none of those who called.</param>
/// <param name="RecordedSeconds">How far back the youngest record goes.</param>
/// <param name="Destinations">Every port of every service that was asked about.</param>
/// <param name="Unanswered">Workloads of which nothing is known.</param>
/// <param name="UnrecordedCalls">Calls of which only the number is known.</param>
internal sealed record MigrationAnswer(bool IsReady, double RecordedSeconds, ImmutableArray<MigrationDestinationAnswer> Destinations, ImmutableArray<UnansweredAnswer> Unanswered, ulong UnrecordedCalls);

/// <param name="Destination">The service.</param>
/// <param name="Port">Its port.</param>
/// <param name="Mode">What is in force, in PeerAuthentication's words.</param>
/// <param name="Strict">What STRICT would do: <c>in force</c>, <c>ready</c>, <c>would break callers</c>, or <c>unknown</c>.</param>
/// <param name="Reason">Why, where it is not ready.</param>
/// <param name="Callers">Who calls without mesh TLS.</param>
internal sealed record MigrationDestinationAnswer(string Destination, int Port, string Mode, string Strict, string Reason, ImmutableArray<PlaintextCallerAnswer> Callers);

/// <param name="Caller">Its address; empty: several.</param>
/// <param name="CallerName">Who is registered there.</param>
/// <param name="Calls">How many that are no probes.</param>
/// <param name="Probes">How many are let in as probes.</param>
/// <param name="Since">Since when it is known to call so.</param>
/// <param name="LastSeen">To the minute.</param>
internal sealed record PlaintextCallerAnswer(string Caller, string CallerName, ulong Calls, ulong Probes, DateTimeOffset Since, DateTimeOffset LastSeen);
