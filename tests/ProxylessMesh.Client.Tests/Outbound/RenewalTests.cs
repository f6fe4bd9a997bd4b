using System.Collections.Concurrent;
using Microsoft.AspNetCore.Connections.Features;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Time.Testing;
using ProxylessMesh.Client.Outbound;
using ProxylessMesh.Spiffe;
using ProxylessMesh.TestSupport;
using ProxylessMesh.Xds.Matching;
using ProxylessMesh.Xds.Resources;

namespace ProxylessMesh.Client.Tests.Outbound;

/// <summary>New calls use no connection that is older than the identity in force, its bundles, or a certificate that it was made with.</summary>
public sealed class RenewalTests
{
    private static readonly Uri Catalog = new("http://catalog/");

    private readonly TestCa _ca = TestCa.Create();
    private readonly ConcurrentDictionary<string, TaskCompletionSource> _closed = new();

    private static CancellationToken TestEnd => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Next_call_after_a_rotation_has_a_new_connection_and_a_running_one_ends_by_itself()
    {
        var goOn = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        await using var backend = await StartAsync(async http =>
        {
            await http.Response.WriteAsync(http.Connection.Id);
            await http.Response.Body.FlushAsync();
            if (http.Request.Path == "/long")
            {
                await goOn.Task;
                await http.Response.WriteAsync(" to the end");
            }
        });
        var identities = new TestIdentitySource(_ca.Issue("shop", "storefront"));
        await using var mesh = Mesh(identities, backend);
        using var client = mesh.Client();
        var first = await client.GetStringAsync(Catalog, TestEnd);
        using var running = await client.GetAsync(new Uri(Catalog, "/long"), HttpCompletionOption.ResponseHeadersRead, TestEnd);
        Assert.Equal(first, await client.GetStringAsync(Catalog, TestEnd));

        identities.Set(_ca.Issue("shop", "storefront"));

        var second = await client.GetStringAsync(Catalog, TestEnd);
        Assert.NotEqual(first, second);
        Assert.Equal(second, await client.GetStringAsync(Catalog, TestEnd));
        goOn.SetResult();
        Assert.Equal(first + " to the end", await running.Content.ReadAsStringAsync(TestEnd));
    }

    [Fact]
    public async Task Connection_that_a_rotation_left_behind_is_closed_after_a_while()
    {
        var time = new FakeTimeProvider(TimeProvider.System.GetUtcNow());
        await using var backend = await StartAsync(ConnectionId);
        var identities = new TestIdentitySource(_ca.Issue("shop", "storefront"));
        await using var mesh = Mesh(identities, backend, time);
        using var client = mesh.Client();
        var first = await client.GetStringAsync(Catalog, TestEnd);
        identities.Set(_ca.Issue("shop", "storefront"));
        await client.GetStringAsync(Catalog, TestEnd);
        Assert.False(_closed[first].Task.IsCompleted);

        time.Advance(RenewingHandler.Grace);

        await _closed[first].Task.WaitAsync(TestEnd);
    }

    [Fact]
    public async Task Peer_whose_root_has_gone_gets_no_further_call()
    {
        var calls = 0;
        await using var backend = await StartAsync(http =>
        {
            Interlocked.Increment(ref calls);
            return ConnectionId(http);
        });
        var identity = _ca.Issue("shop", "storefront");
        var identities = new TestIdentitySource(identity);
        await using var mesh = Mesh(identities, backend);
        using var client = mesh.Client();
        await client.GetStringAsync(Catalog, TestEnd);

        // The certificate stays: bundles change without it.
        identities.Set(new WorkloadIdentity(identity.Id, identity.Leaf, [], TestCa.Create().Bundles));

        var error = await Assert.ThrowsAsync<MeshException>(() => client.GetAsync(Catalog, TestEnd));
        Assert.Equal(MeshError.PeerRefused, error.Error);
        Assert.Equal(1, calls);
    }

    [Fact]
    public async Task Peer_that_the_cluster_no_longer_expects_gets_no_further_call()
    {
        var calls = 0;
        await using var backend = await StartAsync(http =>
        {
            Interlocked.Increment(ref calls);
            return ConnectionId(http);
        });
        await using var mesh = Mesh(new TestIdentitySource(_ca.Issue("shop", "storefront")), backend);
        using var client = mesh.Client();
        await client.GetStringAsync(Catalog, TestEnd);

        mesh.Xds.Publish(Configs.Host("catalog", Configs.Forward("catalog"), Cluster("spiffe://mesh.local/ns/shop/sa/pricing", backend)));

        var error = await Assert.ThrowsAsync<MeshException>(() => client.GetAsync(Catalog, TestEnd));
        Assert.Equal(MeshError.PeerRefused, error.Error);
        Assert.Contains("whom this connection does not expect", error.Message, StringComparison.Ordinal);
        Assert.Equal(1, calls);
    }

    [Theory]
    [InlineData(60, 20)]
    [InlineData(20, 60)]
    public async Task Connection_takes_no_call_when_the_certificate_of_either_side_ends(int ourMinutes, int theirMinutes)
    {
        var time = new FakeTimeProvider(TimeProvider.System.GetUtcNow());
        var theirs = _ca.Issue("shop", "catalog", TimeSpan.FromMinutes(theirMinutes));
        var ours = _ca.Issue("shop", "storefront", TimeSpan.FromMinutes(ourMinutes));
        var end = ours.ExpiresAt < theirs.ExpiresAt ? ours.ExpiresAt : theirs.ExpiresAt;
        await using var backend = await TestBackend.StartAsync(ConnectionId, new TestIdentitySource(theirs));
        await using var mesh = Mesh(new TestIdentitySource(ours), backend, time);
        using var client = mesh.Client();
        var first = await client.GetStringAsync(Catalog, TestEnd);

        time.Advance(end - time.GetUtcNow() - TimeSpan.FromSeconds(40));
        Assert.Equal(first, await client.GetStringAsync(Catalog, TestEnd));
        time.Advance(TimeSpan.FromSeconds(15));

        Assert.NotEqual(first, await client.GetStringAsync(Catalog, TestEnd));
    }

    [Fact]
    public async Task Certificate_that_has_ended_is_not_shown()
    {
        await using var backend = await StartAsync(ConnectionId);
        await using var mesh = Mesh(new TestIdentitySource(_ca.Issue("shop", "storefront", TimeSpan.FromMinutes(-1))), backend);
        using var client = mesh.Client();

        var error = await Assert.ThrowsAsync<MeshException>(() => client.GetAsync(Catalog, TestEnd));

        Assert.Equal(MeshError.NoIdentity, error.Error);
        Assert.Contains("was not renewed", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task No_call_is_lost_while_identities_rotate()
    {
        await using var backend = await StartAsync(ConnectionId);
        var identities = new TestIdentitySource(_ca.Issue("shop", "storefront"));
        await using var mesh = Mesh(identities, backend);
        using var client = mesh.Client();
        WorkloadIdentity[] rotations = [.. Enumerable.Range(0, 20).Select(_ => _ca.Issue("shop", "storefront"))];
        using var done = CancellationTokenSource.CreateLinkedTokenSource(TestEnd);

        var callers = Enumerable.Range(0, 4).Select(async _ =>
        {
            var answered = 0;
            while (!done.IsCancellationRequested)
            {
                await client.GetStringAsync(Catalog, TestEnd);
                answered++;
            }

            return answered;
        }).ToArray();
        foreach (var rotation in rotations)
        {
            var before = await client.GetStringAsync(Catalog, TestEnd);
            identities.Set(rotation);
            Assert.NotEqual(before, await client.GetStringAsync(Catalog, TestEnd));
        }

        await done.CancelAsync();
        Assert.All(await Task.WhenAll(callers), static answered => Assert.True(answered > 0));
    }

    private static TestMesh Mesh(TestIdentitySource identities, TestBackend backend, TimeProvider? time = null)
    {
        var mesh = new TestMesh(identities, time);
        mesh.Xds.Publish(Configs.Host("catalog", Configs.Forward("catalog"), Cluster("spiffe://mesh.local/ns/shop/sa/catalog", backend)));
        return mesh;
    }

    private static Xds.ClusterState Cluster(string peer, TestBackend backend) => Configs.Cluster(
        new ClusterConfig
        {
            Name = "catalog",
            Http2 = true,
            Tls = new UpstreamTlsConfig { IdentityProvider = "default", RootProvider = "default", PeerNames = [StringMatcher.Exact(peer)] },
        },
        backend.Address);

    private Task<TestBackend> StartAsync(RequestDelegate respond) => TestBackend.StartAsync(respond, new TestIdentitySource(_ca.Issue("shop", "catalog")));

    private Task ConnectionId(HttpContext http)
    {
        var id = http.Connection.Id;
        if (_closed.TryAdd(id, new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously)))
        {
            http.Features.Get<IConnectionLifetimeFeature>()!.ConnectionClosed.Register(() => _closed[id].TrySetResult());
        }

        return http.Response.WriteAsync(id);
    }
}
