using System.Net;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;

namespace ProxylessMesh.EndToEnd.Tests;

/// <summary>Retries, timeouts, limits and instances that are taken out, from the manifest to the server that fails.</summary>
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

    [Fact(Timeout = TestMesh.TimeLimit)]
    public async Task An_attempt_that_takes_too_long_is_followed_by_another()
    {
        using var gate = new SemaphoreSlim(0);
        var stuck = 0;
        await using var mesh = await TestMesh.StartAsync();
        await RouteAsync(mesh, 1, "retries: { attempts: 2, perTryTimeout: 200ms, retryOn: gateway-error }");
        await mesh.StartServerAsync("server", app => app.MapGet("/{*path}", async (string? path, CancellationToken cancellationToken) =>
        {
            if (path == "slow" && Interlocked.Increment(ref stuck) == 1)
            {
                await gate.WaitAsync(cancellationToken);
            }

            return "here";
        }));
        var client = (await mesh.StartClientAsync()).CreateClient();
        await InForceAsync(client, 1);

        // Without a limit for each attempt this waits for ever: the first is held.
        Assert.Equal("here", await client.GetStringAsync("/slow", TestEnd));
        Assert.Equal(2, stuck);
    }

    [Fact(Timeout = TestMesh.TimeLimit)]
    public async Task An_instance_that_fails_is_ejected_and_let_back()
    {
        var failing = 1;
        var failures = 0;
        await using var mesh = await TestMesh.StartAsync();
        await RouteAsync(mesh, 1, "retries: { attempts: 0 }");
        await mesh.WriteManifestAsync("rule.yaml", """
            apiVersion: networking.istio.io/v1
            kind: DestinationRule
            metadata: { name: server, namespace: test }
            spec: { host: server, trafficPolicy: { outlierDetection: { consecutive5xxErrors: 1, interval: 100ms, baseEjectionTime: 1s, maxEjectionPercent: 50 } } }
            """);
        await mesh.StartServerAsync("server", static app => app.MapGet("/{*path}", static () => "good"));
        await mesh.StartServerAsync("server", app => app.MapGet("/{*path}", (string? path) =>
        {
            if (path != "work" || Volatile.Read(ref failing) == 0)
            {
                return Results.Text("bad");
            }

            Interlocked.Increment(ref failures);
            return Results.StatusCode(500);
        }));
        var client = (await mesh.StartClientAsync()).CreateClient();
        await InForceAsync(client, 1);
        await Eventually.TrueAsync(async () => await client.GetStringAsync("/", TestEnd) == "bad", TestEnd);

        // Out: many calls in a row, of which round robin alone would send half to the instance that fails.
        await Eventually.TrueAsync(
            async () =>
            {
                var before = Volatile.Read(ref failures);
                for (var i = 0; i < 20; i++)
                {
                    using var answer = await client.GetAsync("/work", TestEnd);
                }

                return before > 0 && failures == before;
            },
            TestEnd);

        Volatile.Write(ref failing, 0);
        await Eventually.TrueAsync(async () => await client.GetStringAsync("/work", TestEnd) == "bad", TestEnd);
    }

    [Fact(Timeout = TestMesh.TimeLimit)]
    public async Task An_instance_that_says_it_is_not_well_gets_no_calls()
    {
        var well = 1;
        await using var mesh = await TestMesh.StartAsync();
        await RouteAsync(mesh, 1, "retries: { attempts: 0 }");
        await mesh.StartServerAsync("server", static app => app.MapGet("/{*path}", static () => "good"));
        await mesh.StartServerAsync("server", app =>
        {
            app.MapGet("/healthz", () => Volatile.Read(ref well) == 1 ? Results.Ok() : Results.StatusCode(503));
            app.MapGet("/", static () => "sick");
        });
        await mesh.WriteManifestAsync("policy.yaml", """
            apiVersion: mesh.proxyless.dev/v1alpha1
            kind: MeshTrafficPolicy
            metadata: { name: server, namespace: test }
            spec: { targetRef: { kind: Service, name: server }, healthCheck: { http: { path: /healthz }, interval: 100ms, timeout: 1s, unhealthyThreshold: 1, healthyThreshold: 1 } }
            """);
        var client = (await mesh.StartClientAsync()).CreateClient();
        await InForceAsync(client, 1);
        await Eventually.TrueAsync(async () => await client.GetStringAsync("/", TestEnd) == "sick", TestEnd);

        Volatile.Write(ref well, 0);
        await Eventually.TrueAsync(
            async () =>
            {
                var answers = new HashSet<string>();
                for (var i = 0; i < 20; i++)
                {
                    answers.Add(await client.GetStringAsync("/", TestEnd));
                }

                return answers.SetEquals(["good"]);
            },
            TestEnd);

        Volatile.Write(ref well, 1);
        await Eventually.TrueAsync(async () => await client.GetStringAsync("/", TestEnd) == "sick", TestEnd);
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
