using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;
using ProxylessMesh.Spiffe;

namespace ProxylessMesh.ControlPlane.Ca;

/// <summary>
/// The one way to a certificate, for all doors: whoever has proved an identity gets it if the policy allows, neither it nor its token is
/// revoked, and nothing goes out that is not in the ledger and the audit log. Thread safe.
/// </summary>
internal sealed partial class SvidIssuer(
    CertificateAuthority authority, MeshTrust trust, RevokedIdentities revoked, JoinTokens tokens, LeafLedger ledger, AuditLog audit, IOptions<MeshControlPlaneOptions> options, ILogger<SvidIssuer> logger)
{
    private readonly IssuancePolicy _policy = new(options.Value);

    /// <summary>Issues for an identity that was proved.</summary>
    /// <param name="id">What was proved.</param>
    /// <param name="request">Proves possession of the key.</param>
    /// <param name="lifetime">As asked for; without one, the default.</param>
    /// <param name="proof">How it was proved.</param>
    /// <exception cref="IssuanceRefusedException">Why not.</exception>
    public IssuedSvid Issue(SpiffeId id, SigningRequest request, TimeSpan? lifetime, IssuanceProof proof)
    {
        var shown = proof.Certificate.Length > 0 ? ledger.Find(proof.Certificate) : null;
        var token = proof.Token.Length > 0 ? proof.Token : shown?.Token ?? "";
        if (Fault(id, request, token) is { } fault)
        {
            LogRefused(id, fault);
            audit.Write(audit.Now("refused") with { Id = id.ToString(), By = proof.By, Token = OrNull(token), Renews = OrNull(proof.Certificate), Address = OrNull(proof.Address), Reason = fault });
            throw new IssuanceRefusedException(fault);
        }

        // One state for leaf and bundle: a workload never gets a certificate by a key that its own bundle does not lead to.
        var state = trust.Current;
        var svid = new IssuedSvid(authority.Issue(id, request.Key, _policy.Lifetime(lifetime), state.Keys.Active), state.Keys.Active, state);
        ledger.Add(new LeafRecord
        {
            Serial = svid.Leaf.SerialNumber,
            Id = id.ToString(),
            ExpiresAt = svid.ExpiresAt,
            Authority = svid.Authority.Hash,
            NewestRoot = Convert.ToHexStringLower(state.Keys.Newest.RootHash.Span),
            Token = token,
            Renews = shown?.Serial ?? "",
        });
        audit.Write(audit.Now("issued") with
        {
            Id = id.ToString(),
            By = proof.By,
            Token = OrNull(token),
            Address = OrNull(proof.Address),
            Serial = svid.Leaf.SerialNumber,
            Renews = OrNull(proof.Certificate),
            ExpiresAt = svid.ExpiresAt,
            Authority = svid.Authority.Hash,
        });
        return svid;
    }

    private string? Fault(SpiffeId id, SigningRequest request, string token)
    {
        if (id.TrustDomain != authority.TrustDomain)
        {
            return $"'{id}' is not of this CA's trust domain '{authority.TrustDomain}'.";
        }

        if (revoked.Contains(id))
        {
            return $"identity '{id}' is revoked. An operator can restore it with 'mesh ca restore'.";
        }

        return token.Length > 0 && tokens.IsRevoked(token)
            ? $"the join token '{token}' that '{id}' came by is revoked. Join with another one."
            : _policy.Fault(id, request.Key);
    }

    private static string? OrNull(string text) => text.Length > 0 ? text : null;

    [LoggerMessage(6505, LogLevel.Warning, "Issued no certificate to {Id}: {Reason}")]
    private partial void LogRefused(SpiffeId id, string reason);
}
