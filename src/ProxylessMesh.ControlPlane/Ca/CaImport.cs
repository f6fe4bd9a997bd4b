using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using ProxylessMesh.Spiffe;

namespace ProxylessMesh.ControlPlane.Ca;

/// <summary>Reads a company's certificates into an authority: the one that is to sign first, then its parents, the root last.</summary>
internal static class CaImport
{
    private const int MaxBytes = 256 * 1024;

    private const int MaxCertificates = 6;

    private const string Cure = "Give PEM: the certificate that signs first, then each one's issuer up to the root, which must be in it because workloads trust it by its content.";

    /// <summary>From files, as the options name them.</summary>
    /// <exception cref="MeshControlPlaneException">They cannot be read, or make no authority.</exception>
    public static MeshAuthority ReadFiles(string certificateFile, string keyFile, TrustDomain trustDomain, DateTimeOffset now)
    {
        try
        {
            return Read(File.ReadAllText(certificateFile), Key(File.ReadAllText(keyFile)), trustDomain, now);
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            throw new MeshControlPlaneException($"The CA's certificate cannot be read: {error.Message} Check MeshControlPlane:CaCertificateFile and CaKeyFile.", error);
        }
    }

    /// <summary>Reads a key from PEM: PKCS#8, SEC 1 or PKCS#1.</summary>
    /// <exception cref="MeshControlPlaneException">It is none.</exception>
    public static AsymmetricAlgorithm Key(string pem)
    {
        AsymmetricAlgorithm[] kinds = [ECDsa.Create(), RSA.Create()];
        foreach (var kind in kinds)
        {
            try
            {
                kind.ImportFromPem(pem);
                return kind;
            }
            catch (Exception error) when (error is CryptographicException or ArgumentException)
            {
                kind.Dispose();
            }
        }

        throw new MeshControlPlaneException("The CA's key is not readable: it is neither an ECDSA nor an RSA key in PEM, or it is encrypted. Give it as unencrypted PEM; it is encrypted when it is kept.");
    }

    /// <summary>Puts certificates and key together and checks that they may be the CA of this trust domain.</summary>
    /// <exception cref="MeshControlPlaneException">Why not.</exception>
    public static MeshAuthority Read(string pem, AsymmetricAlgorithm key, TrustDomain trustDomain, DateTimeOffset now)
    {
        if (pem.Length > MaxBytes)
        {
            throw Refused($"it has {pem.Length} characters; {MaxBytes} are the most.");
        }

        var certificates = new X509Certificate2Collection();
        try
        {
            certificates.ImportFromPem(pem);
        }
        catch (CryptographicException error)
        {
            throw Refused($"{error.Message}.", error);
        }

        if (certificates.Count is 0 or > MaxCertificates)
        {
            throw Refused($"there are {certificates.Count} certificates in it; 1 to {MaxCertificates} are possible.");
        }

        Check(certificates, trustDomain, now);
        try
        {
            using var plain = certificates[0];
            return new MeshAuthority(key switch
            {
                ECDsa ec => plain.CopyWithPrivateKey(ec),
                RSA rsa => plain.CopyWithPrivateKey(rsa),
                _ => throw Refused("the key is neither ECDSA nor RSA."),
            }, [.. certificates.Skip(1)]);
        }
        catch (ArgumentException error)
        {
            throw Refused("the key is not that of the first certificate.", error);
        }
    }

    private static void Check(X509Certificate2Collection certificates, TrustDomain trustDomain, DateTimeOffset now)
    {
        foreach (var certificate in certificates)
        {
            if (X509SvidValidator.CheckAuthority(certificate) is { } fault)
            {
                throw Refused($"certificate '{certificate.Subject}': {fault}.");
            }

            if (KeyFault(certificate.PublicKey) is { } weak)
            {
                throw Refused($"certificate '{certificate.Subject}': {weak}.");
            }
        }

        var signer = certificates[0];
        if (!signer.Extensions.OfType<X509SubjectKeyIdentifierExtension>().Any())
        {
            throw Refused($"certificate '{signer.Subject}' has no subject key identifier, by which workloads see who signed theirs.");
        }

        if (CertificateTemplates.NameOf(signer) is { Length: > 0 } named && named != $"spiffe://{trustDomain.Name}")
        {
            throw Refused($"certificate '{signer.Subject}' is for '{named}', and this trust domain is '{trustDomain}'.");
        }

        // A leaf must fit below: the path length that its parents allow counts certificates between them and the leaf.
        using var chain = new X509Chain { ChainPolicy = X509SvidChain.Policy(new TrustBundleSet([new TrustBundle(trustDomain, [certificates[^1]])]), [.. certificates.Skip(1)]) };
        chain.ChainPolicy.VerificationTime = now.UtcDateTime;
        chain.ChainPolicy.VerificationTimeIgnored = false;
        if (!chain.Build(signer))
        {
            throw Refused($"certificate '{signer.Subject}' does not lead to the last one in it at {now:u}: {string.Join("; ", chain.ChainStatus.Select(static status => status.Status))}.");
        }

        if (chain.ChainElements.Count != certificates.Count)
        {
            throw Refused($"its {certificates.Count} certificates are not one chain in order.");
        }
    }

    private static string? KeyFault(PublicKey key)
    {
        using var ec = key.GetECDsaPublicKey();
        using var rsa = key.GetRSAPublicKey();
        return ec is { KeySize: 256 or 384 } || rsa is { KeySize: >= 2048 } ? null : "its key must be ECDSA P-256 or P-384, or RSA with 2048 bits or more";
    }

    private static MeshControlPlaneException Refused(string why, Exception? cause = null)
    {
        var message = $"This cannot be the mesh's CA: {why} {Cure}";
        return cause is null ? new MeshControlPlaneException(message) : new MeshControlPlaneException(message, cause);
    }
}
