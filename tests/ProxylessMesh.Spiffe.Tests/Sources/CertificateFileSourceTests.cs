using System.Diagnostics;
using System.Text;
using Microsoft.Extensions.Logging;
using ProxylessMesh.TestSupport;

namespace ProxylessMesh.Spiffe.Tests.Sources;

/// <summary>The source on real files, written as those write them who own them.</summary>
public sealed class CertificateFileSourceTests : IDisposable
{
    private readonly TestFolder _folder = new();
    private readonly SleepClock _time = new();
    private readonly TestCa _ca = TestCa.Create();

    private static CancellationToken TestEnd => TestContext.Current.CancellationToken;

    public void Dispose() => _folder.Dispose();

    [Theory]
    [InlineData("tls.crt", "tls.key", "ca.crt")]
    [InlineData("cert-chain.pem", "key.pem", "root-cert.pem")]
    [InlineData("svid.pem", "svid_key.pem", "svid_bundle.pem")]
    public async Task Folder_is_read_in_each_known_layout(string certificate, string key, string roots)
    {
        var identity = _ca.WithIntermediate().Issue("shop", "catalog");
        Write(certificate, TestPem.Chain(identity));
        Write(key, TestPem.Key(identity));
        Write(roots, TestPem.Of(_ca.Bundle.Authorities));

        await using var run = Start();
        var current = await run.Source.GetAsync(TestEnd);

        Assert.Equal(identity.Id, current.Id);
        Assert.Single(current.Intermediates);
        Assert.True(current.Leaf.HasPrivateKey);
        Assert.Equal(_ca.TrustDomain, Assert.Single(current.Bundles.Bundles).TrustDomain);
    }

    [Fact]
    public async Task Files_that_change_are_in_force_without_a_look_at_the_clock()
    {
        TestPem.Write(_folder.Path, _ca.Issue("shop", "catalog"), _ca);
        await using var run = Start();
        var first = await run.Source.GetAsync(TestEnd);
        await _time.AsleepAsync(TestEnd);
        var next = run.NextIdentity();

        // As a careful writer does it: beside the files, then over them. Between the two renames the pair does not fit.
        var renewed = _ca.Issue("shop", "catalog");
        Write("new.crt", TestPem.Chain(renewed));
        Write("new.key", TestPem.Key(renewed));
        File.Move(_folder.File("new.crt"), _folder.File("tls.crt"), overwrite: true);
        File.Move(_folder.File("new.key"), _folder.File("tls.key"), overwrite: true);

        Assert.Equal(renewed.Leaf.SerialNumber, (await next).Leaf.SerialNumber);
        Assert.NotSame(first, run.Source.Current);
        Assert.Equal(2, run.Source.Rotations);
    }

    [Fact]
    public async Task Kubernetes_swap_of_the_link_is_seen()
    {
        TestPem.Write(_folder.File("..1"), _ca.Issue("shop", "catalog"), _ca);
        File.CreateSymbolicLink(_folder.File("..data"), "..1");
        foreach (var file in (string[])["tls.crt", "tls.key", "ca.crt"])
        {
            File.CreateSymbolicLink(_folder.File(file), Path.Combine("..data", file));
        }

        await using var run = Start();
        await run.Source.GetAsync(TestEnd);
        await _time.AsleepAsync(TestEnd);
        var next = run.NextIdentity();

        var renewed = _ca.Issue("shop", "catalog");
        TestPem.Write(_folder.File("..2"), renewed, _ca);
        File.CreateSymbolicLink(_folder.File("..data_tmp"), "..2");
        using (var rename = Process.Start("mv", ["-T", _folder.File("..data_tmp"), _folder.File("..data")]))
        {
            await rename.WaitForExitAsync(TestEnd);
        }

        Assert.Equal(renewed.Leaf.SerialNumber, (await next).Leaf.SerialNumber);
    }

    [Fact]
    public async Task Change_that_the_system_does_not_report_is_found_by_the_clock()
    {
        // The folder of the link is watched, not the one that it leads to: as on a volume that reports nothing.
        TestPem.Write(_folder.File("a"), _ca.Issue("shop", "catalog"), _ca);
        Directory.CreateDirectory(_folder.File("b"));
        foreach (var file in (string[])["tls.crt", "tls.key", "ca.crt"])
        {
            File.CreateSymbolicLink(Path.Combine(_folder.File("b"), file), Path.Combine("..", "a", file));
        }

        await using var run = Start(_folder.File("b"));
        await run.Source.GetAsync(TestEnd);
        Assert.Equal(TimeSpan.FromSeconds(30), await _time.AsleepAsync(TestEnd));
        var next = run.NextIdentity();
        var renewed = _ca.Issue("shop", "catalog");
        TestPem.Write(_folder.File("a"), renewed, _ca);

        _time.Advance(TimeSpan.FromSeconds(30));

        Assert.Equal(renewed.Leaf.SerialNumber, (await next).Leaf.SerialNumber);
    }

    [Fact]
    public async Task Certificate_without_its_own_key_is_never_in_force_and_is_told_after_a_moment()
    {
        TestPem.Write(_folder.Path, _ca.Issue("shop", "catalog"), _ca);
        await using var run = Start();
        var first = await run.Source.GetAsync(TestEnd);
        await _time.AsleepAsync(TestEnd);
        var failed = run.NextFailure();
        var renewed = _ca.Issue("shop", "catalog");
        Write("tls.crt", TestPem.Chain(renewed));

        while (await _time.AsleepAsync(TestEnd) > TimeSpan.FromSeconds(1))
        {
            // A look that came too early, before the file was there.
        }

        _time.Advance(TimeSpan.FromSeconds(1));
        var status = await failed;
        Assert.Contains("private key is not that of the certificate", status.Error!.Message, StringComparison.Ordinal);
        Assert.Equal(IdentityState.Stale, status.State);
        Assert.Same(first, run.Source.Current);

        var next = run.NextIdentity();
        Write("tls.key", TestPem.Key(renewed));
        Assert.Equal(renewed.Leaf.SerialNumber, (await next).Leaf.SerialNumber);
        Assert.Equal(IdentityState.Ready, run.Source.Status.State);
        Assert.Single(run.Log.Entries, static entry => entry.Level == LogLevel.Warning);
    }

    [Fact]
    public async Task Map_of_bundles_gives_the_roots_of_each_trust_domain()
    {
        var friend = TestCa.Create("friend.test");
        TestPem.Write(_folder.Path, _ca.Issue("shop", "catalog"), _ca);
        Write("ca.crt", $"{{\"trust_domains\":{{\"mesh.local\":{Document(_ca)},\"friend.test\":{Document(friend)}}}}}");

        await using var run = Start();
        var current = await run.Source.GetAsync(TestEnd);

        Assert.Equal(["friend.test", "mesh.local"], current.Bundles.Bundles.Select(static bundle => bundle.TrustDomain.Name).Order());
    }

    [Fact]
    public async Task New_roots_alone_are_in_force_and_count_as_no_rotation()
    {
        TestPem.Write(_folder.Path, _ca.Issue("shop", "catalog"), _ca);
        await using var run = Start();
        await run.Source.GetAsync(TestEnd);
        await _time.AsleepAsync(TestEnd);
        var next = run.NextIdentity();

        Write("ca.crt", TestPem.Of([.. _ca.Bundle.Authorities, .. TestCa.Create().Bundle.Authorities]));

        Assert.Equal(2, (await next).Bundles.Bundles.Single().Authorities.Length);
        Assert.Equal(1, run.Source.Rotations);
    }

    [Fact]
    public async Task Roots_of_the_control_plane_are_trusted_besides()
    {
        TestPem.Write(_folder.Path, _ca.Issue("shop", "catalog"), _ca);
        var mesh = TestCa.Create("control.test");
        var second = TestCa.Create();

        await using var run = new SourceRun<CertificateFileSource>(logger => new CertificateFileSource(new CertificateFileSettings { Folder = _folder.Path }, _time, logger) { AlsoTrusted = [mesh.Bundle, second.Bundle] });
        var bundles = (await run.Source.GetAsync(TestEnd)).Bundles;

        Assert.True(bundles.TryGet(mesh.TrustDomain, out _));
        Assert.True(bundles.TryGet(_ca.TrustDomain, out var own));
        Assert.Equal(2, own.Authorities.Length);
    }

    public static TheoryData<string, string> Broken => new()
    {
        { "nothing", "there is no tls.crt" },
        { "no key", "there is no file" },
        { "empty key", "no PEM private key" },
        { "encrypted key", "encrypted" },
        { "no certificate", "no PEM certificate" },
        { "DNS name", "0 URI names" },
        { "expired", "does not verify" },
        { "other root", "does not verify" },
        { "bad map", "keys is missing" },
    };

    [Theory]
    [MemberData(nameof(Broken))]
    public async Task What_cannot_be_used_is_told_with_its_reason_and_not_with_the_key(string how, string why)
    {
        Break(how);

        await using var run = Start();
        await _time.AsleepAsync(TestEnd);

        Assert.Null(run.Source.Current);
        var error = run.Source.Status.Error!;
        Assert.Equal(IdentityError.BadFile, error.Error);
        Assert.Contains(why, error.Message, StringComparison.Ordinal);
        Assert.DoesNotContain("BEGIN", error.ToString(), StringComparison.Ordinal);
        Assert.Contains(why, Assert.Single(run.Log.Entries).Message, StringComparison.Ordinal);
    }

    private void Break(string how)
    {
        if (how == "nothing")
        {
            return;
        }

        var identity = how switch
        {
            "DNS name" => _ca.Issue(new TestLeaf { DnsNames = ["catalog.shop"] }, SpiffeId.Parse("spiffe://mesh.local/ns/shop/sa/catalog")),
            "expired" => _ca.Issue("shop", "catalog", TimeSpan.FromMinutes(-1)),
            _ => _ca.Issue("shop", "catalog"),
        };
        TestPem.Write(_folder.Path, identity, how == "other root" ? TestCa.Create() : _ca);
        switch (how)
        {
            case "no key": File.Delete(_folder.File("tls.key")); break;
            case "empty key": Write("tls.key", ""); break;
            case "encrypted key": Write("tls.key", "-----BEGIN ENCRYPTED PRIVATE KEY-----\nAAAA\n-----END ENCRYPTED PRIVATE KEY-----\n"); break;
            case "no certificate": Write("tls.crt", TestPem.Key(identity)); break;
            case "bad map": Write("ca.crt", """{"trust_domains":{"mesh.local":{}}}"""); break;
            default: break;
        }
    }

    private static string Document(TestCa ca) => Encoding.UTF8.GetString(SpiffeBundleWriter.Write(new SpiffeBundle { TrustDomain = ca.TrustDomain, X509Authorities = ca.Bundle.Authorities }));

    private void Write(string name, string text) => File.WriteAllText(_folder.File(name), text);

    private SourceRun<CertificateFileSource> Start(string? folder = null)
        => new(logger => new CertificateFileSource(new CertificateFileSettings { Folder = folder ?? _folder.Path }, _time, logger));
}
