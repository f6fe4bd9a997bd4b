using System.Net.Security;
using System.Security.Cryptography.X509Certificates;

namespace ProxylessMesh.Spiffe;

/// <summary>Why the certificate of a peer was refused: a bounded word for metrics, a sentence for the log.</summary>
/// <param name="Reason"><c>no_certificate</c>, <c>expired</c>, <c>untrusted</c>, <c>not_an_svid</c> or <c>unexpected</c>.</param>
/// <param name="Detail">A sentence without its full stop.</param>
internal sealed record PeerRefusal(string Reason, string Detail)
{
    /// <summary>For a certificate that <see cref="X509SvidChain.IsAllowed"/> has refused.</summary>
    public static PeerRefusal Of(WorkloadIdentity identity, X509Certificate2? certificate, X509Chain? chain, SslPolicyErrors errors)
    {
        if (certificate is null || (errors & SslPolicyErrors.RemoteCertificateNotAvailable) != 0)
        {
            return new("no_certificate", "the peer sent no certificate. Only workloads of the mesh may call: give the caller AddMesh() or AddMeshClient()");
        }

        if ((errors & SslPolicyErrors.RemoteCertificateChainErrors) != 0)
        {
            var status = chain?.ChainStatus.Aggregate(X509ChainStatusFlags.NoError, static (all, one) => all | one.Status) ?? X509ChainStatusFlags.PartialChain;
            return (status & X509ChainStatusFlags.NotTimeValid) != 0
                ? new("expired", $"the peer's certificate is valid from {certificate.NotBefore.ToUniversalTime():u} to {certificate.NotAfter.ToUniversalTime():u}. Check the peer's clock and its connection to the control plane")
                : new("untrusted", $"the peer's certificate does not lead to a root of this mesh ({status}). It was issued by '{certificate.Issuer}'");
        }

        if (X509SvidValidator.Check(certificate, out var id) is { } rule)
        {
            return new("not_an_svid", $"the peer's certificate is not a SPIFFE identity: {rule}");
        }

        return chain is not null && PeerProof.Of(id!, chain).IsTrustedBy(identity.Bundles)
            ? new("unexpected", $"the peer is '{id}', whom this connection does not expect")
            : new("untrusted", $"the peer is '{id}', and its certificate does not lead to the root of that trust domain; this process is in '{identity.Id.TrustDomain}'");
    }
}
