using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using ProxylessMesh.Spiffe;

namespace ProxylessMesh.EndToEnd.Tests;

/// <summary><c>mesh ca</c> as an operator runs it.</summary>
public sealed class CaCommandTests
{
    [Fact(Timeout = TestMesh.TimeLimit)]
    public async Task Certificate_is_issued_into_files_with_a_key_that_never_left_this_machine()
    {
        await using var mesh = await TestMesh.StartAsync();
        using var folder = new TemporaryFolder();
        var into = Path.Combine(folder.Path, "prober");

        var issued = await MeshCommand.RunAsync(mesh, "ca", "issue", "shop/prober", "--lifetime", "00:30:00", "--out", into);

        Assert.True(issued.ExitCode == 0, issued.ToString());
        using var leaf = X509Certificate2.CreateFromPemFile(Path.Combine(into, "cert.pem"), Path.Combine(into, "key.pem"));
        var roots = new X509Certificate2Collection();
        roots.ImportFromPemFile(Path.Combine(into, "bundle.pem"));
        var bundles = new TrustBundleSet([new TrustBundle(TrustDomain.Parse("mesh.local"), [.. roots])]);
        Assert.Null(X509SvidChain.Verify(leaf, [], bundles, TimeProvider.System.GetUtcNow(), out var id));
        Assert.Equal("spiffe://mesh.local/ns/shop/sa/prober", id!.ToString());
        Assert.InRange(leaf.NotAfter.ToUniversalTime(), TimeProvider.System.GetUtcNow().UtcDateTime.AddMinutes(20), TimeProvider.System.GetUtcNow().UtcDateTime.AddMinutes(31));
        Assert.True(OperatingSystem.IsWindows() || File.GetUnixFileMode(Path.Combine(into, "key.pem")) == (UnixFileMode.UserRead | UnixFileMode.UserWrite));
        Assert.Equal(roots[0].ExportCertificatePem(), (await MeshCommand.RunAsync(mesh, "ca", "show", "--roots")).Output.Trim());
    }

    [Fact(Timeout = TestMesh.TimeLimit)]
    public async Task Request_for_another_name_for_the_control_plane_or_in_the_wrong_form_is_refused()
    {
        await using var mesh = await TestMesh.StartAsync();
        using var folder = new TemporaryFolder();
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var request = new CertificateRequest("CN=x", key, HashAlgorithmName.SHA256);
        var names = new SubjectAlternativeNameBuilder();
        names.AddUri(new Uri("spiffe://mesh.local/ns/shop/sa/admin"));
        request.CertificateExtensions.Add(names.Build());
        var forged = folder.Write("forged.csr", request.CreateSigningRequestPem());

        Assert.Equal(1, (await MeshCommand.RunAsync(mesh, "ca", "issue", "shop/prober", "--csr", forged, "--out", folder.Path)).ExitCode);
        Assert.Equal(1, (await MeshCommand.RunAsync(mesh, "ca", "issue", "mesh-system/control-plane", "--out", folder.Path)).ExitCode);
        Assert.Equal(2, (await MeshCommand.RunAsync(mesh, "ca", "issue", "prober", "--out", folder.Path)).ExitCode);
        Assert.Equal(2, (await MeshCommand.RunAsync(mesh, "ca", "rotate", "--stage", "forward")).ExitCode);
        Assert.False(File.Exists(Path.Combine(folder.Path, "cert.pem")));
    }
}
