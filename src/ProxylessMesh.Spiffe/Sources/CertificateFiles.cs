using System.Security.Cryptography;
using System.Text;

namespace ProxylessMesh.Spiffe;

/// <summary>
/// The content of a certificate, its key and its roots, read so that all three are of one moment: Kubernetes swaps a symbolic link under
/// them, and may do so between two reads.
/// </summary>
/// <param name="Certificate">PEM.</param>
/// <param name="Key">PEM. A secret.</param>
/// <param name="Roots">PEM or JSON.</param>
internal sealed record CertificateFiles(string Certificate, string Key, string Roots)
{
    private const int MaxReads = 5;

    /// <summary>Names in a folder, by who writes it: cert-manager and every TLS secret of Kubernetes; istio-agent; spiffe-helper.</summary>
    private static readonly (string Certificate, string Key, string Roots)[] Layouts =
    [
        ("tls.crt", "tls.key", "ca.crt"),
        ("cert-chain.pem", "key.pem", "root-cert.pem"),
        ("svid.pem", "svid_key.pem", "svid_bundle.pem"),
    ];

    /// <summary>Reads the files.</summary>
    /// <exception cref="FormatException">One is missing or too large, or they do not come to rest.</exception>
    public static CertificateFiles Read(CertificateFileSettings settings)
    {
        var before = ReadOnce(settings);
        for (var read = 1; read < MaxReads; read++)
        {
            var now = ReadOnce(settings);
            if (now == before)
            {
                return now;
            }

            before = now;
        }

        throw new FormatException("the files change all the time");
    }

    /// <summary>Tells one content from another without keeping the key.</summary>
    public string Fingerprint() => Convert.ToHexString(SHA256.HashData(Encoding.UTF8.GetBytes($"{Certificate}\0{Key}\0{Roots}")));

    /// <summary>Never the key.</summary>
    public override string ToString() => nameof(CertificateFiles);

    private static CertificateFiles ReadOnce(CertificateFileSettings settings)
    {
        var (certificate, key, roots) = settings.Folder.Length == 0
            ? (settings.CertificateFile, settings.KeyFile, settings.RootFile)
            : Find(settings.Folder);
        return new CertificateFiles(Text(certificate), Text(key), Text(roots));
    }

    private static (string Certificate, string Key, string Roots) Find(string folder)
    {
        foreach (var (certificate, key, roots) in Layouts)
        {
            if (File.Exists(Path.Combine(folder, certificate)))
            {
                return (Path.Combine(folder, certificate), Path.Combine(folder, key), Path.Combine(folder, roots));
            }
        }

        throw new FormatException($"there is no {string.Join(", ", Layouts.Select(static layout => layout.Certificate))} in '{folder}'");
    }

    private static string Text(string path)
    {
        try
        {
            return Encoding.UTF8.GetString(PrivateFile.Read(path, X509SvidPem.MaxChars) ?? throw new FormatException($"there is no file '{path}'"));
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException or InvalidDataException)
        {
            throw new FormatException($"'{path}' cannot be read: {error.Message}", error);
        }
    }
}
