using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;

namespace ProxylessMesh.EndToEnd.Tests;

public sealed class StayingUpTests
{
    private static CancellationToken TestEnd => TestContext.Current.CancellationToken;

    [Fact(Timeout = TestMesh.TimeLimit)]
    public async Task Two_hundred_applies_under_load_lose_no_call()
    {
        await using var mesh = await TestMesh.StartAsync();
        await mesh.StartServerAsync("server", static app => app.MapMethods("/", ["GET", "POST"], static (HttpContext http) => http.Request.Headers["x-revision"].ToString()));
        await mesh.StartServerAsync("server", static app => app.MapMethods("/", ["GET", "POST"], static (HttpContext http) => http.Request.Headers["x-revision"].ToString()));
        var client = await mesh.StartClientAsync();
        var http = client.CreateClient();
        await Eventually.Async(() => http.GetStringAsync("/", TestEnd), TestEnd);
        var load = Load.Start(http, callers: 4, static () => new HttpRequestMessage(HttpMethod.Post, "/"));

        for (var revision = 1; revision <= 200; revision++)
        {
            await mesh.WriteManifestAsync("route.yaml", Manifests.MarkingRoute(revision));
            await load.MoreCallsAsync(20, TestEnd);
        }

        await Eventually.TrueAsync(async () => await http.GetStringAsync("/", TestEnd) == "200", TestEnd);
        Assert.Empty(await load.StopAsync());
    }

    [Fact(Timeout = TestMesh.TimeLimit)]
    public async Task A_rolling_restart_loses_no_call_POSTs_included()
    {
        await using var mesh = await TestMesh.StartAsync();
        var servers = new Queue<(TestWorkload Workload, CallCount Calls)>();
        servers.Enqueue(await StartAsync());
        servers.Enqueue(await StartAsync());
        var client = await mesh.StartClientAsync();
        var http = client.CreateClient();
        using var first = await Eventually.Async(() => http.PostAsync("/", new StringContent("x"), TestEnd), TestEnd);
        var load = Load.Start(http, callers: 8, static () => new HttpRequestMessage(HttpMethod.Post, "/") { Content = new StringContent("order") });

        for (var restart = 0; restart < 4; restart++)
        {
            // As an orchestrator does: the next one serves before the old one stops.
            var next = await StartAsync();
            await Eventually.TrueAsync(() => Task.FromResult(next.Calls.Value > 0), TestEnd);
            servers.Enqueue(next);
            await servers.Dequeue().Workload.DisposeAsync();
        }

        await load.MoreCallsAsync(50, TestEnd);
        Assert.Empty(await load.StopAsync());

        async Task<(TestWorkload Workload, CallCount Calls)> StartAsync()
        {
            var calls = new CallCount();
            return (await mesh.StartServerAsync("server", app => app.MapPost("/", calls.Count)), calls);
        }
    }

    [Fact(Timeout = TestMesh.TimeLimit)]
    public async Task Calls_go_on_while_the_control_plane_is_away_and_changes_arrive_when_it_is_back()
    {
        await using var mesh = await TestMesh.StartAsync();
        await mesh.StartServerAsync("server", static app => app.MapGet("/", static (HttpContext http) => http.Request.Headers["x-revision"].ToString()));
        var client = await mesh.StartClientAsync();
        var http = client.CreateClient();
        await Eventually.Async(() => http.GetStringAsync("/", TestEnd), TestEnd);
        var load = Load.Start(http, callers: 4, static () => new HttpRequestMessage(HttpMethod.Get, "/"));

        await mesh.StopControlPlaneAsync();
        await load.MoreCallsAsync(200, TestEnd);
        await mesh.WriteManifestAsync("route.yaml", Manifests.MarkingRoute(7));
        await mesh.StartControlPlaneAsync();

        await Eventually.TrueAsync(async () => await http.GetStringAsync("/", TestEnd) == "7", TestEnd);
        Assert.Empty(await load.StopAsync());
    }

    [Fact(Timeout = TestMesh.TimeLimit)]
    public async Task A_bad_manifest_changes_nothing_that_is_in_force()
    {
        await using var mesh = await TestMesh.StartAsync();
        await mesh.StartServerAsync("server", static app => app.MapGet("/", static (HttpContext http) => http.Request.Headers["x-revision"].ToString()));
        var client = await mesh.StartClientAsync();
        var http = client.CreateClient();
        await mesh.WriteManifestAsync("route.yaml", Manifests.MarkingRoute(1));
        await Eventually.TrueAsync(async () => await http.GetStringAsync("/", TestEnd) == "1", TestEnd);

        await mesh.WriteManifestAsync("route.yaml", Manifests.MarkingRoute(2).Replace("RequestHeaderModifier", "RequestHeaderModifer", StringComparison.Ordinal));
        await mesh.Logs.WaitForAsync("RequestHeaderModifer", TestEnd);
        Assert.Equal("1", await http.GetStringAsync("/", TestEnd));

        await mesh.WriteManifestAsync("route.yaml", Manifests.MarkingRoute(3));
        await Eventually.TrueAsync(async () => await http.GetStringAsync("/", TestEnd) == "3", TestEnd);
    }

    private sealed class CallCount
    {
        private int _value;

        public int Value => Volatile.Read(ref _value);

        public string Count()
        {
            Interlocked.Increment(ref _value);
            return "ok";
        }
    }
}
