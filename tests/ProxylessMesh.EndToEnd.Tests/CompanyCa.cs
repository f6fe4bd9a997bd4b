using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;

namespace ProxylessMesh.EndToEnd.Tests;

/// <summary>A company's root that signs other people's CAs and knows nothing of SPIFFE.</summary>
internal sealed class CompanyCa : IDisposable
{
    private readonly ECDsa _key = ECDsa.Create(ECCurve.NamedCurves.nistP384);

    public CompanyCa()
    {
        var request = new CertificateRequest("O=Example Company, CN=Root", _key, HashAlgorithmName.SHA384);
        request.CertificateExtensions.Add(new X509BasicConstraintsExtension(certificateAuthority: true, hasPathLengthConstraint: true, 1, critical: true));
        request.CertificateExtensions.Add(new X509KeyUsageExtension(X509KeyUsageFlags.KeyCertSign | X509KeyUsageFlags.CrlSign, critical: true));
        request.CertificateExtensions.Add(new X509SubjectKeyIdentifierExtension(request.PublicKey, critical: false));
        var now = TimeProvider.System.GetUtcNow();
        Root = request.CreateSelfSigned(now.AddDays(-1), now.AddDays(365));
    }

    public X509Certificate2 Root { get; }

    /// <summary>Signs a request for an intermediate with the names that it asks for.</summary>
    /// <returns>PEM, the intermediate first, the root last.</returns>
    public string Sign(string signingRequestPem)
    {
        var request = CertificateRequest.LoadSigningRequestPem(signingRequestPem, HashAlgorithmName.SHA384, CertificateRequestLoadOptions.UnsafeLoadCertificateExtensions);
        request.CertificateExtensions.Add(X509AuthorityKeyIdentifierExtension.CreateFromCertificate(Root, includeKeyIdentifier: true, includeIssuerAndSerial: false));
        using var signed = request.Create(Root.SubjectName, X509SignatureGenerator.CreateForECDsa(_key), Root.NotBefore, Root.NotAfter, RandomNumberGenerator.GetBytes(8));
        return $"{signed.ExportCertificatePem()}\n{Root.ExportCertificatePem()}\n";
    }

    public void Dispose()
    {
        Root.Dispose();
        _key.Dispose();
    }
}
