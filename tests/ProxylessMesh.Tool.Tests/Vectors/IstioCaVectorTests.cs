using System.Net.Security;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using Google.Protobuf.WellKnownTypes;
using Grpc.Core;
using IstioCa;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using ProxylessMesh.ControlPlane;
using ProxylessMesh.ControlPlane.Ca;
using ProxylessMesh.ControlPlane.Hosting;
using ProxylessMesh.Spiffe;

namespace ProxylessMesh.Tool.Tests.Vectors;

/// <summary>The status codes of Istio's CA, asked of ours over a real socket; the mesh's CA stands under a company's root here, with two intermediates.</summary>
public sealed class IstioCaVectorTests : IDisposable
{
    private const string Good = "spiffe://mesh.local/ns/shop/sa/catalog";

    private readonly DirectoryInfo _folder = Directory.CreateTempSubdirectory("mesh-istio-ca-");
    private readonly ECDsa _key = ECDsa.Create(ECCurve.NamedCurves.nistP256);

    private static CancellationToken TestEnd => TestContext.Current.CancellationToken;

    public void Dispose()
    {
        _key.Dispose();
        _folder.Delete(recursive: true);
    }

    [Fact(Timeout = 120_000)]
    public async Task Status_codes_of_CreateCertificate()
    {
        // Two conditions are made by mocks alone. A CA that cannot sign does not start here; a client certificate without SAN ends the handshake, so no call
        // comes about that could have a status.
        var suite = VectorSuite.Load("istio_ca").Where(static testCase => testCase.GetProperty("condition").GetString() is not ("Failed to sign" or "Certificate has no SAN"));
        using var host = await StartAsync();
        var wrong = new List<(string, string)>();
        foreach (var testCase in suite.Cases)
        {
            var (code, chain) = await AskAsync(host, testCase.GetProperty("condition").GetString()!);
            var expect = testCase.GetProperty("expect");
            if (code.ToString() != expect.GetProperty("code").GetString() || (expect.TryGetProperty("certChainLength", out var length) && chain.Count != length.GetInt32()))
            {
                wrong.Add((testCase.GetProperty("id").GetString()!, $"expected {expect.GetRawText()}, got {code} with {chain.Count} certificates"));
            }

            CheckChain(chain);
        }

        suite.Compare(wrong);
        await host.StopAsync(TestEnd);
    }

    private static void CheckChain(IReadOnlyList<string> chain)
    {
        var certificates = chain.Select(static pem => X509Certificate2.CreateFromPem(pem)).ToList();
        for (var i = 0; i + 1 < certificates.Count; i++)
        {
            Assert.Equal(certificates[i + 1].Subject, certificates[i].Issuer);
        }

        Assert.All(certificates.TakeLast(1), static root => Assert.Equal(root.Subject, root.Issuer));
    }

    private async Task<(StatusCode Code, IReadOnlyList<string> Chain)> AskAsync(IHost host, string condition)
    {
        var token = await host.Services.GetRequiredService<JoinTokens>().CreateAsync("shop", "catalog", TimeSpan.FromHours(1), 1, TestEnd);
        var request = new IstioCertificateRequest { Csr = new CertificateRequest("O=agent", _key, HashAlgorithmName.SHA256).CreateSigningRequestPem() };
        var bearer = $"Bearer {token}";
        var authority = host.Services.GetRequiredService<ControlPlaneHost>().Services.GetRequiredService<CertificateAuthority>();
        var tls = SpiffeTls.ForEnrolment(new TrustBundleSet([authority.Bundle]), "any", ControlPlaneTransport.Protocols);
        switch (condition)
        {
            case "Unsupported auth type":
                bearer = "Basic dXNlcjpzZWNyZXQ=";
                break;
            case "With client certificate":
                bearer = null;
                tls.ClientCertificateContext = Certificate(authority);
                break;
            case "Unauthenticated request":
                bearer = null;
                break;
            case "Invalid CSR":
                request.Csr = "deadbeef";
                break;
            case "Successful signing w/ multi-cert chain":
                break;
            case "Pod not passing node authorization" or "Pod not passing node authorization because of ztunnel from other clusters":
                request.Metadata = new Struct { Fields = { ["ImpersonatedIdentity"] = Value.ForString("spiffe://mesh.local/ns/shop/sa/another") } };
                break;
            default:
                Assert.Fail($"No test makes the condition '{condition}'.");
                break;
        }

        using var channel = ControlPlaneTransport.Open(host.Services.GetRequiredService<MeshControlPlaneAddress>().Https, ControlPlaneTransport.Create(tls));
        try
        {
            Metadata headers = bearer is null ? [] : new Metadata { { "authorization", bearer } };
            var answer = await new IstioCertificateService.IstioCertificateServiceClient(channel).CreateCertificateAsync(request, headers, cancellationToken: TestEnd);
            return (StatusCode.OK, answer.CertChain);
        }
        catch (RpcException error)
        {
            return (error.StatusCode, []);
        }
    }

    private SslStreamCertificateContext Certificate(CertificateAuthority authority)
    {
        using var leaf = authority.Issue(SpiffeId.Parse(Good), new PublicKey(_key), TimeSpan.FromHours(1));
        return SslStreamCertificateContext.Create(leaf.CopyWithPrivateKey(_key), [.. authority.Keys.Active.Intermediates], offline: true);
    }

    private async Task<IHost> StartAsync()
    {
        using var rootKey = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        using var middleKey = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        using var signerKey = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var now = TimeProvider.System.GetUtcNow();
        using var root = Authority("CN=Company root", rootKey).CreateSelfSigned(now.AddHours(-1), now.AddDays(90));
        using var middle = Authority("CN=Company services", middleKey).Create(root.SubjectName, X509SignatureGenerator.CreateForECDsa(rootKey), now.AddHours(-1), now.AddDays(80), [1]);
        using var signer = Authority("CN=Company mesh", signerKey).Create(middle.SubjectName, X509SignatureGenerator.CreateForECDsa(middleKey), now.AddHours(-1), now.AddDays(70), [2]);
        var (certificates, key) = (Path.Combine(_folder.FullName, "ca.pem"), Path.Combine(_folder.FullName, "ca.key"));
        await File.WriteAllTextAsync(certificates, string.Join('\n', signer.ExportCertificatePem(), middle.ExportCertificatePem(), root.ExportCertificatePem()), TestEnd);
        await File.WriteAllTextAsync(key, signerKey.ExportPkcs8PrivateKeyPem(), TestEnd);
        Directory.CreateDirectory(Path.Combine(_folder.FullName, "manifests"));
        var builder = Host.CreateEmptyApplicationBuilder(null);
        builder.AddMeshControlPlane(options =>
        {
            options.Listen = "127.0.0.1:0";
            options.ManifestFolder = Path.Combine(_folder.FullName, "manifests");
            options.StateFolder = Path.Combine(_folder.FullName, "state");
            options.CaCertificateFile = certificates;
            options.CaKeyFile = key;
        });
        var host = builder.Build();
        await host.StartAsync(TestEnd);
        return host;
    }

    private static CertificateRequest Authority(string subject, ECDsa key)
    {
        var request = new CertificateRequest(subject, key, HashAlgorithmName.SHA256);
        request.CertificateExtensions.Add(new X509BasicConstraintsExtension(true, false, 0, true));
        request.CertificateExtensions.Add(new X509KeyUsageExtension(X509KeyUsageFlags.KeyCertSign | X509KeyUsageFlags.CrlSign, true));
        request.CertificateExtensions.Add(new X509SubjectKeyIdentifierExtension(request.PublicKey, false));
        return request;
    }
}
