using System.Net;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;

namespace ProxylessMesh.EndToEnd.Tests;

/// <summary>Retries, timeouts and circuit breakers, from the manifest to the server that fails.</summary>
public sealed class ResilienceTests
{
    private static CancellationToken TestEnd => TestContext.Current.CancellationToken;

    [Fact(Timeout = TestMesh.TimeLimit)]
    public async Task Retries_absorb_a_server_that_fails_every_other_call_and_no_attempts_repeat_nothing()
    {
        var calls = 0;
        await using var mesh = await TestMesh.StartAsync();
        await RouteAsync(mesh, 1, "retries: { attempts: 2, retryOn: '503' }");
        await mesh.StartServerAsync("server", app =>
        {
            app.MapGet("/", static () => "here");
            app.MapGet("/shaky", () => Interlocked.Increment(ref calls) % 2 == 1 ? Results.StatusCode(503) : Results.Text("absorbed"));
        });
        var client = (await mesh.StartClientAsync()).CreateClient();
        await InForceAsync(client, 1);

        for (var i = 0; i < 10; i++)
        {
            Assert.Equal("absorbed", await client.GetStringAsync("/shaky", TestEnd));
        }

        Assert.Equal(20, calls);
        await RouteAsync(mesh, 2, "retries: { attempts: 0 }");
        await InForceAsync(client, 2);
        using var failed = await client.GetAsync("/shaky", TestEnd);
        Assert.Equal((HttpStatusCode.ServiceUnavailable, 21), (failed.StatusCode, calls));
    }

    [Fact(Timeout = TestMesh.TimeLimit)]
    public async Task The_timeout_of_a_route_ends_a_call()
    {
        using var gate = new SemaphoreSlim(0);
        await using var mesh = await TestMesh.StartAsync();
        await RouteAsync(mesh, 1, "timeout: 200ms");
        await mesh.StartServerAsync("server", app => MapSlow(app, gate));
        var client = (await mesh.StartClientAsync()).CreateClient();
        await InForceAsync(client, 1);

        // Without the timeout this waits for ever: nobody opens the gate.
        var error = await Assert.ThrowsAsync<MeshException>(() => client.GetStringAsync("/slow", TestEnd));

        Assert.Equal(MeshError.DeadlineExceeded, error.Error);
    }

    [Fact(Timeout = TestMesh.TimeLimit)]
    public async Task A_call_above_the_limit_of_a_destination_is_refused()
    {
        using var arrived = new SemaphoreSlim(0);
        using var gate = new SemaphoreSlim(0);
        await using var mesh = await TestMesh.StartAsync();
        await RouteAsync(mesh, 1, "retries: { attempts: 0 }");
        await mesh.WriteManifestAsync("rule.yaml", """
            apiVersion: networking.istio.io/v1
            kind: DestinationRule
            metadata: { name: server, namespace: test }
            spec: { host: server, trafficPolicy: { connectionPool: { http: { http2MaxRequests: 1 } } } }
            """);
        await mesh.StartServerAsync("server", app => MapSlow(app, gate, arrived));
        var client = (await mesh.StartClientAsync()).CreateClient();
        await InForceAsync(client, 1);
        var running = new List<Task<string>>();
        MeshException? refused = null;

        // Calls that are let in before the rule is in force stay where they are: they count.
        while (refused is null)
        {
            var call = client.GetStringAsync("/slow", TestEnd);
            await Task.WhenAny(call, arrived.WaitAsync(TestEnd));
            if (call.IsCompleted)
            {
                refused = await Assert.ThrowsAsync<MeshException>(() => call);
            }
            else
            {
                running.Add(call);
            }
        }

        Assert.Equal(MeshError.CircuitBreakerOpen, refused.Error);
        gate.Release(running.Count);
        Assert.All(await Task.WhenAll(running), static answer => Assert.Equal("slow", answer));
        Assert.Equal("here", await client.GetStringAsync("/", TestEnd));
    }

    private static void MapSlow(WebApplication app, SemaphoreSlim gate, SemaphoreSlim? arrived = null)
    {
        app.MapGet("/", static () => "here");
        app.MapGet("/slow", async (CancellationToken cancellationToken) =>
        {
            arrived?.Release();
            await gate.WaitAsync(cancellationToken);
            return "slow";
        });
    }

    private static Task RouteAsync(TestMesh mesh, int revision, string spec) => mesh.WriteManifestAsync("route.yaml", $$"""
        apiVersion: networking.istio.io/v1
        kind: VirtualService
        metadata: { name: server, namespace: test }
        spec: { hosts: [server], http: [{ {{spec}}, headers: { response: { set: { x-in-force: "{{revision}}" } } }, route: [{ destination: { host: server } }] }] }
        """);

    // The answer says which revision of the file it went by.
    private static Task InForceAsync(HttpClient client, int revision) => Eventually.TrueAsync(
        async () =>
        {
            using var answer = await client.GetAsync("/", TestEnd);
            return answer.IsSuccessStatusCode && answer.Headers.TryGetValues("x-in-force", out var values) && values.Single() == $"{revision}";
        },
        TestEnd);
}
