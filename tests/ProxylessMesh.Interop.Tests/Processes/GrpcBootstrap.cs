using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using System.Text.Json;
using Microsoft.Extensions.DependencyInjection;
using ProxylessMesh.ControlPlane.Ca;
using ProxylessMesh.EndToEnd.Tests;
using ProxylessMesh.Spiffe;

namespace ProxylessMesh.Interop.Tests.Processes;

/// <summary>The files that a gRPC client of others joins our mesh with: a bootstrap (gRFC A27) and, for mTLS, a certificate of our CA.</summary>
internal sealed class GrpcBootstrap : IDisposable
{
    private readonly DirectoryInfo _folder = Directory.CreateTempSubdirectory("mesh-interop-");

    private GrpcBootstrap()
    {
    }

    public IReadOnlyDictionary<string, string> Environment => new Dictionary<string, string> { ["GRPC_XDS_BOOTSTRAP"] = Path.Combine(_folder.FullName, "bootstrap.json") };

    /// <param name="mesh">Whose plaintext xDS port is asked.</param>
    /// <param name="serviceAccount">
    /// Whose certificate it gets. A program with insecure credentials does not use it, but gRPC-Go refuses a cluster with TLS whose
    /// provider is not in the bootstrap all the same.
    /// </param>
    public static async Task<GrpcBootstrap> ForAsync(TestMesh mesh, string serviceAccount)
    {
        var bootstrap = new GrpcBootstrap();
        await bootstrap.WriteCertificateAsync(mesh.Parts().GetRequiredService<CertificateAuthority>(), serviceAccount);
        var server = mesh.PlaintextXds();
        var json = new Dictionary<string, object>
        {
            ["xds_servers"] = new[] { new { server_uri = server.Authority, channel_creds = new[] { new { type = "insecure" } }, server_features = new[] { "xds_v3" } } },

            // grpc-js asks for a locality, even an empty one.
            ["node"] = new { id = "interop-client", locality = new { }, metadata = new { NAMESPACE = TestMesh.Namespace } },
            ["certificate_providers"] = new { @default = new { plugin_name = "file_watcher", config = bootstrap.Files() } },
        };
        await File.WriteAllTextAsync(bootstrap.Environment.Values.Single(), JsonSerializer.Serialize(json));
        return bootstrap;
    }

    public void Dispose() => _folder.Delete(recursive: true);

    private object Files() => new
    {
        certificate_file = Path.Combine(_folder.FullName, "leaf.pem"),
        private_key_file = Path.Combine(_folder.FullName, "leaf.key"),
        ca_certificate_file = Path.Combine(_folder.FullName, "root.pem"),
        refresh_interval = "60s",
    };

    private async Task WriteCertificateAsync(CertificateAuthority authority, string serviceAccount)
    {
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        using var leaf = authority.Issue(SpiffeId.ForServiceAccount(authority.TrustDomain, TestMesh.Namespace, serviceAccount), new PublicKey(key), TimeSpan.FromHours(1));
        await File.WriteAllTextAsync(Path.Combine(_folder.FullName, "leaf.pem"), leaf.ExportCertificatePem());
        await File.WriteAllTextAsync(Path.Combine(_folder.FullName, "leaf.key"), key.ExportPkcs8PrivateKeyPem());
        await File.WriteAllTextAsync(Path.Combine(_folder.FullName, "root.pem"), string.Concat(authority.Bundle.Authorities.Select(root => root.ExportCertificatePem() + "\n")));
    }
}
