using System.Net.Security;
using Microsoft.Extensions.Options;
using ProxylessMesh.Spiffe;

namespace ProxylessMesh.Client;

/// <summary><c>Mesh:Tls</c>: what is wrong with it, and what it means.</summary>
internal static class TlsSettings
{
    public static TlsPolicy Policy(MeshOptions.TlsOptions options)
        => TlsPolicy.Create(options.MinimumVersion == "1.3", [.. options.CipherSuites.Select(Enum.Parse<TlsCipherSuite>)]);

    public static void Validate(MeshOptions.TlsOptions options, ValidateOptionsResultBuilder errors)
    {
        if (options.MinimumVersion is not ("1.2" or "1.3"))
        {
            errors.AddError($"Mesh:Tls:MinimumVersion is '{options.MinimumVersion}'. It must be '1.2' or '1.3'; nothing older is safe.");
        }

        foreach (var suite in options.CipherSuites.Where(static suite => !IsSafe(suite)))
        {
            errors.AddError($"Mesh:Tls:CipherSuites has '{suite}'. Name suites of TLS 1.3, or of TLS 1.2 with ECDHE and AEAD, as IANA does: for example 'TLS_AES_256_GCM_SHA384' or 'TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384'.");
        }

        if (options.CipherSuites.Count > 0 && !TlsPolicy.CanChooseCiphers)
        {
            errors.AddError("Mesh:Tls:CipherSuites is set. On Windows cipher suites are set for the whole machine (Group Policy, 'SSL Cipher Suite Order'): remove the setting and set them there.");
        }
    }

    // RFC 9113 Appendix A forbids all others with HTTP/2.
    private static bool IsSafe(string name)
        => Enum.TryParse<TlsCipherSuite>(name, out var suite) && suite.ToString() == name
            && (name.StartsWith("TLS_AES_", StringComparison.Ordinal) || name.StartsWith("TLS_CHACHA20_", StringComparison.Ordinal) || name.StartsWith("TLS_ECDHE_", StringComparison.Ordinal))
            && (name.Contains("_GCM_", StringComparison.Ordinal) || name.Contains("_CHACHA20_", StringComparison.Ordinal) || name.Contains("_CCM", StringComparison.Ordinal))
            && !name.Contains("_PSK_", StringComparison.Ordinal);
}
