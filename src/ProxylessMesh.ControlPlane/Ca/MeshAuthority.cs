using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;

namespace ProxylessMesh.ControlPlane.Ca;

/// <summary>A key that signs certificates, with its own certificate and what leads from there to the root that workloads trust. Immutable; thread safe.</summary>
internal sealed class MeshAuthority : IDisposable
{
    private readonly Lock _gate = new();
    private readonly X509Certificate2 _signer;
    private readonly AsymmetricAlgorithm _key;

    /// <param name="signer">With its private key; owned by this object from now on.</param>
    /// <param name="parents">From the one that signed <paramref name="signer"/> to the root; empty where it is the root itself.</param>
    public MeshAuthority(X509Certificate2 signer, IReadOnlyList<X509Certificate2> parents)
    {
        _signer = signer;
        _key = (AsymmetricAlgorithm?)signer.GetECDsaPrivateKey() ?? signer.GetRSAPrivateKey()
            ?? throw new MeshControlPlaneException("The CA's key is neither ECDSA nor RSA. Name the state folder of a mesh that this control plane has made, or give the CA another key.");
        Certificate = X509CertificateLoader.LoadCertificate(signer.RawDataMemory.Span);
        Root = parents.Count > 0 ? parents[^1] : Certificate;
        Intermediates = parents.Count > 0 ? [Certificate, .. parents.Take(parents.Count - 1)] : [];
        Hash = Convert.ToHexStringLower(SHA256.HashData(signer.RawDataMemory.Span));
        RootHash = SHA256.HashData(Root.RawDataMemory.Span);
        KeyId = signer.Extensions.OfType<X509SubjectKeyIdentifierExtension>().FirstOrDefault()?.SubjectKeyIdentifierBytes ?? default;
    }

    /// <summary>The certificate that signs, without its key.</summary>
    public X509Certificate2 Certificate { get; }

    /// <summary>What goes after a leaf in a chain: the signing certificate and its parents, without the root.</summary>
    public IReadOnlyList<X509Certificate2> Intermediates { get; }

    /// <summary>What workloads trust.</summary>
    public X509Certificate2 Root { get; }

    /// <summary>SHA-256 of the signing certificate, in hex: its name in files and answers.</summary>
    public string Hash { get; }

    /// <summary>SHA-256 of the root, as join tokens carry it.</summary>
    public ReadOnlyMemory<byte> RootHash { get; }

    /// <summary>The subject key identifier, as leaves name it.</summary>
    public ReadOnlyMemory<byte> KeyId { get; }

    /// <summary>Whether the root and the key are our own, and not under a company's root.</summary>
    public bool IsRoot => Intermediates.Count == 0;

    /// <summary>When nothing that it signs is valid any more: the earliest end on the way to the root.</summary>
    public DateTimeOffset ExpiresAt => new(Intermediates.Append(Root).Min(static certificate => certificate.NotAfter.ToUniversalTime()), TimeSpan.Zero);

    /// <summary>Signs a certificate; never valid beyond the authority itself.</summary>
    public X509Certificate2 Sign(CertificateRequest request, DateTimeOffset notBefore, DateTimeOffset notAfter)
    {
        request.CertificateExtensions.Add(X509AuthorityKeyIdentifierExtension.CreateFromCertificate(_signer, includeKeyIdentifier: true, includeIssuerAndSerial: false));

        // 127 random bits: a serial number is positive and of at most 20 bytes (RFC 5280 §4.1.2.2).
        var serial = RandomNumberGenerator.GetBytes(16);
        serial[0] = (byte)((serial[0] & 0x7F) | 0x40);
        var from = notBefore > _signer.NotBefore ? notBefore : _signer.NotBefore;
        lock (_gate)
        {
            return request.Create(_signer.SubjectName, Generator(), from, notAfter < ExpiresAt ? notAfter : ExpiresAt, serial);
        }
    }

    /// <summary>As PKCS#12, for <see cref="CaFile"/>.</summary>
    public (X509Certificate2 Signer, AsymmetricAlgorithm Key, IEnumerable<X509Certificate2> Parents) Contents
        => (Certificate, _key, IsRoot ? [] : [.. Intermediates.Skip(1), Root]);

    public void Dispose()
    {
        _key.Dispose();
        _signer.Dispose();
    }

    private X509SignatureGenerator Generator() => _key is ECDsa ec
        ? X509SignatureGenerator.CreateForECDsa(ec)
        : X509SignatureGenerator.CreateForRSA((RSA)_key, RSASignaturePadding.Pkcs1);
}
