using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using ProxylessMesh.ControlPlane.Ca;
using ProxylessMesh.Spiffe;

namespace ProxylessMesh.ControlPlane.Tests.Ca;

/// <summary>The steps of a rotation, one after the other, with restarts in between and files that went missing.</summary>
public sealed class RootRotationTests : IDisposable
{
    private readonly TestFolder _folder = new();

    private static CancellationToken TestEnd => TestContext.Current.CancellationToken;

    public void Dispose() => _folder.Dispose();

    [Fact]
    public async Task Each_step_is_as_it_was_after_a_restart()
    {
        string old;
        string next;
        await using (var host = await TestCaHost.StartAsync(_folder.Path))
        {
            old = host.Authority.Keys.Active.Hash;
            host.Rotation.Add(null, null);
            next = host.Authority.Keys.Newest.Hash;
        }

        await using (var host = await TestCaHost.StartAsync(_folder.Path))
        {
            Assert.Equal((RotationStage.Added, old, next), (host.Authority.Keys.Stage, host.Authority.Keys.Active.Hash, host.Authority.Keys.Newest.Hash));
            Assert.Equal(2, host.Authority.Bundle.Authorities.Length);
            host.Rotation.Switch(isForced: false);
        }

        await using (var host = await TestCaHost.StartAsync(_folder.Path))
        {
            Assert.Equal((RotationStage.Switched, next, old), (host.Authority.Keys.Stage, host.Authority.Keys.Active.Hash, host.Authority.Keys.Oldest.Hash));
            host.Rotation.Finish(isForced: false);
            Assert.False(File.Exists(_folder.File(CaFile.FirstFile)));
        }

        await using (var host = await TestCaHost.StartAsync(_folder.Path))
        {
            Assert.Equal((RotationStage.None, next), (host.Authority.Keys.Stage, host.Authority.Keys.Active.Hash));
            host.Rotation.Add(null, null);
            Assert.Equal(2, host.Authority.Bundle.Authorities.Length);
        }
    }

    [Fact]
    public async Task Steps_out_of_order_are_refused()
    {
        await using var host = await TestCaHost.StartAsync(_folder.Path);

        Assert.Contains("--stage add", Assert.Throws<MeshControlPlaneException>(() => host.Rotation.Switch(isForced: true)).Message, StringComparison.Ordinal);
        Assert.Throws<MeshControlPlaneException>(() => host.Rotation.Finish(isForced: true));
        host.Rotation.Add(null, null);
        Assert.Throws<MeshControlPlaneException>(() => host.Rotation.Add(null, null));
        Assert.Throws<MeshControlPlaneException>(() => host.Rotation.Finish(isForced: true));
        host.Rotation.Switch(isForced: false);
        Assert.Throws<MeshControlPlaneException>(() => host.Rotation.Switch(isForced: true));
    }

    [Fact]
    public async Task Who_renewed_with_the_new_root_trusts_it_and_who_did_not_holds_up_the_switch_also_after_a_restart()
    {
        WorkloadIdentity first;
        await using (var host = await TestCaHost.StartAsync(_folder.Path))
        {
            first = await host.JoinAsync(await host.Tokens.CreateAsync("shop", "catalog", TimeSpan.FromHours(1), 1, TestEnd));
            host.Rotation.Add(null, null);
        }

        await using (var host = await TestCaHost.StartAsync(_folder.Path))
        {
            Assert.Contains("sa/catalog", Assert.Throws<MeshControlPlaneException>(() => host.Rotation.Switch(isForced: false)).Message, StringComparison.Ordinal);

            var second = await host.RenewAsync(first);
            host.Rotation.Switch(isForced: false);

            Assert.Contains("sa/catalog", Assert.Throws<MeshControlPlaneException>(() => host.Rotation.Finish(isForced: false)).Message, StringComparison.Ordinal);
            await host.RenewAsync(second);
            host.Rotation.Finish(isForced: false);
        }
    }

    [Fact]
    public async Task Plan_that_names_a_missing_key_stops_the_start()
    {
        await using (var host = await TestCaHost.StartAsync(_folder.Path))
        {
            host.Rotation.Add(null, null);
        }

        File.Delete(Directory.EnumerateFiles(_folder.Path, "ca-*.p12").Single());

        Assert.Contains("backup", (await Assert.ThrowsAsync<MeshControlPlaneException>(async () => await TestCaHost.StartAsync(_folder.Path))).Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("no certificate at all", "0 certificates")]
    [InlineData("leaf", "not a CA")]
    [InlineData("other key", "not that of the first certificate")]
    [InlineData("expired", "does not lead to")]
    [InlineData("foreign", "spiffe://other.example")]
    public async Task Certificates_that_cannot_be_the_ca_are_refused_and_change_nothing(string what, string reason)
    {
        await using var host = await TestCaHost.StartAsync(_folder.Path);
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        using var other = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var request = what == "leaf"
            ? CertificateTemplates.Workload(SpiffeId.Parse("spiffe://mesh.local/ns/a/sa/b"), new PublicKey(key))
            : CertificateTemplates.Root(TrustDomain.Parse(what == "foreign" ? "other.example" : "mesh.local"), key);
        var now = TimeProvider.System.GetUtcNow();
        using var certificate = new CertificateRequest(request.SubjectName, key, HashAlgorithmName.SHA256).Also(request.CertificateExtensions)
            .CreateSelfSigned(now.AddDays(-2), what == "expired" ? now.AddDays(-1) : now.AddDays(10));
        var pem = what == "no certificate at all" ? "-" : certificate.ExportCertificatePem();

        var error = Assert.Throws<MeshControlPlaneException>(() => host.Rotation.Add(pem, (what == "other key" ? other : key).ExportPkcs8PrivateKeyPem()));

        Assert.Contains(reason, error.Message, StringComparison.Ordinal);
        Assert.Equal(RotationStage.None, host.Authority.Keys.Stage);
        Assert.Throws<MeshControlPlaneException>(() => host.Rotation.Add(CertificateTemplates.Root(host.Authority.TrustDomain, key).CreateSelfSigned(now, now.AddDays(1)).ExportCertificatePem(), null));
    }

    [Fact]
    public async Task Keys_in_the_state_folder_are_encrypted_and_for_this_user_alone()
    {
        await using var host = await TestCaHost.StartAsync(_folder.Path);
        host.Authority.MakeRequest();
        host.Rotation.Add(null, null);
        host.Authority.MakeRequest();

        var files = Directory.EnumerateFiles(_folder.Path, "ca*").Where(static file => Path.GetExtension(file) is ".p12" or ".p8").ToList();
        Assert.Equal(3, files.Count);
        foreach (var file in files)
        {
            Assert.True(OperatingSystem.IsWindows() || File.GetUnixFileMode(file) == (UnixFileMode.UserRead | UnixFileMode.UserWrite));
            using var key = ECDsa.Create();
            Assert.ThrowsAny<CryptographicException>(() => key.ImportPkcs8PrivateKey(File.ReadAllBytes(file), out _));
            Assert.ThrowsAny<CryptographicException>(() => Path.GetExtension(file) == ".p12" ? X509CertificateLoader.LoadPkcs12(File.ReadAllBytes(file), "") : throw new CryptographicException());
        }
    }
}

file static class RequestExtensions
{
    public static CertificateRequest Also(this CertificateRequest request, IEnumerable<X509Extension> extensions)
    {
        foreach (var extension in extensions)
        {
            request.CertificateExtensions.Add(extension);
        }

        return request;
    }
}
