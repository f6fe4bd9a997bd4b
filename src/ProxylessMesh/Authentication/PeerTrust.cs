using ProxylessMesh.Spiffe;

namespace ProxylessMesh.Authentication;

/// <summary>
/// Whether what a peer proved when its connection came still holds: its root may have gone from the bundles since, or its certificate
/// have ended. Asked for each call; it looks anew only when the identity in force is another one.
/// </summary>
internal sealed class PeerTrust(PeerProof proof, IdentitySource identity, TimeProvider time)
{
    private static readonly TimeSpan LongestNotice = TimeSpan.FromSeconds(15);

    // So long before the end the peer is asked to connect anew: less than our own clients take, who thus go by themselves.
    private readonly DateTimeOffset _noticeAt = proof.EndsAt - Notice((proof.EndsAt - time.GetUtcNow()) / 20);
    private Verdict _last = new(null, IsTrusted: true);

    /// <summary>Calls may be taken.</summary>
    public bool Holds => IsTrusted() && time.GetUtcNow() < proof.EndsAt;

    /// <summary>The connection should end, with no call lost where the peer can be helped.</summary>
    public bool IsEnding => !IsTrusted() || time.GetUtcNow() >= _noticeAt;

    private bool IsTrusted()
    {
        var last = Volatile.Read(ref _last);
        var current = identity.Current;
        if (ReferenceEquals(last.Identity, current) || current is null)
        {
            return last.IsTrusted;
        }

        last = new Verdict(current, proof.IsTrustedBy(current.Bundles));
        Volatile.Write(ref _last, last);
        return last.IsTrusted;
    }

    private static TimeSpan Notice(TimeSpan wanted) => wanted < LongestNotice ? wanted : LongestNotice;

    private sealed record Verdict(WorkloadIdentity? Identity, bool IsTrusted);
}
