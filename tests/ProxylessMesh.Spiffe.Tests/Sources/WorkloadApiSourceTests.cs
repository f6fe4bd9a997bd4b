using Google.Protobuf;
using Microsoft.Extensions.Logging;
using ProxylessMesh.TestSupport;
using WorkloadApi;

namespace ProxylessMesh.Spiffe.Tests.Sources;

/// <summary>The source against a real Workload API over real sockets.</summary>
public sealed class WorkloadApiSourceTests : IDisposable
{
    private readonly TestFolder _folder = new();
    private readonly SleepClock _time = new();
    private readonly TestCa _ca = TestCa.Create("example.org");

    private static CancellationToken TestEnd => TestContext.Current.CancellationToken;

    public void Dispose() => _folder.Dispose();

    [Fact]
    public async Task First_svid_is_the_identity_with_its_own_and_the_federated_bundles()
    {
        await using var agent = await FakeWorkloadApi.StartAsync(_folder.File("agent.sock"));
        var friend = TestCa.Create("friend.test");
        agent.Given.Set(new X509SVIDResponse
        {
            Svids = { FakeWorkloadApi.Svid(_ca.WithIntermediate().Issue("shop", "catalog")), FakeWorkloadApi.Svid(_ca.Issue("shop", "other")) },
            FederatedBundles = { ["spiffe://friend.test"] = FakeWorkloadApi.Join(friend.Bundle.Authorities) },
        });

        await using var run = Start(agent.Address, _time);
        var identity = await run.Source.GetAsync(TestEnd);

        Assert.Equal("spiffe://example.org/ns/shop/sa/catalog", identity.Id.ToString());
        Assert.Single(identity.Intermediates);
        Assert.True(identity.Leaf.HasPrivateKey);
        Assert.Equal(["example.org", "friend.test"], identity.Bundles.Bundles.Select(static bundle => bundle.TrustDomain.Name).Order());
        Assert.Equal(IdentityState.Ready, run.Source.Status.State);
    }

    [Fact]
    public async Task Svid_is_chosen_by_its_hint()
    {
        await using var agent = await FakeWorkloadApi.StartAsync();
        agent.Given.Set(FakeWorkloadApi.Svid(_ca.Issue("shop", "a"), "internal"), FakeWorkloadApi.Svid(_ca.Issue("shop", "b"), "external"));

        await using var run = Start(agent.Address, _time, "external");

        Assert.Equal("/ns/shop/sa/b", (await run.Source.GetAsync(TestEnd)).Id.Path);
    }

    [Fact]
    public async Task Next_svid_is_in_force_as_soon_as_the_agent_sends_it()
    {
        await using var agent = await FakeWorkloadApi.StartAsync();
        agent.Given.Set(FakeWorkloadApi.Svid(_ca.Issue("shop", "catalog")));
        await using var run = Start(agent.Address, _time);
        var first = await run.Source.GetAsync(TestEnd);
        var next = run.NextIdentity();

        agent.Given.Set(FakeWorkloadApi.Svid(_ca.Issue("shop", "catalog")));

        Assert.NotEqual(first.Leaf.SerialNumber, (await next).Leaf.SerialNumber);
        Assert.Equal(2, run.Source.Rotations);
        Assert.Equal(1, agent.Given.Streams);
    }

    [Fact]
    public async Task New_bundle_alone_is_in_force_and_counts_as_no_rotation()
    {
        await using var agent = await FakeWorkloadApi.StartAsync();
        var identity = _ca.Issue("shop", "catalog");
        agent.Given.Set(FakeWorkloadApi.Svid(identity));
        await using var run = Start(agent.Address, _time);
        await run.Source.GetAsync(TestEnd);
        var next = run.NextIdentity();

        var svid = FakeWorkloadApi.Svid(identity);
        svid.Bundle = FakeWorkloadApi.Join([.. _ca.Bundle.Authorities, .. TestCa.Create("example.org").Bundle.Authorities]);
        agent.Given.Set(svid);

        Assert.Equal(2, (await next).Bundles.Bundles.Single().Authorities.Length);
        Assert.Equal(1, run.Source.Rotations);
    }

    [Fact]
    public async Task Agent_that_has_no_identity_yet_is_asked_again()
    {
        await using var agent = await FakeWorkloadApi.StartAsync();
        await using var run = Start(agent.Address, _time);
        await _time.AsleepAsync(TestEnd);
        Assert.Equal(IdentityState.Waiting, run.Source.Status.State);
        Assert.Equal(IdentityError.NotAllowed, run.Source.Status.Error!.Error);

        agent.Given.Set(FakeWorkloadApi.Svid(_ca.Issue("shop", "catalog")));
        _time.Advance(TimeSpan.FromSeconds(1));

        Assert.Equal("/ns/shop/sa/catalog", (await run.Source.GetAsync(TestEnd)).Id.Path);
        Assert.Null(run.Source.Status.Error);
    }

    [Fact]
    public async Task Agent_that_restarts_leaves_the_identity_in_force_and_is_found_again()
    {
        await using var agent = await FakeWorkloadApi.StartAsync();
        agent.Given.Set(FakeWorkloadApi.Svid(_ca.Issue("shop", "catalog")));
        await using var run = Start(agent.Address, _time);
        var first = await run.Source.GetAsync(TestEnd);

        agent.Given.EndStreams();
        await _time.AsleepAsync(TestEnd);
        Assert.Equal(IdentityState.Stale, run.Source.Status.State);
        Assert.Same(first, run.Source.Current);

        var next = run.NextIdentity();
        agent.Given.Set(FakeWorkloadApi.Svid(_ca.Issue("shop", "catalog")));
        _time.Advance(TimeSpan.FromSeconds(1));
        await next;
        Assert.Equal(IdentityState.Ready, run.Source.Status.State);
        Assert.Null(run.Source.Status.FailingSince);
    }

    [Fact]
    public async Task Agent_that_is_away_is_reported_once_with_the_cure_and_tried_with_growing_pauses()
    {
        Assert.False(File.Exists(_folder.File("nobody.sock")));
        await using var run = Start("unix://" + _folder.File("nobody.sock"), _time);
        var pauses = new List<TimeSpan>();
        for (var attempt = 0; attempt < 6; attempt++)
        {
            pauses.Add(await _time.AsleepAsync(TestEnd));
            _time.Advance(TimeSpan.FromSeconds(15));
        }

        Assert.Equal(IdentityError.AgentUnreachable, run.Source.Status.Error!.Error);
        Assert.Contains("SPIFFE_ENDPOINT_SOCKET", Assert.Single(run.Log.Entries, static entry => entry.Level == LogLevel.Warning).Message, StringComparison.Ordinal);
        Assert.InRange(pauses[0], TimeSpan.FromSeconds(0.5), TimeSpan.FromSeconds(1));
        Assert.InRange(pauses[5], TimeSpan.FromSeconds(7.5), TimeSpan.FromSeconds(15));
    }

    public static TheoryData<string> Broken => ["empty chain", "other key", "no key", "other root", "no bundle", "other id", "bytes behind", "expired", "bad federated", "CA as leaf"];

    [Theory]
    [MemberData(nameof(Broken))]
    public async Task Answer_that_is_broken_changes_nothing(string how)
    {
        await using var agent = await FakeWorkloadApi.StartAsync();
        agent.Given.Set(FakeWorkloadApi.Svid(_ca.Issue("shop", "catalog")));
        await using var run = Start(agent.Address, _time);
        var good = await run.Source.GetAsync(TestEnd);
        var failed = run.NextFailure();

        agent.Given.Set(Break(how));

        Assert.Equal(IdentityError.BadAnswer, (await failed).Error!.Error);
        Assert.Same(good, run.Source.Current);
        Assert.Equal(IdentityState.Stale, run.Source.Status.State);
    }

    private X509SVIDResponse Break(string how)
    {
        var identity = how switch
        {
            "expired" => _ca.Issue("shop", "catalog", TimeSpan.FromMinutes(-1)),
            "CA as leaf" => _ca.Issue(new TestLeaf { Uris = ["spiffe://example.org/ns/shop/sa/catalog"], IsAuthority = true }, SpiffeId.Parse("spiffe://example.org/ns/shop/sa/catalog")),
            _ => _ca.Issue("shop", "catalog"),
        };
        var svid = FakeWorkloadApi.Svid(identity);
        var answer = new X509SVIDResponse { Svids = { svid } };
        switch (how)
        {
            case "empty chain": svid.X509Svid = ByteString.Empty; break;
            case "other key": svid.X509SvidKey = FakeWorkloadApi.Svid(_ca.Issue("shop", "catalog")).X509SvidKey; break;
            case "no key": svid.X509SvidKey = ByteString.CopyFromUtf8("key"); break;
            case "other root": svid.Bundle = FakeWorkloadApi.Join(TestCa.Create("example.org").Bundle.Authorities); break;
            case "no bundle": svid.Bundle = ByteString.Empty; break;
            case "other id": svid.SpiffeId = "spiffe://example.org/ns/shop/sa/pricing"; break;
            case "bytes behind": svid.X509Svid = ByteString.CopyFrom([.. svid.X509Svid, 1, 2, 3]); break;
            case "bad federated": answer.FederatedBundles["https://friend.test"] = svid.Bundle; break;
            default: break;
        }

        return answer;
    }

    private static SourceRun<WorkloadApiSource> Start(string address, TimeProvider time, string hint = "")
    {
        Assert.True(WorkloadApiAddress.TryParse(address, out var parsed, out var error), error);
        return new SourceRun<WorkloadApiSource>(logger => new WorkloadApiSource(new WorkloadApiSettings { Address = parsed, Hint = hint }, time, logger));
    }
}
