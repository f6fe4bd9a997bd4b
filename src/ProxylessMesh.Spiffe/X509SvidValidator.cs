using System.Diagnostics.CodeAnalysis;
using System.Formats.Asn1;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;

namespace ProxylessMesh.Spiffe;

/// <summary>
/// The rules of X509-SVID §2 to §5 that a chain build does not know: what a leaf and a signing certificate must and must not carry.
/// Certificates come from outside: nothing here throws, whatever their extensions hold.
/// </summary>
internal static class X509SvidValidator
{
    /// <summary>Largest certificate that is looked at, in bytes of DER. A SPIFFE ID has 2048 at most; keys and the rest need less than 8 KiB.</summary>
    public const int MaxCertificateBytes = 16 * 1024;

    /// <summary>Reads the ID of a leaf that keeps every rule.</summary>
    public static bool TryReadId(X509Certificate2 leaf, [NotNullWhen(true)] out SpiffeId? id) => Check(leaf, out id) is null;

    /// <summary>Checks a leaf: exactly one URI SAN, a SPIFFE ID with a path; CA=false; digitalSignature without keyCertSign and cRLSign.</summary>
    /// <returns>The rule that it breaks, or <see langword="null"/>.</returns>
    public static string? Check(X509Certificate2 leaf, out SpiffeId? id)
    {
        id = null;
        try
        {
            if (leaf.RawDataMemory.Length > MaxCertificateBytes)
            {
                return $"it has {leaf.RawDataMemory.Length} bytes; {MaxCertificateBytes} are the most";
            }

            return LeafUse(leaf) ?? ReadId(leaf, out id);
        }
        catch (Exception error) when (error is CryptographicException or AsnContentException)
        {
            id = null;
            return "an extension is malformed";
        }
    }

    /// <summary>Checks a signing certificate: CA=true and keyCertSign; an ID in it, if any, is one without a path (X509-SVID §3.2, §4).</summary>
    /// <returns>The rule that it breaks, or <see langword="null"/>.</returns>
    public static string? CheckAuthority(X509Certificate2 authority)
    {
        try
        {
            if (authority.RawDataMemory.Length > MaxCertificateBytes)
            {
                return $"it has {authority.RawDataMemory.Length} bytes; {MaxCertificateBytes} are the most";
            }

            if (!IsAuthority(authority))
            {
                return "it signs but is not a CA";
            }

            if (authority.Extensions.OfType<X509KeyUsageExtension>().FirstOrDefault() is { } usage && !usage.KeyUsages.HasFlag(X509KeyUsageFlags.KeyCertSign))
            {
                return "it signs without the key usage keyCertSign";
            }

            return null;
        }
        catch (CryptographicException)
        {
            return "an extension is malformed";
        }
    }

    private static string? LeafUse(X509Certificate2 leaf)
    {
        if (IsAuthority(leaf))
        {
            return "it is a CA";
        }

        // X509-SVID §4.3: key usage must be there.
        var usages = leaf.Extensions.OfType<X509KeyUsageExtension>().FirstOrDefault()?.KeyUsages ?? X509KeyUsageFlags.None;
        if (!usages.HasFlag(X509KeyUsageFlags.DigitalSignature))
        {
            return "its key usage lacks digitalSignature";
        }

        return (usages & (X509KeyUsageFlags.KeyCertSign | X509KeyUsageFlags.CrlSign)) != 0 ? "its key usage has keyCertSign or cRLSign" : null;
    }

    private static bool IsAuthority(X509Certificate2 certificate)
    {
        foreach (var extension in certificate.Extensions)
        {
            if (extension is X509BasicConstraintsExtension { CertificateAuthority: true })
            {
                return true;
            }
        }

        return false;
    }

    private static string? ReadId(X509Certificate2 leaf, out SpiffeId? id)
    {
        id = null;
        string? uri = null;
        var uris = 0;
        foreach (var extension in leaf.Extensions)
        {
            if (extension.Oid?.Value != AlternativeNames.Oid)
            {
                continue;
            }

            foreach (var name in AlternativeNames.Uris(extension.RawData))
            {
                uri = name;
                uris++;
            }
        }

        if (uris != 1)
        {
            return $"it has {uris} URI names; an SVID has exactly one";
        }

        if (!SpiffeId.TryParse(uri, out id))
        {
            return "its URI name is not a SPIFFE ID";
        }

        if (id.Path.Length == 0)
        {
            id = null;
            return "its SPIFFE ID has no path, which only signing certificates may";
        }

        return null;
    }
}
