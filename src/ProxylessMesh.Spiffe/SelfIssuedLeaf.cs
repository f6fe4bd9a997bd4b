using System.Formats.Asn1;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;

namespace ProxylessMesh.Spiffe;

/// <summary>
/// Verifies the one kind of leaf that the platform cannot: its subject is the same as its issuer's and it does not name the issuer's key, so
/// OpenSSL takes it for self-signed and looks for no issuer. Go makes such leaves where a CA writes its own name into them; Go and others
/// verify them. Only a leaf right under a root counts; for every other chain the platform decides.
/// </summary>
/// <remarks>
/// What RFC 5280 §6.1 asks for a path of one certificate, and nothing is taken that this does not understand: signature by the root's key,
/// both certificates within their time, names that chain, no critical extension beyond the four that an SVID has, key usage of the root,
/// extended key usage of the leaf. Name constraints in a root are not evaluated here, so such a root is no issuer here.
/// </remarks>
internal static class SelfIssuedLeaf
{
    private const string AuthorityKeyIdentifier = "2.5.29.35";

    private const string NameConstraints = "2.5.29.30";

    private static readonly HashSet<string> Understood = ["2.5.29.15", "2.5.29.17", "2.5.29.19", "2.5.29.37"];

    /// <summary>Finds the root of the leaf's own trust domain that has signed it.</summary>
    /// <param name="leaf">Any certificate.</param>
    /// <param name="bundles">The roots of every trust domain.</param>
    /// <param name="usages">Extended key usages that it must have, where it has any.</param>
    /// <param name="now">The time to judge by.</param>
    /// <returns>What it proves, or <see langword="null"/>. Never throws.</returns>
    public static PeerProof? TryProve(X509Certificate2 leaf, TrustBundleSet bundles, OidCollection usages, DateTimeOffset now)
    {
        try
        {
            if (X509SvidValidator.Check(leaf, out var id) is not null || !bundles.TryGet(id!.TrustDomain, out var bundle)
                || !IsSelfIssued(leaf) || !IsWithinItsTime(leaf, now) || !HasOnlyWhatIsUnderstood(leaf) || !MayBeUsed(leaf, usages)
                || bundle.Authorities.FirstOrDefault(root => IsIssuer(root, leaf, now)) is not { } issuer)
            {
                return null;
            }

            var end = leaf.NotAfter < issuer.NotAfter ? leaf.NotAfter : issuer.NotAfter;
            return new PeerProof(id, issuer.RawDataMemory, new DateTimeOffset(end.ToUniversalTime(), TimeSpan.Zero));
        }
        catch (Exception error) when (error is CryptographicException or AsnContentException)
        {
            return null;
        }
    }

    private static bool IsSelfIssued(X509Certificate2 leaf)
        => leaf.SubjectName.RawData.AsSpan().SequenceEqual(leaf.IssuerName.RawData) && !Has(leaf, AuthorityKeyIdentifier);

    private static bool IsIssuer(X509Certificate2 root, X509Certificate2 leaf, DateTimeOffset now)
        => root.SubjectName.RawData.AsSpan().SequenceEqual(leaf.IssuerName.RawData)
            && IsWithinItsTime(root, now)
            && X509SvidValidator.CheckAuthority(root) is null
            && HasOnlyWhatIsUnderstood(root)
            && !Has(root, NameConstraints)
            && IsSignedBy(leaf.RawDataMemory, root);

    private static bool IsWithinItsTime(X509Certificate2 certificate, DateTimeOffset now)
        => now >= certificate.NotBefore.ToUniversalTime() && now < certificate.NotAfter.ToUniversalTime();

    private static bool HasOnlyWhatIsUnderstood(X509Certificate2 certificate)
        => certificate.Extensions.All(static extension => !extension.Critical || Understood.Contains(extension.Oid?.Value ?? ""));

    private static bool MayBeUsed(X509Certificate2 leaf, OidCollection needed)
        => leaf.Extensions.OfType<X509EnhancedKeyUsageExtension>().All(extension => needed.Cast<Oid>().All(need => extension.EnhancedKeyUsages.Cast<Oid>().Any(usage => usage.Value == need.Value)));

    private static bool Has(X509Certificate2 certificate, string oid) => certificate.Extensions.Any(extension => extension.Oid?.Value == oid);

    /// <summary>Certificate ::= SEQUENCE { tbsCertificate, signatureAlgorithm, signatureValue } (RFC 5280 §4.1).</summary>
    private static bool IsSignedBy(ReadOnlyMemory<byte> der, X509Certificate2 root)
    {
        var certificate = new AsnReader(der, AsnEncodingRules.DER).ReadSequence();
        var content = certificate.ReadEncodedValue();
        var algorithm = certificate.ReadEncodedValue();
        var signature = certificate.ReadBitString(out var unused);
        certificate.ThrowIfNotEmpty();
        return unused == 0 && InnerAlgorithm(content).Span.SequenceEqual(algorithm.Span) && Verify(root, content.Span, new AsnReader(algorithm, AsnEncodingRules.DER).ReadSequence().ReadObjectIdentifier(), signature);
    }

    /// <summary>TBSCertificate ::= SEQUENCE { version [0], serialNumber, signature, … }; the algorithm is there twice and must be the same (RFC 5280 §4.1.1.2).</summary>
    private static ReadOnlyMemory<byte> InnerAlgorithm(ReadOnlyMemory<byte> content)
    {
        var fields = new AsnReader(content, AsnEncodingRules.DER).ReadSequence();
        if (fields.PeekTag().HasSameClassAndValue(new Asn1Tag(TagClass.ContextSpecific, 0)))
        {
            fields.ReadEncodedValue();
        }

        fields.ReadIntegerBytes();
        return fields.ReadEncodedValue();
    }

    private static bool Verify(X509Certificate2 root, ReadOnlySpan<byte> content, string algorithm, byte[] signature)
    {
        using var curve = root.GetECDsaPublicKey();
        using var rsa = root.GetRSAPublicKey();
        return algorithm switch
        {
            "1.2.840.10045.4.3.2" => curve?.VerifyData(content, signature, HashAlgorithmName.SHA256, DSASignatureFormat.Rfc3279DerSequence) == true,
            "1.2.840.10045.4.3.3" => curve?.VerifyData(content, signature, HashAlgorithmName.SHA384, DSASignatureFormat.Rfc3279DerSequence) == true,
            "1.2.840.10045.4.3.4" => curve?.VerifyData(content, signature, HashAlgorithmName.SHA512, DSASignatureFormat.Rfc3279DerSequence) == true,
            "1.2.840.113549.1.1.11" => rsa?.VerifyData(content, signature, HashAlgorithmName.SHA256, RSASignaturePadding.Pkcs1) == true,
            "1.2.840.113549.1.1.12" => rsa?.VerifyData(content, signature, HashAlgorithmName.SHA384, RSASignaturePadding.Pkcs1) == true,
            "1.2.840.113549.1.1.13" => rsa?.VerifyData(content, signature, HashAlgorithmName.SHA512, RSASignaturePadding.Pkcs1) == true,
            _ => false,
        };
    }
}
