using System.Security.Cryptography;
using System.Security.Cryptography.Pkcs;
using System.Security.Cryptography.X509Certificates;
using Google.Protobuf;
using ProxylessMesh.Protos.V1;

namespace ProxylessMesh.Spiffe;

/// <summary>The CMS around a signed snapshot: how the control plane makes it and how a workload checks it (RFC 5652).</summary>
internal static class SnapshotSignature
{
    /// <summary>
    /// Extended key usage of certificates that sign snapshots, and nothing else: TLS refuses them, and no workload's certificate has it. From the
    /// arc of UUIDs (X.667), which needs no registration.
    /// </summary>
    public const string KeyUsageOid = "2.25.109806187526893207152640098346519523171";

    /// <summary>Larger snapshots are refused unread.</summary>
    public const int MaxBytes = 32 * 1024 * 1024;

    private const string Sha256Oid = "2.16.840.1.101.3.4.2.1";

    /// <summary>Signs; the signer has its private key, the intermediates lead from it to the root.</summary>
    public static byte[] Sign(SnapshotContent content, X509Certificate2 signer, params IEnumerable<X509Certificate2> intermediates)
    {
        var cms = new SignedCms(new ContentInfo(content.ToByteArray()));
        var by = new CmsSigner(SubjectIdentifierType.SubjectKeyIdentifier, signer) { DigestAlgorithm = new Oid(Sha256Oid), IncludeOption = X509IncludeOption.EndCertOnly };
        by.Certificates.AddRange(intermediates.ToArray());
        cms.ComputeSignature(by);
        return cms.Encode();
    }

    /// <summary>Verifies signature and signer by the roots of one trust domain.</summary>
    /// <returns>What is wrong, or <see langword="null"/>.</returns>
    public static string? Verify(ReadOnlySpan<byte> der, TrustBundle bundle, out SnapshotContent? content)
    {
        content = null;
        try
        {
            if (der.Length > MaxBytes)
            {
                return $"it has {der.Length} bytes; {MaxBytes} are the most";
            }

            var cms = new SignedCms();
            cms.Decode(der);
            if (cms.Detached || cms.SignerInfos.Count != 1 || cms.SignerInfos[0].Certificate is not { } signer)
            {
                return "it is not signed by exactly one certificate that comes with it";
            }

            // Signature only: the framework's own chain check trusts the machine's roots.
            cms.CheckSignature(verifySignatureOnly: true);
            var read = SnapshotContent.Parser.ParseFrom(cms.ContentInfo.Content);
            if (read.IssuedAt is null)
            {
                return "it has no time of issue";
            }

            content = VerifySigner(signer, cms.Certificates, bundle, read.IssuedAt.ToDateTime()) ? read : null;
            return content is null ? $"its signer '{signer.Subject}' is not the control plane of '{bundle.TrustDomain}'" : null;
        }
        catch (Exception error) when (error is CryptographicException or InvalidProtocolBufferException or InvalidOperationException or ArgumentException)
        {
            return error.Message;
        }
    }

    /// <summary>At the time of issue, not now: a snapshot may be older than its signer's certificate lives; its age is limited elsewhere.</summary>
    private static bool VerifySigner(X509Certificate2 signer, X509Certificate2Collection others, TrustBundle bundle, DateTime issuedAt)
    {
        using var chain = new X509Chain { ChainPolicy = X509SvidChain.Policy(new TrustBundleSet([bundle]), others) };
        chain.ChainPolicy.ApplicationPolicy.Add(new Oid(KeyUsageOid));
        chain.ChainPolicy.VerificationTime = issuedAt;
        chain.ChainPolicy.VerificationTimeIgnored = false;

        // A certificate without any extended key usage would pass the application policy: the usage must be there.
        return chain.Build(signer) && signer.Extensions.OfType<X509EnhancedKeyUsageExtension>().Any(static usage => usage.EnhancedKeyUsages[KeyUsageOid] is not null);
    }
}
