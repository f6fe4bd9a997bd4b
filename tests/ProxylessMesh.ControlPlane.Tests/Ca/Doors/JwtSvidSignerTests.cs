using System.Collections.Frozen;
using System.Text;
using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Options;
using Microsoft.Extensions.Time.Testing;
using ProxylessMesh.ControlPlane.Ca.Doors;
using ProxylessMesh.ControlPlane.Store;
using ProxylessMesh.Spiffe;

namespace ProxylessMesh.ControlPlane.Tests.Ca.Doors;

public sealed class JwtSvidSignerTests : IDisposable
{
    private static readonly SpiffeId Billing = SpiffeId.Parse("spiffe://mesh.local/ns/shop/sa/billing");

    private readonly TestFolder _folder = new();
    private readonly FakeTimeProvider _time = new(new DateTimeOffset(2030, 1, 1, 0, 0, 0, TimeSpan.Zero));

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void Key_is_published_before_it_signs_and_until_its_last_token_has_ended()
    {
        using var signer = Open(out var folder);
        var changes = 0;
        signer.Changed += () => changes++;
        var first = Assert.Single(signer.Authorities).Key;
        Assert.Null(Check(signer.Sign(Billing, ["a"]), signer.Authorities, out var used));
        Assert.Equal(first, used);

        _time.Advance(JwtSvidSigner.KeyLifetime);
        Assert.Equal((2, 1), (signer.Authorities.Count, changes));
        Check(signer.Sign(Billing, ["a"]), signer.Authorities, out used);
        Assert.Equal(first, used);

        _time.Advance(JwtSvidSigner.PublishedBefore - TimeSpan.FromSeconds(1));
        var last = signer.Sign(Billing, ["a"]);
        Check(last, signer.Authorities, out used);
        Assert.Equal(first, used);

        _time.Advance(TimeSpan.FromSeconds(1));
        Check(signer.Sign(Billing, ["a"]), signer.Authorities, out used);
        Assert.NotEqual(first, used);
        Assert.Null(Check(last, signer.Authorities, out _));

        _time.Advance(JwtSvidSigner.KeyLifetime);
        Assert.DoesNotContain(first, signer.Authorities.Keys);
        Assert.NotNull(Check(last, signer.Authorities, out _));
        folder.Dispose();
    }

    [Fact]
    public void Keys_survive_a_restart_encrypted()
    {
        string token;
        using (var signer = Open(out var folder))
        {
            token = signer.Sign(Billing, ["a"]);
            folder.Dispose();
        }

        using var again = Open(out var second);

        Assert.Null(Check(token, again.Authorities, out _));
        var file = File.ReadAllText(_folder.File("jwt-keys.json"));
        Assert.DoesNotContain("PRIVATE", file);
        if (!OperatingSystem.IsWindows())
        {
            Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite, File.GetUnixFileMode(_folder.File("jwt-keys.json")));
        }

        second.Dispose();
    }

    [Fact]
    public void Keys_that_cannot_be_read_stop_the_start_with_what_to_do()
    {
        File.WriteAllText(_folder.File("jwt-keys.json"), "{");

        Assert.Contains("Restore the file", Assert.Throws<MeshControlPlaneException>(() => Open(out _)).Message);
    }

    private string? Check(string token, FrozenDictionary<string, JwtAuthority> authorities, out string keyId)
    {
        var header = Encoding.UTF8.GetString(System.Buffers.Text.Base64Url.DecodeFromChars(token.Split('.')[0]));
        keyId = (string)System.Text.Json.Nodes.JsonNode.Parse(header)!["kid"]!;
        var bundle = new SpiffeBundle { TrustDomain = Billing.TrustDomain, JwtAuthorities = authorities };
        return JwtSvidValidator.Check(token, _ => bundle, ["a"], _time.GetUtcNow(), out _);
    }

    private JwtSvidSigner Open(out StateFolder folder)
    {
        var options = Options.Create(new MeshControlPlaneOptions { StateFolder = _folder.Path, CaPassphrase = "of the test" });
        folder = new StateFolder(options);
        try
        {
            return new JwtSvidSigner(new JwtKeyFile(folder, options), _time, NullLogger<JwtSvidSigner>.Instance);
        }
        catch
        {
            folder.Dispose();
            throw;
        }
    }
}
