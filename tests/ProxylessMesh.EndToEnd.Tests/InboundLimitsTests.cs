using System.Net;
using Microsoft.AspNetCore.Builder;

namespace ProxylessMesh.EndToEnd.Tests;

/// <summary>What a workload takes at once and from whom, from the manifest to the answer.</summary>
public sealed class InboundLimitsTests
{
    private static CancellationToken TestEnd => TestContext.Current.CancellationToken;

    [Fact(Timeout = TestMesh.TimeLimit)]
    public async Task Each_caller_has_its_own_tokens_and_hears_when_to_come_back()
    {
        await using var mesh = await TestMesh.StartAsync();
        await mesh.StartServerAsync("server", static app => app.MapGet("/", static () => "here"));
        var storefront = (await mesh.StartClientAsync("storefront")).CreateClient();
        var batch = (await mesh.StartClientAsync("batch")).CreateClient();
        await Eventually.Async(() => storefront.GetStringAsync("/", TestEnd), TestEnd);

        await LimitAsync(mesh, "rateLimit: { perCaller: { calls: 1, per: 1h }, callers: [{ principal: '*/sa/batch', calls: 3, per: 1h }] }");
        await Eventually.TrueAsync(async () => await StatusAsync(storefront) == HttpStatusCode.TooManyRequests, TestEnd);

        Assert.Equal(HttpStatusCode.OK, await StatusAsync(batch));
        Assert.Equal(HttpStatusCode.OK, await StatusAsync(batch));
        Assert.Equal(HttpStatusCode.OK, await StatusAsync(batch));
        using var refused = await batch.GetAsync("/", TestEnd);
        Assert.Equal(HttpStatusCode.TooManyRequests, refused.StatusCode);
        Assert.InRange(refused.Headers.RetryAfter!.Delta!.Value, TimeSpan.FromSeconds(1), TimeSpan.FromHours(1));
    }

    [Fact(Timeout = TestMesh.TimeLimit)]
    public async Task Only_so_many_calls_run_at_once()
    {
        using var arrived = new SemaphoreSlim(0);
        using var gate = new SemaphoreSlim(0);
        await using var mesh = await TestMesh.StartAsync();
        await mesh.StartServerAsync("server", app =>
        {
            app.MapGet("/", static () => "here");
            app.MapGet("/slow", async (CancellationToken cancellationToken) =>
            {
                arrived.Release();
                await gate.WaitAsync(cancellationToken);
                return "slow";
            });
        });
        var client = (await mesh.StartClientAsync()).CreateClient();
        await Eventually.Async(() => client.GetStringAsync("/", TestEnd), TestEnd);
        var slow = client.GetStringAsync("/slow", TestEnd);
        await arrived.WaitAsync(TestEnd);

        await LimitAsync(mesh, "maxConcurrentCalls: 1");

        // The call that runs began before the limit, so it does not count: one more has room.
        await Eventually.TrueAsync(
            async () =>
            {
                var second = client.GetAsync("/slow", TestEnd);
                await Task.WhenAny(second, arrived.WaitAsync(TestEnd));
                return second.IsCompleted && (await second).StatusCode == HttpStatusCode.ServiceUnavailable;
            },
            TestEnd);
        Assert.Equal(HttpStatusCode.ServiceUnavailable, await StatusAsync(client));
        gate.Release(1000);
        Assert.Equal("slow", await slow);
        await Eventually.TrueAsync(async () => await StatusAsync(client) == HttpStatusCode.OK, TestEnd);
    }

    private static Task LimitAsync(TestMesh mesh, string spec) => mesh.WriteManifestAsync("limits.yaml", $$"""
        apiVersion: mesh.proxyless.dev/v1alpha1
        kind: InboundLimits
        metadata: { name: server, namespace: test }
        spec: { selector: { matchLabels: { app: server } }, {{spec}} }
        """);

    private static async Task<HttpStatusCode> StatusAsync(HttpClient client)
    {
        using var answer = await client.GetAsync("/", TestEnd);
        return answer.StatusCode;
    }
}
