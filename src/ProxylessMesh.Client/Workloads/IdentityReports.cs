using Google.Protobuf.WellKnownTypes;
using ProxylessMesh.Protos.V1;
using ProxylessMesh.Spiffe;

namespace ProxylessMesh.Client.Workloads;

/// <summary>How the certificate stands, in the words of the wire. Nothing of the certificate itself.</summary>
internal static class IdentityReports
{
    private const int MaxReason = 512;

    public static IdentityReport Of(IdentityStatus status) => new()
    {
        State = status.State switch
        {
            IdentityState.Ready => IdentityReport.Types.State.Ready,
            IdentityState.Stale => IdentityReport.Types.State.Stale,
            IdentityState.Expired => IdentityReport.Types.State.Expired,
            _ => IdentityReport.Types.State.Unspecified,
        },
        ExpiresAt = status.ExpiresAt?.ToTimestamp(),
        RenewsAt = status.RenewsAt?.ToTimestamp(),
        FailingSince = status.FailingSince?.ToTimestamp(),
        Reason = status.Error?.Message is { } reason ? reason[..Math.Min(reason.Length, MaxReason)] : "",
    };
}
