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
/// belongs to the trust domain of the ID. Chain and callback run on resumed sessions too, by the bundles, the expected IDs and the clock of
/// that moment: resumption spares both sides signatures, not the check (tests do it for TLS 1.2 and 1.3).
/// </remarks>
internal static class SpiffeTls
{
    /// <param name="identity">Ours, and the bundles to check the server by.</param>
    /// <param name="expected">Whom the server may prove to be.</param>
    /// <param name="serverName">The SNI.</param>
    /// <param name="protocols">The ALPN names to offer.</param>
    /// <param name="policy">Versions and cipher suites.</param>
    /// <param name="proved">Told what the server proved, once it is accepted.</param>
    public static SslClientAuthenticationOptions ForClient(WorkloadIdentity identity, PeerAuthorizer expected, string serverName, List<SslApplicationProtocol> protocols, TlsPolicy? policy = null, Action<PeerProof>? proved = null) => new()
    {
        TargetHost = serverName,
        EnabledSslProtocols = (policy ?? TlsPolicy.Default).Protocols,
        CipherSuitesPolicy = policy?.Ciphers,
        ClientCertificateContext = identity.CertificateContext,
        CertificateChainPolicy = identity.PeerChains.ForServers,
        CertificateRevocationCheckMode = X509RevocationMode.NoCheck,
        ApplicationProtocols = protocols,
        AllowRenegotiation = false,
        RemoteCertificateValidationCallback = (_, certificate, chain, errors) => X509SvidChain.IsAllowed(identity.Bundles, certificate, chain, errors, expected, proved),
    };

    /// <param name="identity">Ours, and the bundles to check the client by.</param>
    /// <param name="expected">Whom the client may prove to be.</param>
    /// <param name="protocols">The ALPN names to take, the most wanted first.</param>
    /// <param name="clientCertificate">Whether a client without one is taken.</param>
    /// <param name="policy">Versions and cipher suites.</param>
    /// <param name="proved">Told what the client proved, once it is accepted.</param>
    public static SslServerAuthenticationOptions ForServer(WorkloadIdentity identity, PeerAuthorizer expected, List<SslApplicationProtocol> protocols, ClientCertificate clientCertificate = ClientCertificate.Required, TlsPolicy? policy = null, Action<PeerProof>? proved = null) => new()
    {
        ServerCertificateContext = identity.CertificateContext,
        EnabledSslProtocols = (policy ?? TlsPolicy.Default).Protocols,
        CipherSuitesPolicy = policy?.Ciphers,
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

            if (!X509SvidChain.IsAllowed(identity.Bundles, certificate, chain, errors, expected, proved))
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

    /// <summary>For asking the bundle endpoint of a trust domain (SPIFFE Federation §5.2.2): no certificate of ours, and one ID that it must have.</summary>
    public static SslClientAuthenticationOptions ForBundleEndpoint(TrustBundleSet bundles, SpiffeId endpoint, string serverName, List<SslApplicationProtocol> protocols) => new()
    {
        TargetHost = serverName,
        EnabledSslProtocols = SslProtocols.Tls12 | SslProtocols.Tls13,
        CertificateChainPolicy = new PeerChainPolicy(bundles, []).ForServers,
        CertificateRevocationCheckMode = X509RevocationMode.NoCheck,
        ApplicationProtocols = protocols,
        AllowRenegotiation = false,
        AllowTlsResume = false,
        RemoteCertificateValidationCallback = (_, certificate, chain, errors) => X509SvidChain.IsAllowed(bundles, certificate, chain, errors, endpoint.Equals),
    };
}
