using System.Formats.Asn1;
using System.Security.Cryptography.X509Certificates;
using System.Text;

namespace ProxylessMesh.Spiffe;

/// <summary>Roots as people keep them in files: PEM, a SPIFFE bundle, or a map of bundles by trust domain (gRFC A87).</summary>
internal static class RootText
{
    /// <param name="text">The content of the file.</param>
    /// <param name="own">Whose roots they are where the text does not say it; null: what the first root calls itself (X509-SVID §3.2).</param>
    /// <exception cref="FormatException">It is none of these.</exception>
    public static TrustBundleSet Read(string text, TrustDomain? own)
    {
        if (!text.AsSpan().TrimStart().StartsWith("{"))
        {
            var roots = X509SvidPem.ReadRoots(text);
            return new TrustBundleSet([new TrustBundle(own ?? NameOf(roots[0]), roots)]);
        }

        var json = Encoding.UTF8.GetBytes(text);
        return SpiffeBundleReader.IsMap(json)
            ? new TrustBundleSet(SpiffeBundleReader.ReadMap(json).Select(static bundle => bundle.ToTrustBundle()))
            : new TrustBundleSet([SpiffeBundleReader.Read(json, own ?? throw Unnamed()).ToTrustBundle()]);
    }

    /// <summary>Reads a file.</summary>
    /// <exception cref="FormatException">It cannot be read, or it is none of these.</exception>
    public static TrustBundleSet ReadFile(string path, TrustDomain? own)
    {
        try
        {
            return Read(Encoding.UTF8.GetString(PrivateFile.Read(path, X509SvidPem.MaxChars) ?? throw new FormatException("there is no such file")), own);
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException or InvalidDataException)
        {
            throw new FormatException(error.Message, error);
        }
    }

    private static TrustDomain NameOf(X509Certificate2 root)
    {
        try
        {
            return root.Extensions.FirstOrDefault(static extension => extension.Oid?.Value == AlternativeNames.Oid) is { } names
                && AlternativeNames.Uris(names.RawData) is [var uri] && SpiffeId.TryParse(uri, out var id)
                    ? id.TrustDomain
                    : throw Unnamed();
        }
        catch (AsnContentException)
        {
            throw Unnamed();
        }
    }

    private static FormatException Unnamed() => new("the text does not say whose roots these are; name the trust domain");
}
