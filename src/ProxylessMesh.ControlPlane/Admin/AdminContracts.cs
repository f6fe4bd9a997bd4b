using System.Collections.Immutable;
using System.Text.Json;
using System.Text.Json.Serialization;
using ProxylessMesh.ControlPlane.Ca;
using ProxylessMesh.Manifests;

namespace ProxylessMesh.ControlPlane.Admin;

/// <summary><c>GET /api/v1/status</c>: who is connected and who runs which version of what.</summary>
internal sealed record StatusAnswer(long Revision, long Snapshot, int ManifestErrors, ImmutableArray<WorkloadAnswer> Workloads, ImmutableArray<NodeAnswer> Nodes);

internal sealed record WorkloadAnswer(
    string Instance,
    string Identity,
    string Service,
    string Namespace,
    string Version,
    string Health,
    ImmutableArray<string> Addresses,
    string LibraryVersion,
    CertificateAnswer? Certificate = null);

/// <param name="State"><c>ready</c>, <c>stale</c> (a renewal has failed), <c>expired</c> or <c>waiting</c>, as the workload says.</param>
/// <param name="ExpiresAt">When it ends.</param>
/// <param name="RenewsAt">When it will be renewed; null where somebody else decides.</param>
/// <param name="FailingSince">Since when renewals fail.</param>
/// <param name="Reason">Why, with the cure.</param>
internal sealed record CertificateAnswer(string State, DateTimeOffset? ExpiresAt, DateTimeOffset? RenewsAt, DateTimeOffset? FailingSince, string? Reason);

internal sealed record NodeAnswer(
    string Node,
    string? Identity,
    string Namespace,
    string UserAgent,
    string Protocol,
    string Peer,
    DateTimeOffset ConnectedAt,
    ImmutableArray<NodeTypeAnswer> Types);

/// <param name="Type">Short name of the resource type, such as <c>Cluster</c>.</param>
/// <param name="Subscribed">How many names it asked for.</param>
/// <param name="Revision">The manifest revision it has taken.</param>
/// <param name="State"><c>synced</c>, <c>pending</c> or <c>refused</c>.</param>
/// <param name="Reason">Why it refused.</param>
internal sealed record NodeTypeAnswer(string Type, int Subscribed, long Revision, string State, string? Reason);

/// <summary><c>GET /api/v1/manifests</c>: what is in force, and what is wrong with what is not.</summary>
internal sealed record ManifestsAnswer(long Revision, ImmutableArray<ManifestFileAnswer> Files, ImmutableArray<ManifestErrorAnswer> Errors);

internal sealed record ManifestFileAnswer(string Name, string Text, ImmutableArray<string> Manifests);

internal sealed record ManifestErrorAnswer(string File, int Line, int Column, string Subject, string Field, string? Value, string Problem, string Cure, string Message)
{
    public static ManifestErrorAnswer From(ManifestError error)
        => new(error.File, error.Line, error.Column, error.Subject, error.Field, error.Value, error.Problem, error.Cure, error.ToString());
}

/// <summary><c>POST /api/v1/manifests</c>.</summary>
internal sealed record ApplyRequest(ImmutableArray<ManifestFileText> Files);

internal sealed record ManifestFileText(string Name, string Text);

/// <summary>What came of an apply or a delete: the revision in force afterwards, or all mistakes.</summary>
internal sealed record ApplyAnswer(long Revision, ImmutableArray<ManifestErrorAnswer> Errors);

internal sealed record RevisionAnswer(long Number, DateTimeOffset CreatedAt, ImmutableArray<string> Files);

/// <summary><c>POST /api/v1/tokens</c>. Zero uses: any number.</summary>
internal sealed record TokenRequest(string Namespace, string ServiceAccount, double LifetimeSeconds, int MaxUses);

internal sealed record TokenAnswer(string Token);

internal sealed record HealthAnswer(string Status, long Revision);

/// <summary>An error of the API: what happened and what to do.</summary>
internal sealed record ErrorAnswer(string Error);

[JsonSerializable(typeof(StatusAnswer))]
[JsonSerializable(typeof(ManifestsAnswer))]
[JsonSerializable(typeof(ApplyRequest))]
[JsonSerializable(typeof(ApplyAnswer))]
[JsonSerializable(typeof(RevisionAnswer[]))]
[JsonSerializable(typeof(TokenRequest))]
[JsonSerializable(typeof(TokenAnswer))]
[JsonSerializable(typeof(JoinTokenSummary[]))]
[JsonSerializable(typeof(PreviewRequest))]
[JsonSerializable(typeof(PreviewAnswer))]
[JsonSerializable(typeof(MigrationAnswer))]
[JsonSerializable(typeof(CaAnswer))]
[JsonSerializable(typeof(RotationRequest))]
[JsonSerializable(typeof(CaRequestAnswer))]
[JsonSerializable(typeof(IssueRequest))]
[JsonSerializable(typeof(IssueAnswer))]
[JsonSerializable(typeof(RevokeRequest))]
[JsonSerializable(typeof(RevokedIdentity[]))]
[JsonSerializable(typeof(HealthAnswer))]
[JsonSerializable(typeof(ErrorAnswer))]
[JsonSourceGenerationOptions(JsonSerializerDefaults.Web, WriteIndented = true)]
internal sealed partial class AdminJson : JsonSerializerContext;
