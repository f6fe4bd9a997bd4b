using System.Net.Security;
using System.Security.Cryptography.X509Certificates;
using ProxylessMesh.Spiffe;

namespace ProxylessMesh.Listening;

/// <summary>What is known of one TLS handshake while it runs; afterwards, whom it proved or why it failed.</summary>
internal sealed class InboundHandshake
{
    public SpiffeId? Peer { get; private set; }

    /// <summary>The handshake ended and the application's side took over.</summary>
    public bool IsComplete { get; set; }

    /// <summary>A bounded word for metrics; null where the peer's certificate was not the reason.</summary>
    public string? Failure { get; private set; }

    /// <summary>The failure in a sentence.</summary>
    public string? Detail { get; private set; }

    /// <summary>TLS settings from an identity, which tell this object how it ends.</summary>
    public SslServerAuthenticationOptions Options(WorkloadIdentity identity, List<SslApplicationProtocol> protocols)
    {
        var options = SpiffeTls.ForServer(identity, Accept, protocols);
        var validate = options.RemoteCertificateValidationCallback!;
        options.RemoteCertificateValidationCallback = (sender, certificate, chain, errors) =>
        {
            var allowed = validate(sender, certificate, chain, errors);
            if (!allowed)
            {
                Peer = null;
                (Failure, Detail) = Explain(identity, certificate as X509Certificate2, chain, errors);
            }

            return allowed;
        };
        return options;
    }

    // Whoever proved an identity may connect; what it may call is for authorization to say.
    private bool Accept(SpiffeId peer)
    {
        Peer = peer;
        return true;
    }

    private static (string Failure, string Detail) Explain(WorkloadIdentity identity, X509Certificate2? certificate, X509Chain? chain, SslPolicyErrors errors)
    {
        if (certificate is null || (errors & SslPolicyErrors.RemoteCertificateNotAvailable) != 0)
        {
            return ("no_certificate", "the peer sent no certificate. Only workloads of the mesh may call: give the caller AddMesh() or AddMeshClient()");
        }

        if ((errors & SslPolicyErrors.RemoteCertificateChainErrors) != 0)
        {
            var status = chain?.ChainStatus.Aggregate(X509ChainStatusFlags.NoError, static (all, one) => all | one.Status) ?? X509ChainStatusFlags.PartialChain;
            return (status & X509ChainStatusFlags.NotTimeValid) != 0
                ? ("expired", $"the peer's certificate is valid from {certificate.NotBefore.ToUniversalTime():u} to {certificate.NotAfter.ToUniversalTime():u}. Check the peer's clock and its connection to the control plane")
                : ("untrusted", $"the peer's certificate does not lead to a root of this mesh ({status}). It was issued by '{certificate.Issuer}'");
        }

        return X509SvidValidator.Check(certificate, out var id) is { } rule
            ? ("not_an_svid", $"the peer's certificate is not a SPIFFE identity: {rule}")
            : ("untrusted", $"the peer is '{id}', and its certificate does not lead to the root of that trust domain; this process is in '{identity.Id.TrustDomain}'");
    }
}
