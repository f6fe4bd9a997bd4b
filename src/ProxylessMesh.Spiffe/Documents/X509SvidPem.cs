using System.Collections.Immutable;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;

namespace ProxylessMesh.Spiffe;

/// <summary>Reads an X.509-SVID and its key, and roots, from PEM: files of cert-manager, istio-agent, spiffe-helper. Throws <see cref="FormatException"/>.</summary>
internal static class X509SvidPem
{
    /// <summary>Largest PEM text that is looked at, in characters.</summary>
    public const int MaxChars = 4 * 1024 * 1024;

    private const string CertificateLabel = "CERTIFICATE";

    /// <summary>
    /// A leaf with its key, and what follows it. Blocks of other kinds are skipped, so that both may be in one file. The leaf and the signing
    /// certificates keep the rules of X509-SVID; whether they chain to a root is for the caller to check.
    /// </summary>
    public static (X509Certificate2 Leaf, X509Certificate2Collection Intermediates, SpiffeId Id) Read(string certificates, string key)
    {
        var chain = ReadCertificates(certificates, X509SvidChain.MaxLength);
        if (X509SvidValidator.Check(chain[0], out var id) is { } broken)
        {
            throw new FormatException($"the first certificate ('{chain[0].Subject}') is no SVID: {broken}");
        }

        for (var i = 1; i < chain.Length; i++)
        {
            if (X509SvidValidator.CheckAuthority(chain[i]) is { } fault)
            {
                throw new FormatException($"signing certificate '{chain[i].Subject}': {fault}");
            }
        }

        using var leaf = chain[0];
        return (PrivateKey.Attach(leaf, ReadKey(key)), [.. chain.AsSpan()[1..]], id!);
    }

    /// <summary>Roots: one certificate or more.</summary>
    public static ImmutableArray<X509Certificate2> ReadRoots(string text) => ReadCertificates(text, IdentityAnswer.MaxAuthorities);

    /// <summary>All certificates of a text, in order; one at least.</summary>
    public static ImmutableArray<X509Certificate2> ReadCertificates(string text, int most)
    {
        var certificates = ImmutableArray.CreateBuilder<X509Certificate2>();
        var rest = Bounded(text);
        while (PemEncoding.TryFind(rest, out var block))
        {
            if (rest[block.Label].SequenceEqual(CertificateLabel))
            {
                if (certificates.Count == most)
                {
                    throw new FormatException($"there are more than {most} certificates");
                }

                certificates.Add(Load(rest[block.Base64Data], block.DecodedDataLength));
            }

            rest = rest[block.Location.End..];
        }

        return certificates.Count > 0 ? certificates.ToImmutable() : throw new FormatException("there is no PEM certificate in it");
    }

    /// <summary>The first private key of a text: PKCS#8, or the older forms for RSA and EC that tools still write.</summary>
    private static AsymmetricAlgorithm ReadKey(string text)
    {
        var rest = Bounded(text);
        while (PemEncoding.TryFind(rest, out var block))
        {
            var label = rest[block.Label];
            if (label is "PRIVATE KEY" or "EC PRIVATE KEY" or "RSA PRIVATE KEY")
            {
                return PrivateKey.FromPem(rest[block.Location]);
            }

            if (label is "ENCRYPTED PRIVATE KEY")
            {
                throw new FormatException("the private key is encrypted; write it as PKCS#8 without a password, readable by this process alone");
            }

            rest = rest[block.Location.End..];
        }

        throw new FormatException("there is no PEM private key in it");
    }

    private static X509Certificate2 Load(ReadOnlySpan<char> base64, int length)
    {
        var der = new byte[length];
        return Convert.TryFromBase64Chars(base64, der, out var written) && written == length
            ? DerCertificates.Read(der)
            : throw new FormatException("a certificate is not base64");
    }

    private static ReadOnlySpan<char> Bounded(string text)
        => text.Length <= MaxChars ? text : throw new FormatException($"the text has {text.Length} characters; {MaxChars} are the most");
}
