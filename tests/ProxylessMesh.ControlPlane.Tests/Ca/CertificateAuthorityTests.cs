using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Options;
using Microsoft.Extensions.Time.Testing;
using ProxylessMesh.ControlPlane.Ca;
using ProxylessMesh.ControlPlane.Store;
using ProxylessMesh.Spiffe;

namespace ProxylessMesh.ControlPlane.Tests.Ca;

public sealed class CertificateAuthorityTests : IDisposable
{
    private static readonly SpiffeId Id = SpiffeId.Parse("spiffe://mesh.local/ns/shop/sa/catalog");

    private readonly TestFolder _folder = new();
    private readonly FakeTimeProvider _time = new(new DateTimeOffset(2026, 5, 1, 12, 0, 0, TimeSpan.Zero));
    private readonly MeshControlPlaneOptions _options = new();

    public CertificateAuthorityTests() => _options.StateFolder = _folder.Path;

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void Root_is_made_once_and_found_again()
    {
        var first = Open(static authority => authority.RootHash.ToArray());

        Assert.Equal(first, Open(static authority => authority.RootHash.ToArray()));
    }

    [Fact]
    public void Key_and_passphrase_are_for_this_user_alone()
    {
        Assert.SkipWhen(OperatingSystem.IsWindows(), "Unix file modes.");
        Open(static _ => 0);

        Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite, Mode("ca.p12"));
        Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite, Mode("ca.passphrase"));
    }

    [Fact]
    public void Passphrase_of_the_operator_is_not_written_anywhere()
    {
        _options.CaPassphrase = "correct horse";
        Open(static _ => 0);

        Assert.False(File.Exists(_folder.File("ca.passphrase")));
    }

    [Fact]
    public void Wrong_passphrase_stops_the_start_and_leaves_the_root_alone()
    {
        _options.CaPassphrase = "correct horse";
        Open(static _ => 0);
        var before = File.ReadAllBytes(_folder.File("ca.p12"));

        _options.CaPassphrase = "battery staple";
        var message = Assert.Throws<MeshControlPlaneException>(() => Open(static _ => 0)).Message;

        Assert.Contains("passphrase", message);
        Assert.DoesNotContain("battery staple", message);
        Assert.Equal(before, File.ReadAllBytes(_folder.File("ca.p12")));
    }

    [Fact]
    public void Lost_passphrase_file_stops_the_start()
    {
        Open(static _ => 0);
        File.Delete(_folder.File("ca.passphrase"));

        Assert.Contains("no passphrase", Assert.Throws<MeshControlPlaneException>(() => Open(static _ => 0)).Message);
        Assert.False(File.Exists(_folder.File("ca.passphrase")));
    }

    [Fact]
    public void Damaged_root_is_never_replaced()
    {
        Open(static _ => 0);
        var good = File.ReadAllBytes(_folder.File("ca.p12"));
        var halves = new[] { [], good[..(good.Length / 2)], [.. good[..100], (byte)(good[100] ^ 1), .. good[101..]] };
        foreach (var bad in halves)
        {
            File.WriteAllBytes(_folder.File("ca.p12"), bad);

            var message = Assert.Throws<MeshControlPlaneException>(() => Open(static _ => 0)).Message;

            Assert.Contains("restore the file from a backup", message);
            Assert.Equal(bad, File.ReadAllBytes(_folder.File("ca.p12")));
        }

        File.WriteAllBytes(_folder.File("ca.p12"), good);
        Open(static _ => 0);
    }

    [Fact]
    public void Crash_between_passphrase_and_root_is_made_good_at_the_next_start()
    {
        File.WriteAllText(_folder.File("ca.passphrase"), "made before the crash");

        Open(static _ => 0);

        Assert.Equal("made before the crash", File.ReadAllText(_folder.File("ca.passphrase")));
    }

    [Fact]
    public void State_of_another_trust_domain_stops_the_start()
    {
        Open(static _ => 0);
        _options.TrustDomain = "other.example";

        Assert.Contains("spiffe://mesh.local", Assert.Throws<MeshControlPlaneException>(() => Open(static _ => 0)).Message);
    }

    [Fact]
    public void Expired_root_stops_the_start()
    {
        Open(static _ => 0);
        _time.Advance(_options.RootLifetime + TimeSpan.FromDays(1));

        Assert.Contains("expired", Assert.Throws<MeshControlPlaneException>(() => Open(static _ => 0)).Message);
    }

    [Fact]
    public void Leaf_is_an_svid_of_the_id_that_verifies_by_the_root()
    {
        var (leaf, bundle) = Open(authority => (authority.Issue(Id, NewKey(), TimeSpan.FromHours(24)), authority.Bundle));

        Assert.Null(X509SvidChain.Verify(leaf, [], new TrustBundleSet([bundle]), _time.GetUtcNow(), out var id));
        Assert.Equal(Id, id);
        Assert.Equal(_time.GetUtcNow().AddHours(24).UtcDateTime, leaf.NotAfter.ToUniversalTime());
        Assert.Equal((_time.GetUtcNow() - TimeSpan.FromMinutes(5)).UtcDateTime, leaf.NotBefore.ToUniversalTime());
    }

    [Fact]
    public void Leaf_may_live_for_a_minute()
    {
        var leaf = Open(static authority => authority.Issue(Id, NewKey(), TimeSpan.FromMinutes(1)));

        Assert.Equal(_time.GetUtcNow().AddMinutes(1).UtcDateTime, leaf.NotAfter.ToUniversalTime());
    }

    [Fact]
    public void Leaf_never_outlives_the_root()
    {
        var (leaf, bundle) = Open(authority =>
        {
            _time.Advance(_options.RootLifetime - TimeSpan.FromHours(2));
            return (authority.Issue(Id, NewKey(), TimeSpan.FromHours(24)), authority.Bundle);
        });

        Assert.Equal(bundle.Authorities[0].NotAfter, leaf.NotAfter);
    }

    [Fact]
    public void Serial_numbers_are_16_random_bytes()
    {
        var serials = Open(static authority => Enumerable.Range(0, 100).Select(_ => authority.Issue(Id, NewKey(), TimeSpan.FromHours(1)).SerialNumber).ToList());

        Assert.Equal(100, serials.Distinct().Count());
        Assert.All(serials, static serial => Assert.Equal(32, serial.Length));
    }

    [Fact]
    public void Snapshot_signer_is_no_workload()
    {
        var signer = Open(static authority => authority.IssueSnapshotSigner(NewKey(), TimeSpan.FromDays(1), authority.Keys.Active));

        Assert.False(X509SvidValidator.TryReadId(signer, out _));
        Assert.Equal([SnapshotSignature.KeyUsageOid], signer.Extensions.OfType<X509EnhancedKeyUsageExtension>().Single().EnhancedKeyUsages.Cast<Oid>().Select(static oid => oid.Value!));
    }

    [Fact]
    public void Versions_of_snapshots_grow_over_restarts_even_when_the_clock_goes_back()
    {
        Open(static _ => 0);
        _time.Advance(TimeSpan.FromDays(1));
        var versions = new List<ulong>();
        for (var run = 0; run < 3; run++)
        {
            versions.AddRange(Open(authority => Versions(authority, 3)));
            _time.AdjustTime(_time.GetUtcNow().AddHours(-3));
        }

        Assert.Equal(versions.Order(), versions);
        Assert.Equal(9, versions.Distinct().Count());
    }

    [Fact]
    public void Own_identity_is_there_at_once_and_rotates_before_it_expires()
    {
        _options.SvidLifetime = TimeSpan.FromMinutes(1);
        Open(authority =>
        {
            using var trust = new MeshTrust(authority);
            using var source = new ControlPlaneIdentitySource(authority, trust, Options.Create(_options), _time, NullLogger<ControlPlaneIdentitySource>.Instance);
            var first = source.Current!;
            Assert.Equal("spiffe://mesh.local/ns/mesh-system/sa/control-plane", first.Id.ToString());

            for (var second = 0; second < 600; second++)
            {
                _time.Advance(TimeSpan.FromSeconds(1));
                Assert.True(source.Current!.ExpiresAt - _time.GetUtcNow() > TimeSpan.FromSeconds(20));
            }

            Assert.NotSame(first, source.Current);
            return 0;
        });
    }

    private List<ulong> Versions(CertificateAuthority authority, int count)
    {
        using var state = new StateFolder(Options.Create(new MeshControlPlaneOptions { StateFolder = _folder.File("signer") }));
        using var signer = new SnapshotSigner(authority, state, _time);
        return [.. Enumerable.Range(0, count).Select(_ =>
        {
            Assert.Null(SnapshotSignature.Verify(signer.Sign(Id, []), authority.Bundle, out var content));
            return content!.Version;
        })];
    }

    private TResult Open<TResult>(Func<CertificateAuthority, TResult> use)
    {
        using var folder = new StateFolder(Options.Create(_options));
        using var authority = new CertificateAuthority(folder, Options.Create(_options), _time, NullLogger<CertificateAuthority>.Instance);
        return use(authority);
    }

    private UnixFileMode Mode(string name) => OperatingSystem.IsWindows() ? default : File.GetUnixFileMode(_folder.File(name));

    private static PublicKey NewKey()
    {
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        return new PublicKey(key);
    }
}
