using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;

namespace ProxylessMesh.Manifests.Reading;

/// <summary>Certificates as text.</summary>
internal static class PemText
{
    /// <summary>Whether there is at least one certificate, and all of them can be read.</summary>
    public static bool HasCertificates(string text)
    {
        var certificates = new X509Certificate2Collection();
        try
        {
            certificates.ImportFromPem(text);
            return certificates.Count > 0;
        }
        catch (CryptographicException)
        {
            return false;
        }
        finally
        {
            foreach (var certificate in certificates)
            {
                certificate.Dispose();
            }
        }
    }
}
