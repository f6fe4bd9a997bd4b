using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;
using ProxylessMesh.ControlPlane.Calls;
using ProxylessMesh.ControlPlane.Store;
using ProxylessMesh.ControlPlane.Workloads;
using ProxylessMesh.ControlPlane.Xds;
using ProxylessMesh.Protos.V1;

namespace ProxylessMesh.ControlPlane.Admin;

/// <summary><c>/api/v1/status</c>.</summary>
internal static class StatusEndpoints
{
    public static void MapStatus(this IEndpointRouteBuilder api)
        => api.MapGet("/status", static (ManifestStore manifests, WorkloadRegistry workloads, WorkloadConversations conversations, TimeProvider time, SnapshotSource snapshots)
            => TypedResults.Json(Answer(manifests, workloads, workload => CertificateOf(conversations.Find(workload)?.Identity, time.GetUtcNow()), snapshots), AdminJson.Default.StatusAnswer));

    private static StatusAnswer Answer(ManifestStore manifests, WorkloadRegistry workloads, Func<Workload, CertificateAnswer?> certificateOf, SnapshotSource snapshots)
    {
        var revision = manifests.Current;
        return new StatusAnswer(
            revision.Number,
            snapshots.Current.Number,
            revision.Errors.Length,
            [.. workloads.Current.ByInstance.Values.OrderBy(static w => (w.Namespace, w.Service, w.InstanceId)).Select(workload => Of(workload, certificateOf(workload)))],
            [.. snapshots.Sessions.Select(static session => Of(session.Status())).OrderBy(static node => node.Node, StringComparer.Ordinal)]);
    }

    private static WorkloadAnswer Of(Workload workload, CertificateAnswer? certificate) => new(
        workload.InstanceId,
        workload.Id.ToString(),
        workload.Service,
        workload.Namespace,
        workload.Labels.GetValueOrDefault("version", ""),
        workload.Health switch
        {
            WorkloadHealth.Serving => "serving",
            WorkloadHealth.NotServing => "not serving",
            _ => "draining",
        },
        [.. workload.Addresses.SelectMany(address => workload.Ports.Select(port => new System.Net.IPEndPoint(address, port.Number).ToString()))],
        workload.LibraryVersion,
        certificate);

    // A workload that hangs says nothing any more: the clock judges the end.
    private static CertificateAnswer? CertificateOf(IdentityReport? report, DateTimeOffset now) => report is null ? null : new(
        report.ExpiresAt?.ToDateTimeOffset() <= now ? "expired" : report.State switch
        {
            IdentityReport.Types.State.Ready => "ready",
            IdentityReport.Types.State.Stale => "stale",
            IdentityReport.Types.State.Expired => "expired",
            _ => "waiting",
        },
        report.ExpiresAt?.ToDateTimeOffset(),
        report.RenewsAt?.ToDateTimeOffset(),
        report.FailingSince?.ToDateTimeOffset(),
        report.Reason.Length > 0 ? WorkloadReports.Shown(report.Reason) : null);

    private static NodeAnswer Of(NodeStatus status) => new(
        status.Node?.Id ?? "",
        status.Node?.Identity?.ToString(),
        status.Node?.Namespace ?? "",
        status.Node?.UserAgent ?? "",
        status.Protocol,
        status.Peer,
        status.ConnectedAt,
        [.. status.Types.Select(static type => new NodeTypeAnswer(type.TypeUrl[(type.TypeUrl.LastIndexOf('.') + 1)..], type.Subscribed, type.Revision, type.Nack is not null ? "refused" : type.IsPending ? "pending" : "synced", type.Nack))]);
}
