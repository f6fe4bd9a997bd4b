using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using ProxylessMesh.Spiffe;

namespace ProxylessMesh.ControlPlane.Ca;

/// <summary>What the certificates of a mesh look like before they are signed: root, workload, snapshot signer.</summary>
internal static class CertificateTemplates
{
    private static readonly X500DistinguishedName Subject = new("O=ProxylessMesh");

    private static readonly OidCollection ForTls = [new Oid("1.3.6.1.5.5.7.3.1"), new Oid("1.3.6.1.5.5.7.3.2")];

    private static readonly OidCollection ForSnapshots = [new Oid(SnapshotSignature.KeyUsageOid)];

    /// <summary>The root is an SVID of the trust domain itself: its ID has no path (X509-SVID §3.2).</summary>
    public static CertificateRequest Root(TrustDomain trustDomain, ECDsa key)
    {
        // Two roots are in force while one is replaced: told apart by name, too.
        var name = Convert.ToHexStringLower(SHA256.HashData(key.ExportSubjectPublicKeyInfo()).AsSpan(0, 4));
        var request = new CertificateRequest(new X500DistinguishedName($"O=ProxylessMesh, CN=Mesh root {name}"), key, HashAlgorithmName.SHA256);
        request.CertificateExtensions.Add(new X509BasicConstraintsExtension(certificateAuthority: true, hasPathLengthConstraint: false, 0, critical: true));
        request.CertificateExtensions.Add(new X509KeyUsageExtension(X509KeyUsageFlags.KeyCertSign | X509KeyUsageFlags.CrlSign, critical: true));
        request.CertificateExtensions.Add(new X509SubjectKeyIdentifierExtension(request.PublicKey, critical: false));
        request.CertificateExtensions.Add(Name($"spiffe://{trustDomain.Name}"));
        return request;
    }

    public static CertificateRequest Workload(SpiffeId id, PublicKey key)
    {
        var request = Leaf(key, ForTls);
        request.CertificateExtensions.Add(Name(id.ToString()));
        return request;
    }

    /// <summary>No SPIFFE ID and no TLS usage: it can never pass for a workload.</summary>
    public static CertificateRequest SnapshotSigner(PublicKey key)
    {
        var request = Leaf(key, ForSnapshots);
        request.CertificateExtensions.Add(new X509SubjectKeyIdentifierExtension(key, critical: false));
        return request;
    }

    /// <summary>The URI name of a root, or nothing.</summary>
    public static string NameOf(X509Certificate2 root)
        => root.Extensions.FirstOrDefault(static extension => extension.Oid?.Value == AlternativeNames.Oid) is { } names && AlternativeNames.Uris(names.RawData) is [var uri] ? uri : "";

    private static CertificateRequest Leaf(PublicKey key, OidCollection usages)
    {
        var request = new CertificateRequest(Subject, key, HashAlgorithmName.SHA256);
        request.CertificateExtensions.Add(new X509BasicConstraintsExtension(certificateAuthority: false, hasPathLengthConstraint: false, 0, critical: true));
        request.CertificateExtensions.Add(new X509KeyUsageExtension(X509KeyUsageFlags.DigitalSignature, critical: true));
        request.CertificateExtensions.Add(new X509EnhancedKeyUsageExtension(usages, critical: false));
        return request;
    }

    private static X509Extension Name(string uri) => new(AlternativeNames.Oid, AlternativeNames.Write(uri), critical: false);
}
