using System.Collections.Immutable;
using System.Formats.Asn1;
using System.Net;
using System.Net.Security;
using System.Security.Authentication;
using System.Security.Cryptography.X509Certificates;
using System.Text;
using ProxylessMesh.Spiffe;
using ProxylessMesh.Xds.Matching;
using ProxylessMesh.Xds.Resources;

namespace ProxylessMesh.Client.Outbound;

/// <summary>
/// TLS to a server that is no workload of the mesh (Envoy TLS origination, gRFC A82, A101): its chain must end in a root of the operating
/// system or in one that is given, and its certificate must be for the name that is asked for, or have one of the names that are given.
/// </summary>
internal sealed class WebTls(UpstreamTlsConfig config)
{
    private static readonly List<SslApplicationProtocol> Http2 = [SslApplicationProtocol.Http2];
    private static readonly List<SslApplicationProtocol> Http11 = [SslApplicationProtocol.Http11];
    private static readonly List<SslApplicationProtocol> Either = [SslApplicationProtocol.Http2, SslApplicationProtocol.Http11];

    // Read once: a certificate that does not parse fails each handshake, and says so.
    private readonly Lazy<X509Certificate2Collection> _roots = new(() =>
    {
        var roots = new X509Certificate2Collection();
        roots.ImportFromPem(config.TrustedCaPem);
        return roots;
    });

    /// <summary>Settings for one handshake.</summary>
    /// <param name="serverName">The SNI, and the name that the certificate must be for where no others are given.</param>
    /// <param name="identity">Our certificate, where the server asks for one; null: none is shown.</param>
    /// <param name="first">The request that the connection is opened for; null: none.</param>
    public SslClientAuthenticationOptions For(string serverName, WorkloadIdentity? identity, HttpRequestMessage? first) => new()
    {
        TargetHost = serverName,
        EnabledSslProtocols = config.RequiresTls13 ? SslProtocols.Tls13 : SslProtocols.Tls12 | SslProtocols.Tls13,
        ClientCertificateContext = identity?.CertificateContext,
        CertificateChainPolicy = Policy(),
        CertificateRevocationCheckMode = X509RevocationMode.NoCheck,
        ApplicationProtocols = Protocols(first),
        AllowRenegotiation = false,
        RemoteCertificateValidationCallback = (_, certificate, _, errors) => IsExpected(certificate, errors, serverName),
    };

    // A connection speaks one version: offer what the request that waits for it can be sent by.
    internal static List<SslApplicationProtocol> Protocols(HttpRequestMessage? first)
        => first is null ? Either : first.Version.Major >= 2 ? first.VersionPolicy == HttpVersionPolicy.RequestVersionOrLower ? Either : Http2
            : first.VersionPolicy == HttpVersionPolicy.RequestVersionOrHigher ? Either : Http11;

    private X509ChainPolicy? Policy()
    {
        if (config.TrustedCaPem is null)
        {
            return null;
        }

        var policy = new X509ChainPolicy { TrustMode = X509ChainTrustMode.CustomRootTrust, RevocationMode = X509RevocationMode.NoCheck, DisableCertificateDownloads = true };
        policy.CustomTrustStore.AddRange(_roots.Value);
        return policy;
    }

    private bool IsExpected(X509Certificate? certificate, SslPolicyErrors errors, string serverName)
    {
        if (certificate is not X509Certificate2 leaf || (errors & ~SslPolicyErrors.RemoteCertificateNameMismatch) != SslPolicyErrors.None)
        {
            return false;
        }

        // auto_sni_san_validation takes the place of the names.
        var isForName = (errors & SslPolicyErrors.RemoteCertificateNameMismatch) == 0;
        if (config.PeerNames.IsEmpty || config.AutoSniSanValidation)
        {
            return isForName;
        }

        // A wildcard certificate has the name that it is for.
        return (isForName && Matches(config.PeerNames, serverName)) || NamesOf(leaf).Exists(name => Matches(config.PeerNames, name));
    }

    private static bool Matches(ImmutableArray<StringMatcher> matchers, string name)
    {
        foreach (var matcher in matchers)
        {
            if (matcher.Matches(name))
            {
                return true;
            }
        }

        return false;
    }

    // RFC 5280 §4.2.1.6: dNSName [2], uniformResourceIdentifier [6], iPAddress [7].
    private static List<string> NamesOf(X509Certificate2 leaf)
    {
        List<string> names = [];
        foreach (var extension in leaf.Extensions)
        {
            if (extension.Oid?.Value != "2.5.29.17")
            {
                continue;
            }

            var sequence = new AsnReader(extension.RawData, AsnEncodingRules.DER).ReadSequence();
            while (sequence.HasData)
            {
                var tag = sequence.PeekTag();
                if (tag is { TagClass: TagClass.ContextSpecific, TagValue: 2 or 6 })
                {
                    names.Add(Encoding.ASCII.GetString(sequence.ReadOctetString(tag)));
                }
                else if (tag is { TagClass: TagClass.ContextSpecific, TagValue: 7 })
                {
                    names.Add(new IPAddress(sequence.ReadOctetString(tag)).ToString());
                }
                else
                {
                    sequence.ReadEncodedValue();
                }
            }
        }

        return names;
    }
}
