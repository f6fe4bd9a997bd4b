using Google.Protobuf.WellKnownTypes;
using Microsoft.Extensions.Time.Testing;
using ProxylessMesh.Protos.V1;
using ProxylessMesh.TestSupport;

namespace ProxylessMesh.Spiffe.Tests.State;

public sealed class LastKnownGoodTests : IDisposable
{
    private static readonly TestCa Ca = TestCa.Create();

    private readonly TestFolder _folder = new();
    private readonly FakeTimeProvider _time = new(TimeProvider.System.GetUtcNow());
    private readonly WorkloadIdentity _workload = Ca.Issue("shop", "catalog");

    private static CancellationToken TestEnd => TestContext.Current.CancellationToken;

    private LastKnownGood State => new(_folder.Path, TimeSpan.FromHours(24), _time);

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void No_file_is_no_error() => Assert.Null(State.TryLoad(_workload));

    [Fact]
    public async Task Snapshot_is_read_as_it_was_signed()
    {
        await State.SaveAsync(Sign(Content()), _workload, TestEnd);

        var content = State.TryLoad(_workload);

        Assert.Equal(Content(), content);
    }

    [Fact]
    public async Task File_is_for_this_user_alone()
    {
        Assert.SkipWhen(OperatingSystem.IsWindows(), "Unix file modes.");
        await State.SaveAsync(Sign(Content()), _workload, TestEnd);

        Assert.All(Directory.GetFiles(_folder.Path), static file => Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite, Mode(file)));
    }

    [Fact]
    public async Task Any_changed_byte_of_the_content_is_noticed()
    {
        await State.SaveAsync(Sign(Content()), _workload, TestEnd);
        var good = File.ReadAllBytes(_folder.File("snapshot.cms"));
        for (var i = 0; i < good.Length; i += 7)
        {
            var bad = (byte[])good.Clone();
            bad[i] ^= 0x20;
            File.WriteAllBytes(_folder.File("snapshot.cms"), bad);

            // Bytes that nothing depends on (an unsigned attribute's framing) may change; what is read must be what was signed.
            try
            {
                Assert.Equal(Content(), State.TryLoad(_workload));
            }
            catch (IdentityException error)
            {
                Assert.Equal(IdentityError.BadFile, error.Error);
            }
        }
    }

    [Fact]
    public async Task File_cut_off_anywhere_is_refused()
    {
        await State.SaveAsync(Sign(Content()), _workload, TestEnd);
        var good = File.ReadAllBytes(_folder.File("snapshot.cms"));
        for (var length = 0; length < good.Length; length += 11)
        {
            File.WriteAllBytes(_folder.File("snapshot.cms"), good[..length]);
            RefusedToLoad("");
        }
    }

    [Fact]
    public async Task Snapshot_of_another_workload_is_refused()
    {
        var content = Content();
        content.SpiffeId = "spiffe://mesh.local/ns/shop/sa/pricing";

        await RefusedToSaveAsync("was made for", Sign(content));
    }

    [Fact]
    public async Task Snapshot_signed_under_another_root_is_refused()
        => await RefusedToSaveAsync("not the control plane", SnapshotSignature.Sign(Content(), TestCa.Create().Leaf(SignerLeaf), []));

    [Fact]
    public async Task Snapshot_signed_under_an_intermediate_brings_the_way_to_the_root()
    {
        var intermediate = Ca.WithIntermediate();
        await State.SaveAsync(SnapshotSignature.Sign(Content(version: 3), intermediate.Leaf(SignerLeaf), intermediate.Intermediates), _workload, TestEnd);

        Assert.Equal(3UL, State.TryLoad(_workload)!.Version);
        await RefusedToSaveAsync("not the control plane", SnapshotSignature.Sign(Content(version: 4), intermediate.Leaf(SignerLeaf)));
    }

    [Fact]
    public async Task Snapshot_signed_under_the_old_root_is_good_while_that_root_is_in_the_bundle()
    {
        await State.SaveAsync(Sign(Content(version: 3)), _workload, TestEnd);
        var next = TestCa.Create();
        var both = new TrustBundle(Ca.TrustDomain, [Ca.Root, next.Root]);

        Assert.Equal(3UL, State.TryLoad(next.Issue(_workload.Id, bundles: new TrustBundleSet([both])))!.Version);
        Assert.Throws<IdentityException>(() => State.TryLoad(next.Issue(_workload.Id)));
    }

    [Fact]
    public async Task Workloads_certificate_signs_no_snapshot()
        => await RefusedToSaveAsync("not the control plane", SnapshotSignature.Sign(Content(), Ca.Leaf(new TestLeaf { Uris = [_workload.Id.ToString()] }), []));

    [Fact]
    public async Task Certificate_without_any_extended_usage_signs_no_snapshot()
        => await RefusedToSaveAsync("not the control plane", SnapshotSignature.Sign(Content(), Ca.Leaf(SignerLeaf with { Usages = [] }), []));

    [Fact]
    public async Task Snapshot_is_refused_when_it_is_too_old_and_the_clock_decides_at_each_load()
    {
        await State.SaveAsync(Sign(Content()), _workload, TestEnd);
        _time.Advance(TimeSpan.FromHours(23));
        Assert.NotNull(State.TryLoad(_workload));

        _time.Advance(TimeSpan.FromHours(2));

        RefusedToLoad("Mesh:State:MaxAge");
    }

    [Fact]
    public async Task Snapshot_from_the_future_is_refused()
    {
        var content = Content();
        content.IssuedAt = Timestamp.FromDateTimeOffset(_time.GetUtcNow().AddMinutes(10));

        await RefusedToSaveAsync("was signed at", Sign(content));
    }

    [Fact]
    public async Task Version_never_goes_back()
    {
        await State.SaveAsync(Sign(Content(version: 7)), _workload, TestEnd);
        var old = File.ReadAllBytes(_folder.File("snapshot.cms"));
        await State.SaveAsync(Sign(Content(version: 8)), _workload, TestEnd);

        await RefusedToSaveAsync("older than 8", old);
        File.WriteAllBytes(_folder.File("snapshot.cms"), old);
        RefusedToLoad("older than 8");
    }

    [Fact]
    public async Task Damaged_version_file_is_refused_with_the_cure()
    {
        await State.SaveAsync(Sign(Content()), _workload, TestEnd);
        File.WriteAllText(_folder.File("snapshot.version"), "seven");

        RefusedToLoad("Delete it together with 'snapshot.cms'");
    }

    [Fact]
    public void Huge_file_is_refused_unread()
    {
        using (var file = File.Create(_folder.File("snapshot.cms")))
        {
            file.SetLength(SnapshotSignature.MaxBytes + 1L);
        }

        RefusedToLoad("are the most");
    }

    [Fact]
    public async Task Refused_answer_leaves_the_good_file_in_place()
    {
        await State.SaveAsync(Sign(Content(version: 3)), _workload, TestEnd);

        await RefusedToSaveAsync("", new byte[] { 1, 2, 3 });

        Assert.Equal(3UL, State.TryLoad(_workload)!.Version);
    }

    [Fact]
    public async Task Half_written_file_of_a_crash_does_no_harm()
    {
        await State.SaveAsync(Sign(Content(version: 3)), _workload, TestEnd);
        File.WriteAllText(_folder.File("snapshot.cms.tmp"), "half");

        Assert.Equal(3UL, State.TryLoad(_workload)!.Version);
        await State.SaveAsync(Sign(Content(version: 4)), _workload, TestEnd);
        Assert.Equal(4UL, State.TryLoad(_workload)!.Version);
    }

    private static TestLeaf SignerLeaf => new() { Usages = [SnapshotSignature.KeyUsageOid] };

    private static byte[] Sign(SnapshotContent content) => SnapshotSignature.Sign(content, Ca.Leaf(SignerLeaf), []);

    private SnapshotContent Content(ulong version = 1) => new()
    {
        SpiffeId = _workload.Id.ToString(),
        Version = version,
        IssuedAt = Timestamp.FromDateTimeOffset(_start),
        Resources = { new SnapshotResources { TypeUrl = "type.googleapis.com/envoy.config.cluster.v3.Cluster", Missing = { "gone" } } },
    };

    private readonly DateTimeOffset _start = TimeProvider.System.GetUtcNow();

    private void RefusedToLoad(string why)
    {
        var error = Assert.Throws<IdentityException>(() => State.TryLoad(_workload));
        Assert.Equal(IdentityError.BadFile, error.Error);
        Assert.Contains(why, error.Message);
    }

    private async Task RefusedToSaveAsync(string why, byte[] cms)
    {
        var error = await Assert.ThrowsAsync<IdentityException>(() => State.SaveAsync(cms, _workload, TestEnd));
        Assert.Equal(IdentityError.BadAnswer, error.Error);
        Assert.Contains(why, error.Message);
    }

    private static UnixFileMode Mode(string file) => OperatingSystem.IsWindows() ? default : File.GetUnixFileMode(file);
}
