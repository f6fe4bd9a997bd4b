using System.Net.Security;
using System.Security.Authentication;
using System.Security.Cryptography.X509Certificates;

namespace ProxylessMesh.Spiffe;

/// <summary>
/// TLS settings for one handshake, from the identity of this moment: TLS 1.2 or newer, our certificate, and a peer whose chain ends in
/// the bundle of its own trust domain and whose ID is allowed (X509-SVID §5).
/// </summary>
/// <remarks>
/// The chain is built once, by SslStream, with every bundle's roots as custom roots; the callback then checks that the root found
/// belongs to the trust domain of the ID. The callback runs on resumed sessions too, so an expired peer is refused there as well.
/// </remarks>
internal static class SpiffeTls
{
    public static SslClientAuthenticationOptions ForClient(WorkloadIdentity identity, PeerAuthorizer expected, string serverName, List<SslApplicationProtocol> protocols) => new()
    {
        TargetHost = serverName,
        EnabledSslProtocols = SslProtocols.Tls12 | SslProtocols.Tls13,
        ClientCertificateContext = identity.CertificateContext,
        CertificateChainPolicy = identity.PeerChains.ForServers,
        CertificateRevocationCheckMode = X509RevocationMode.NoCheck,
        ApplicationProtocols = protocols,
        AllowRenegotiation = false,
        RemoteCertificateValidationCallback = (_, certificate, chain, errors) => X509SvidChain.IsAllowed(identity.Bundles, certificate, chain, errors, expected),
    };

    public static SslServerAuthenticationOptions ForServer(WorkloadIdentity identity, PeerAuthorizer expected, List<SslApplicationProtocol> protocols, ClientCertificate clientCertificate = ClientCertificate.Required) => new()
    {
        ServerCertificateContext = identity.CertificateContext,
        EnabledSslProtocols = SslProtocols.Tls12 | SslProtocols.Tls13,
        ClientCertificateRequired = true,
        CertificateChainPolicy = identity.PeerChains.ForClients,
        CertificateRevocationCheckMode = X509RevocationMode.NoCheck,
        ApplicationProtocols = protocols,
        AllowRenegotiation = false,
        AllowTlsResume = identity.PeerChains.MayResume,
        RemoteCertificateValidationCallback = (_, certificate, chain, errors) =>
        {
            if (certificate is null)
            {
                return clientCertificate == ClientCertificate.Optional;
            }

            if (!X509SvidChain.IsAllowed(identity.Bundles, certificate, chain, errors, expected))
            {
                return false;
            }

            identity.PeerChains.Learn(chain!);
            return true;
        },
    };

    /// <summary>
    /// For a first contact with a control plane: no certificate of ours. Without <paramref name="bundles"/> the server is not verified at
    /// all: only for asking for roots, whose hash is then compared with the join token's.
    /// </summary>
    public static SslClientAuthenticationOptions ForEnrolment(TrustBundleSet? bundles, string serverName, List<SslApplicationProtocol> protocols) => new()
    {
        TargetHost = serverName,
        EnabledSslProtocols = SslProtocols.Tls12 | SslProtocols.Tls13,
        // Also without bundles: the framework's own policy would download what a stranger's certificate points to.
        CertificateChainPolicy = new PeerChainPolicy(bundles ?? new TrustBundleSet([]), []).ForServers,
        CertificateRevocationCheckMode = X509RevocationMode.NoCheck,
        ApplicationProtocols = protocols,
        AllowRenegotiation = false,
        AllowTlsResume = false,
        RemoteCertificateValidationCallback = (_, certificate, chain, errors) =>
            bundles is null || X509SvidChain.IsAllowed(bundles, certificate, chain, errors, peer => bundles.TryGet(peer.TrustDomain, out var bundle) && ControlPlaneIdentity.Is(peer, bundle.TrustDomain)),
    };
}
