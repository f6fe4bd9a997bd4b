using System.Net.Security;
using System.Security.Authentication;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;

namespace ProxylessMesh.Spiffe;

/// <summary>
/// TLS settings for one handshake, from the identity of this moment: TLS 1.2 or newer, our certificate, and a peer whose chain ends in
/// the bundle of its own trust domain and whose ID is allowed (X509-SVID §5).
/// </summary>
/// <remarks>
/// The chain is built once, by SslStream, with every bundle's roots as custom roots; the callback then checks that the root found
/// belongs to the trust domain of the ID. Intermediates are in <c>ExtraStore</c>, because a resumed session brings only the leaf.
/// </remarks>
internal static class SpiffeTls
{
    private static readonly Oid ClientAuthentication = new("1.3.6.1.5.5.7.3.2");

    private static readonly Oid ServerAuthentication = new("1.3.6.1.5.5.7.3.1");

    public static SslClientAuthenticationOptions ForClient(WorkloadIdentity identity, PeerAuthorizer expected, string serverName, List<SslApplicationProtocol> protocols) => new()
    {
        TargetHost = serverName,
        EnabledSslProtocols = SslProtocols.Tls12 | SslProtocols.Tls13,
        ClientCertificateContext = identity.CertificateContext,
        CertificateChainPolicy = ChainPolicy(identity, ServerAuthentication),
        CertificateRevocationCheckMode = X509RevocationMode.NoCheck,
        ApplicationProtocols = protocols,
        RemoteCertificateValidationCallback = (_, certificate, chain, errors) => X509SvidValidator.IsAllowed(identity.Bundles, certificate, chain, errors, expected),
    };

    public static SslServerAuthenticationOptions ForServer(WorkloadIdentity identity, PeerAuthorizer expected, List<SslApplicationProtocol> protocols, ClientCertificate clientCertificate = ClientCertificate.Required) => new()
    {
        ServerCertificateContext = identity.CertificateContext,
        EnabledSslProtocols = SslProtocols.Tls12 | SslProtocols.Tls13,
        ClientCertificateRequired = true,
        CertificateChainPolicy = ChainPolicy(identity, ClientAuthentication),
        CertificateRevocationCheckMode = X509RevocationMode.NoCheck,
        ApplicationProtocols = protocols,
        AllowRenegotiation = false,
        RemoteCertificateValidationCallback = (_, certificate, chain, errors) =>
            (certificate is null && clientCertificate == ClientCertificate.Optional) || X509SvidValidator.IsAllowed(identity.Bundles, certificate, chain, errors, expected),
    };

    private static X509ChainPolicy ChainPolicy(WorkloadIdentity identity, Oid usage)
    {
        var policy = new X509ChainPolicy
        {
            TrustMode = X509ChainTrustMode.CustomRootTrust,
            RevocationMode = X509RevocationMode.NoCheck,
            DisableCertificateDownloads = true,
        };
        policy.ApplicationPolicy.Add(usage);
        foreach (var bundle in identity.Bundles.Bundles)
        {
            foreach (var authority in bundle.Authorities)
            {
                policy.CustomTrustStore.Add(authority);
            }
        }

        policy.ExtraStore.AddRange(identity.Intermediates);
        return policy;
    }
}
