using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;

namespace ProxylessMesh.Spiffe;

/// <summary>Private keys from outside, and their joining to a certificate. Never in a message, whatever is wrong with them.</summary>
internal static class PrivateKey
{
    /// <summary>Reads PKCS#8, DER (SPIFFE Workload API §5.2.1).</summary>
    /// <exception cref="FormatException">It is no EC or RSA key.</exception>
    public static AsymmetricAlgorithm FromPkcs8(ReadOnlyMemory<byte> key)
        => (AsymmetricAlgorithm?)Try(ECDsa.Create, imported => imported.ImportPkcs8PrivateKey(key.Span, out _))
            ?? Try(RSA.Create, imported => imported.ImportPkcs8PrivateKey(key.Span, out _))
            ?? throw new FormatException("the private key is no PKCS#8 key of EC or RSA");

    /// <summary>Reads one PEM block.</summary>
    /// <exception cref="FormatException">It is no EC or RSA key.</exception>
    public static AsymmetricAlgorithm FromPem(ReadOnlySpan<char> block)
    {
        var text = block.ToString();
        return (AsymmetricAlgorithm?)Try(ECDsa.Create, imported => imported.ImportFromPem(text))
            ?? Try(RSA.Create, imported => imported.ImportFromPem(text))
            ?? throw new FormatException("the private key is no key of EC or RSA");
    }

    /// <summary>A copy of the leaf with the key; takes the key over.</summary>
    /// <exception cref="FormatException">The key is not that of the certificate: the two files are of different renewals, or of different workloads.</exception>
    public static X509Certificate2 Attach(X509Certificate2 leaf, AsymmetricAlgorithm key)
    {
        using (key)
        {
            if (!key.ExportSubjectPublicKeyInfo().AsSpan().SequenceEqual(leaf.PublicKey.ExportSubjectPublicKeyInfo()))
            {
                throw new FormatException("the private key is not that of the certificate");
            }

            return ForTls(key is ECDsa curve ? leaf.CopyWithPrivateKey(curve) : leaf.CopyWithPrivateKey((RSA)key));
        }
    }

    /// <summary>The same certificate, as this platform's TLS takes it.</summary>
    public static X509Certificate2 ForTls(X509Certificate2 certificate)
    {
        if (!OperatingSystem.IsWindows())
        {
            return certificate;
        }

        // Schannel takes no key that lives in memory only; a round trip through PKCS#12 gives it one of this user's own store.
        using (certificate)
        {
            return X509CertificateLoader.LoadPkcs12(certificate.Export(X509ContentType.Pkcs12), null);
        }
    }

    private static TKey? Try<TKey>(Func<TKey> create, Action<TKey> import)
        where TKey : AsymmetricAlgorithm
    {
        var key = create();
        try
        {
            import(key);
            return key;
        }
        catch (Exception error) when (error is CryptographicException or ArgumentException or PlatformNotSupportedException)
        {
            key.Dispose();
            return null;
        }
    }
}
