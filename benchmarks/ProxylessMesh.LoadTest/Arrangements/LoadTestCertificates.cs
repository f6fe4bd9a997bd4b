using System.Net;
using System.Net.Security;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;

namespace ProxylessMesh.LoadTest.Arrangements;

/// <summary>
/// Certificates for the arrangements without a mesh: one ECDSA P-256 root per run and leaves for <c>localhost</c>, in files that the
/// roles read, so that the floor pays for the same cryptography as the mesh does.
/// </summary>
internal sealed class LoadTestCertificates
{
    public const string FolderVariable = "LOADTEST_CERTIFICATES";

    private LoadTestCertificates(X509Certificate2 root, X509Certificate2 leaf)
    {
        Root = root;
        Leaf = leaf;
    }

    public X509Certificate2 Root { get; }

    public X509Certificate2 Leaf { get; }

    public static void Create(string folder)
    {
        using var rootKey = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var rootRequest = new CertificateRequest("CN=load test root", rootKey, HashAlgorithmName.SHA256);
        rootRequest.CertificateExtensions.Add(new X509BasicConstraintsExtension(true, false, 0, true));
        var now = TimeProvider.System.GetUtcNow();
        using var root = rootRequest.CreateSelfSigned(now.AddMinutes(-5), now.AddDays(1));

        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var request = new CertificateRequest("CN=localhost", key, HashAlgorithmName.SHA256);
        var names = new SubjectAlternativeNameBuilder();
        names.AddDnsName("localhost");
        names.AddIpAddress(IPAddress.Loopback);
        request.CertificateExtensions.Add(names.Build());
        request.CertificateExtensions.Add(new X509KeyUsageExtension(X509KeyUsageFlags.DigitalSignature, true));
        using var leaf = request.Create(root, now.AddMinutes(-5), now.AddHours(12), RandomNumberGenerator.GetBytes(16)).CopyWithPrivateKey(key);

        File.WriteAllBytes(Path.Combine(folder, "root.cer"), root.Export(X509ContentType.Cert));
        File.WriteAllBytes(Path.Combine(folder, "leaf.p12"), leaf.Export(X509ContentType.Pkcs12));
    }

    public static LoadTestCertificates Load(string folder) => new(
        X509CertificateLoader.LoadCertificateFromFile(Path.Combine(folder, "root.cer")),
        X509CertificateLoader.LoadPkcs12FromFile(Path.Combine(folder, "leaf.p12"), null));

    public static LoadTestCertificates FromEnvironment()
        => Load(Environment.GetEnvironmentVariable(FolderVariable) ?? throw new InvalidOperationException($"{FolderVariable} is not set."));

    public SslClientAuthenticationOptions ForClient() => new()
    {
        TargetHost = "localhost",
        ClientCertificateContext = SslStreamCertificateContext.Create(Leaf, null, offline: true),
        CertificateChainPolicy = ChainPolicy(),
    };

    public SslServerAuthenticationOptions ForServer() => new()
    {
        ServerCertificateContext = SslStreamCertificateContext.Create(Leaf, null, offline: true),
        ClientCertificateRequired = true,
        CertificateChainPolicy = ChainPolicy(),
        ApplicationProtocols = [SslApplicationProtocol.Http2],
    };

    private X509ChainPolicy ChainPolicy()
    {
        var policy = new X509ChainPolicy { TrustMode = X509ChainTrustMode.CustomRootTrust, RevocationMode = X509RevocationMode.NoCheck, DisableCertificateDownloads = true };
        policy.CustomTrustStore.Add(Root);
        return policy;
    }
}
