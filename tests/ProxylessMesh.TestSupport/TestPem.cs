using System.Security.Cryptography.X509Certificates;
using ProxylessMesh.Spiffe;

namespace ProxylessMesh.TestSupport;

/// <summary>An identity as files hold it.</summary>
internal static class TestPem
{
    public static string Chain(WorkloadIdentity identity) => Of([identity.Leaf, .. identity.Intermediates]);

    public static string Key(WorkloadIdentity identity)
    {
        using var key = identity.Leaf.GetECDsaPrivateKey()!;
        return key.ExportPkcs8PrivateKeyPem();
    }

    public static string Of(IEnumerable<X509Certificate2> certificates) => string.Join('\n', certificates.Select(static certificate => certificate.ExportCertificatePem()));

    /// <summary>Writes cert-manager's three files into a folder.</summary>
    public static void Write(string folder, WorkloadIdentity identity, TestCa ca)
    {
        Directory.CreateDirectory(folder);
        File.WriteAllText(Path.Combine(folder, "tls.crt"), Chain(identity));
        File.WriteAllText(Path.Combine(folder, "tls.key"), Key(identity));
        File.WriteAllText(Path.Combine(folder, "ca.crt"), Of(ca.Bundle.Authorities));
    }
}
