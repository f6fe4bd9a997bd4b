using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using System.Text;
using Microsoft.Extensions.Time.Testing;
using ProxylessMesh.TestSupport;

namespace ProxylessMesh.Spiffe.Tests.State;

public sealed class SealedIdentityTests : IDisposable
{
    private static readonly TestCa Ca = TestCa.Create();

    private readonly TestFolder _folder = new();
    private readonly FakeTimeProvider _time = new(TimeProvider.System.GetUtcNow());
    private readonly JoinToken _token = JoinToken.Create(SHA256.HashData(Ca.Bundle.Authorities[0].RawData));

    private static CancellationToken TestEnd => TestContext.Current.CancellationToken;

    private string Path => _folder.File("identity.p12");

    private SealedIdentity Seal => new(Path, _token, _time);

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void No_file_is_no_error() => Assert.Null(Seal.TryLoad());

    [Fact]
    public async Task Identity_comes_back_with_its_key_chain_and_every_bundle()
    {
        var bundles = new TrustBundleSet([Ca.Bundle, TestCa.Create("other.example").Bundle]);
        var identity = Ca.WithIntermediate().Issue("shop", "catalog", bundles: bundles);
        await Seal.SaveAsync(identity, TestEnd);

        var opened = Seal.TryLoad()!;

        Assert.Equal(identity.Id, opened.Id);
        Assert.Equal(identity.Leaf.RawData, opened.Leaf.RawData);
        Assert.Equal(identity.Intermediates.Single().RawData, opened.Intermediates.Single().RawData);
        Assert.Equal(2, opened.Bundles.Bundles.Count);
        var peer = Ca.Issue("shop", "storefront");
        Assert.True((await Handshake.RunAsync(SpiffeTls.ForServer(opened, static _ => true, []), SpiffeTls.ForClient(peer, static _ => true, "any.mesh", []), TestEnd)).IsDone);
    }

    [Fact]
    public async Task File_is_encrypted_and_for_this_user_alone()
    {
        var identity = Ca.Issue("shop", "catalog");
        await Seal.SaveAsync(identity, TestEnd);

        var content = File.ReadAllBytes(Path);

        Assert.DoesNotContain("shop", Encoding.Latin1.GetString(content));
        Assert.True(content.AsSpan().IndexOf(identity.Leaf.GetECDsaPrivateKey()!.ExportParameters(true).D) < 0);
        if (!OperatingSystem.IsWindows())
        {
            Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite, File.GetUnixFileMode(Path));
        }
    }

    [Fact]
    public async Task Another_join_token_opens_nothing()
    {
        await Seal.SaveAsync(Ca.Issue("shop", "catalog"), TestEnd);
        var other = new SealedIdentity(Path, JoinToken.Create(_token.RootHash.Span), _time);

        var error = Assert.Throws<IdentityException>(() => other.TryLoad());

        Assert.Equal(IdentityError.BadFile, error.Error);
        Assert.Contains("another join token", error.Message);
        Assert.Contains("Delete the file", error.Message);
    }

    [Fact]
    public async Task Changed_or_cut_file_is_refused()
    {
        await Seal.SaveAsync(Ca.Issue("shop", "catalog"), TestEnd);
        var good = File.ReadAllBytes(Path);
        for (var i = 0; i < good.Length; i += 23)
        {
            var bad = (byte[])good.Clone();
            bad[i] ^= 1;
            File.WriteAllBytes(Path, bad);
            Assert.Equal(IdentityError.BadFile, Assert.Throws<IdentityException>(() => Seal.TryLoad()).Error);

            File.WriteAllBytes(Path, good[..i]);
            Assert.Equal(IdentityError.BadFile, Assert.Throws<IdentityException>(() => Seal.TryLoad()).Error);
        }
    }

    [Fact]
    public async Task File_goes_when_its_certificate_has_expired()
    {
        await Seal.SaveAsync(Ca.Issue("shop", "catalog", TimeSpan.FromMinutes(30)), TestEnd);
        _time.Advance(TimeSpan.FromMinutes(31));

        Assert.Null(Seal.TryLoad());
        Assert.False(File.Exists(Path));
    }

    [Fact]
    public async Task Huge_file_is_refused_unread()
    {
        await File.WriteAllBytesAsync(Path, new byte[SealedIdentity.MaxBytes + 1], TestEnd);

        Assert.Equal(IdentityError.BadFile, Assert.Throws<IdentityException>(() => Seal.TryLoad()).Error);
    }

    [Fact]
    public async Task Folder_that_is_a_file_is_an_error_with_the_cure()
    {
        await File.WriteAllTextAsync(_folder.File("taken"), "", TestEnd);
        var seal = new SealedIdentity(System.IO.Path.Combine(_folder.File("taken"), "identity.p12"), _token, _time);

        var error = await Assert.ThrowsAsync<IdentityException>(() => seal.SaveAsync(Ca.Issue("shop", "catalog"), TestEnd));

        Assert.Contains("Mesh:State:Folder", error.Message);
    }
}
