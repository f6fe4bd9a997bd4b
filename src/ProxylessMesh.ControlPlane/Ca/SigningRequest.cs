using System.Formats.Asn1;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using ProxylessMesh.Spiffe;

namespace ProxylessMesh.ControlPlane.Ca;

/// <summary>
/// A PKCS#10 request that has proved possession of its key. All that is taken from it is the key; names in it grant nothing, but one that
/// differs from what the caller is granted gives it away.
/// </summary>
internal sealed class SigningRequest
{
    public const int MaxBytes = 8 * 1024;

    private const int MaxPemLength = 2 * MaxBytes;

    private const int MinRsaBits = 2048;

    private const int MaxRsaBits = 8192;

    private SigningRequest(PublicKey key, IReadOnlyList<string> uris, int otherNames)
    {
        Key = key;
        Uris = uris;
        OtherNames = otherNames;
    }

    public PublicKey Key { get; }

    /// <summary>URI names that it asks for.</summary>
    public IReadOnlyList<string> Uris { get; }

    /// <summary>How many names of other kinds it asks for.</summary>
    public int OtherNames { get; }

    /// <summary>Whether it asks for nothing that the ID is not.</summary>
    public bool IsWithin(SpiffeId granted) => OtherNames == 0 && Uris.All(uri => string.Equals(uri, granted.ToString(), StringComparison.Ordinal));

    /// <summary>For a key that was made in this process: there is nothing to prove.</summary>
    public static SigningRequest Of(ECDsa key) => new(new PublicKey(key), [], 0);

    /// <summary>Reads a request from DER.</summary>
    /// <param name="der">As it came.</param>
    /// <param name="fault">What is wrong with it.</param>
    public static SigningRequest? TryRead(ReadOnlySpan<byte> der, out string fault)
    {
        fault = "";
        if (der.Length is 0 or > MaxBytes)
        {
            fault = $"it has {der.Length} bytes; 1 to {MaxBytes} are possible";
            return null;
        }

        try
        {
            // Verifies the signature by the key inside. The extensions are only looked at.
            var request = CertificateRequest.LoadSigningRequest(
                der.ToArray(), HashAlgorithmName.SHA256, out var length, CertificateRequestLoadOptions.UnsafeLoadCertificateExtensions, RSASignaturePadding.Pkcs1);
            if (length != der.Length)
            {
                fault = $"{der.Length - length} bytes follow it";
                return null;
            }

            if (KeyFault(request.PublicKey) is { } weak)
            {
                fault = weak;
                return null;
            }

            var uris = new List<string>();
            var others = 0;
            foreach (var extension in request.CertificateExtensions.Where(static extension => extension.Oid?.Value == AlternativeNames.Oid))
            {
                uris.AddRange(AlternativeNames.Read(extension.RawData, out var more));
                others += more;
            }

            return new SigningRequest(request.PublicKey, uris, others);
        }
        catch (Exception error) when (error is CryptographicException or AsnContentException or ArgumentException or NotSupportedException)
        {
            fault = "it is not a PKCS#10 request signed by its own key";
            return null;
        }
    }

    /// <summary>Reads a request from PEM.</summary>
    /// <param name="pem">As it came; text around the one request is passed over (RFC 7468 section 2).</param>
    /// <param name="fault">What is wrong with it.</param>
    public static SigningRequest? TryReadPem(string pem, out string fault)
    {
        fault = "";
        if (pem.Length is 0 or > MaxPemLength)
        {
            fault = $"it has {pem.Length} characters; 1 to {MaxPemLength} are possible";
            return null;
        }

        // Older programs write the second label (RFC 7468 section 7).
        if (!PemEncoding.TryFind(pem, out var found) || pem[found.Label] is not ("CERTIFICATE REQUEST" or "NEW CERTIFICATE REQUEST"))
        {
            fault = "it holds no PEM block 'CERTIFICATE REQUEST'";
            return null;
        }

        var der = new byte[found.DecodedDataLength];
        return Convert.TryFromBase64Chars(pem.AsSpan()[found.Base64Data], der, out var length)
            ? TryRead(der.AsSpan(0, length), out fault)
            : null;
    }

    private static string? KeyFault(PublicKey key)
    {
        using var ec = key.GetECDsaPublicKey();
        if (ec is not null)
        {
            return ec.KeySize is 256 or 384 ? null : $"its key is ECDSA with {ec.KeySize} bits; use P-256 or P-384";
        }

        using var rsa = key.GetRSAPublicKey();
        return rsa is null ? "its key is neither ECDSA nor RSA"
            : rsa.KeySize is >= MinRsaBits and <= MaxRsaBits ? null
            : $"its key is RSA with {rsa.KeySize} bits; use {MinRsaBits} to {MaxRsaBits}, or ECDSA P-256";
    }
}
