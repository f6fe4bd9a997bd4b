using System.Collections.Immutable;
using System.Formats.Asn1;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;

namespace ProxylessMesh.Spiffe;

/// <summary>
/// Certificates from DER, to the last byte: the framework's loader ignores what follows a certificate. Throws <see cref="FormatException"/>
/// only, whatever the bytes are.
/// </summary>
internal static class DerCertificates
{
    /// <summary>One certificate and nothing after it.</summary>
    public static X509Certificate2 Read(ReadOnlySpan<byte> der)
    {
        if (der.Length > X509SvidValidator.MaxCertificateBytes)
        {
            throw new FormatException($"a certificate has {der.Length} bytes; {X509SvidValidator.MaxCertificateBytes} are the most");
        }

        try
        {
            var certificate = X509CertificateLoader.LoadCertificate(der);
            if (certificate.RawDataMemory.Length == der.Length)
            {
                return certificate;
            }

            certificate.Dispose();
        }
        catch (CryptographicException error)
        {
            throw new FormatException("a certificate is malformed", error);
        }

        throw new FormatException("a certificate has bytes behind its end");
    }

    /// <summary>Certificates one after the other, as the Workload API sends chains and bundles (SPIFFE Workload API §5.2.1).</summary>
    public static ImmutableArray<X509Certificate2> ReadAll(ReadOnlyMemory<byte> ders, int most)
    {
        var certificates = ImmutableArray.CreateBuilder<X509Certificate2>();
        while (!ders.IsEmpty)
        {
            if (certificates.Count == most)
            {
                throw new FormatException($"there are more than {most} certificates");
            }

            int length;
            try
            {
                AsnDecoder.ReadSequence(ders.Span, AsnEncodingRules.DER, out _, out _, out length);
            }
            catch (AsnContentException error)
            {
                throw new FormatException("a certificate is malformed", error);
            }

            certificates.Add(Read(ders.Span[..length]));
            ders = ders[length..];
        }

        return certificates.ToImmutable();
    }
}
