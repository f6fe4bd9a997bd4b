using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Time.Testing;
using ProxylessMesh.Client.Snapshots;
using ProxylessMesh.TestSupport;
using ProxylessMesh.Xds;
using ProxylessMesh.Xds.Client;

namespace ProxylessMesh.Client.Tests.Snapshots;

public sealed class HostTests
{
    private static CancellationToken TestEnd => TestContext.Current.CancellationToken;

    [Fact]
    public async Task First_call_waits_for_its_config_and_goes_on_when_it_comes()
    {
        await using var backend = await TestBackend.StartAsync(static http => http.Response.WriteAsync("found"));
        await using var mesh = new TestMesh();
        using var client = mesh.Client();

        var call = client.GetStringAsync(new Uri("http://catalog:8080/"), TestEnd);
        Assert.Equal("catalog:8080", await mesh.Xds.FirstWatch.Task.WaitAsync(TestEnd));
        Assert.False(call.IsCompleted);
        mesh.Xds.Publish(Configs.Host("catalog:8080", backend.Address));

        Assert.Equal("found", await call);
    }

    [Fact]
    public async Task First_call_gives_up_after_the_config_timeout_and_later_ones_do_not_wait()
    {
        var time = new FakeTimeProvider();
        await using var mesh = new TestMesh(time: time);
        using var client = mesh.Client();

        var call = client.GetAsync(new Uri("http://catalog/"), TestEnd);
        await mesh.Xds.FirstWatch.Task.WaitAsync(TestEnd);
        time.Advance(TimeSpan.FromSeconds(15));

        Assert.Equal(MeshError.ConfigUnavailable, (await Assert.ThrowsAsync<MeshException>(() => call)).Error);
        Assert.Equal(MeshError.ConfigUnavailable, (await Assert.ThrowsAsync<MeshException>(() => client.GetAsync(new Uri("http://catalog/"), TestEnd))).Error);
    }

    [Fact]
    public async Task Unreachable_control_plane_never_turns_into_a_plaintext_call()
    {
        await using var mesh = new TestMesh();
        mesh.Xds.Publish("catalog", new XdsUpdate<XdsConfig>.Failed("connection refused"));
        var untouched = new CountingHandler();
        using var client = new HttpClient(mesh.Services.GetRequiredService<MeshHttpHandlerFactory>().Create(untouched));

        var error = await Assert.ThrowsAsync<MeshException>(() => client.GetAsync(new Uri("http://catalog/"), TestEnd));

        Assert.Equal(MeshError.ConfigUnavailable, error.Error);
        Assert.Contains("connection refused", error.Message, StringComparison.Ordinal);
        Assert.Equal(0, untouched.Calls);
    }

    [Fact]
    public async Task Unknown_host_passes_through_untouched_and_is_asked_for_once()
    {
        await using var mesh = new TestMesh();
        mesh.Xds.Publish("example.test", new XdsUpdate<XdsConfig>.Missing("no such name"));
        var untouched = new CountingHandler();
        using var client = new HttpClient(mesh.Services.GetRequiredService<MeshHttpHandlerFactory>().Create(untouched));

        for (var i = 0; i < 3; i++)
        {
            using var response = await client.GetAsync(new Uri("http://example.test/"), TestEnd);
        }

        Assert.Equal(3, untouched.Calls);
        Assert.Equal("example.test", Assert.Single(mesh.Xds.Watched));
    }

    [Fact]
    public async Task Unknown_host_is_refused_where_that_is_asked_for()
    {
        await using var mesh = new TestMesh(options: static options => options.Outbound.UnknownHosts = UnknownHostPolicy.Refuse);
        mesh.Xds.Publish("example.test", new XdsUpdate<XdsConfig>.Missing("no such name"));
        using var client = mesh.Client();

        var error = await Assert.ThrowsAsync<MeshException>(() => client.GetAsync(new Uri("http://example.test/"), TestEnd));

        Assert.Equal(MeshError.UnknownHost, error.Error);
    }

    [Theory]
    [InlineData("http://127.0.0.1:9/")]
    [InlineData("http://[::1]:9/")]
    [InlineData("http://localhost:9/")]
    [InlineData("http://app.localhost/")]
    public async Task Addresses_and_this_machine_are_never_asked_for(string uri)
    {
        await using var mesh = new TestMesh();
        var untouched = new CountingHandler();
        using var client = new HttpClient(mesh.Services.GetRequiredService<MeshHttpHandlerFactory>().Create(untouched));

        using var response = await client.GetAsync(new Uri(uri), TestEnd);

        Assert.Equal(1, untouched.Calls);
        Assert.Empty(mesh.Xds.Watched);
    }

    [Fact]
    public async Task Name_that_appears_later_is_taken_over_by_the_mesh()
    {
        await using var backend = await TestBackend.StartAsync(static http => http.Response.WriteAsync("mesh"));
        await using var mesh = new TestMesh();
        mesh.Xds.Publish("catalog", new XdsUpdate<XdsConfig>.Missing("no such name"));
        using var client = new HttpClient(mesh.Services.GetRequiredService<MeshHttpHandlerFactory>().Create(new CountingHandler()));
        Assert.Equal("", await client.GetStringAsync(new Uri("http://catalog/"), TestEnd));

        mesh.Xds.Publish(Configs.Host("catalog", backend.Address));

        Assert.Equal("mesh", await client.GetStringAsync(new Uri("http://catalog/"), TestEnd));
    }

    [Fact]
    public async Task Known_host_stays_as_it_is_when_the_control_plane_goes()
    {
        await using var backend = await TestBackend.StartAsync(static http => http.Response.WriteAsync("mesh"));
        await using var mesh = TestMesh.With(Configs.Host("catalog", backend.Address));
        using var client = mesh.Client();
        Assert.Equal("mesh", await client.GetStringAsync(new Uri("http://catalog/"), TestEnd));

        mesh.Xds.Publish("catalog", new XdsUpdate<XdsConfig>.Failed("connection refused"));

        Assert.Equal("mesh", await client.GetStringAsync(new Uri("http://catalog/"), TestEnd));
    }

    [Fact]
    public async Task Host_that_nobody_calls_is_unsubscribed_and_comes_back_with_the_next_call()
    {
        var time = new FakeTimeProvider();
        await using var backend = await TestBackend.StartAsync(static http => http.Response.WriteAsync("mesh"));
        await using var mesh = new TestMesh(time: time);
        mesh.Xds.Publish(Configs.Host("catalog", backend.Address));
        using var client = mesh.Client();
        Assert.Equal("mesh", await client.GetStringAsync(new Uri("http://catalog/"), TestEnd));

        time.Advance(SnapshotSource.IdleInterval);
        Assert.Single(mesh.Xds.Watched);
        time.Advance(SnapshotSource.IdleInterval);
        Assert.Empty(mesh.Xds.Watched);

        Assert.Equal("mesh", await client.GetStringAsync(new Uri("http://catalog/"), TestEnd));
        Assert.Single(mesh.Xds.Watched);
    }

    [Fact]
    public async Task Names_that_are_not_the_meshs_do_not_pile_up()
    {
        await using var mesh = new TestMesh();
        var snapshots = mesh.Services.GetRequiredService<SnapshotSource>();
        for (var i = 0; i < SnapshotSource.MaxHosts + 10; i++)
        {
            mesh.Xds.Publish($"host{i}.test", new XdsUpdate<XdsConfig>.Missing("no such name"));
            snapshots.Find(new HostKey($"host{i}.test", 0));
        }

        Assert.InRange(mesh.Xds.Watched.Count, 1, 20);
        Assert.Equal(mesh.Xds.Watched.Count, snapshots.Hosts.Count);
    }

    private sealed class CountingHandler : HttpMessageHandler
    {
        private int _calls;

        public int Calls => _calls;

        protected override Task<HttpResponseMessage> SendAsync(HttpRequestMessage request, CancellationToken cancellationToken)
        {
            Interlocked.Increment(ref _calls);
            return Task.FromResult(new HttpResponseMessage { RequestMessage = request });
        }
    }
}
