using Microsoft.AspNetCore.Builder;

namespace ProxylessMesh.EndToEnd.Tests;

/// <summary>What only a MeshTrafficPolicy can say, from the manifest to the call.</summary>
public sealed class TrafficPolicyTests
{
    private static CancellationToken TestEnd => TestContext.Current.CancellationToken;

    [Fact(Timeout = TestMesh.TimeLimit)]
    public async Task Servers_report_their_load_where_callers_weigh_by_it_and_nowhere_else()
    {
        await using var mesh = await TestMesh.StartAsync();
        await mesh.StartServerAsync("server", static app => app.MapGet("/", static () => "here"));
        await mesh.StartServerAsync("other", static app => app.MapGet("/", static () => "here"));
        var client = (await mesh.StartClientAsync()).CreateClient();
        await Eventually.Async(() => client.GetStringAsync("/", TestEnd), TestEnd);
        Assert.Null(await ReportAsync(client, "http://server/"));

        await PolicyAsync(mesh, "loadBalancer: { weightedRoundRobin: {} }");

        await Eventually.TrueAsync(async () => await ReportAsync(client, "http://server/") is not null, TestEnd);
        Assert.StartsWith("TEXT cpu_utilization=", await ReportAsync(client, "http://server/"), StringComparison.Ordinal);
        Assert.Null(await Eventually.Async(() => ReportAsync(client, "http://other/"), TestEnd));
    }

    [Fact(Timeout = TestMesh.TimeLimit)]
    public async Task A_slow_call_is_overtaken_by_another_attempt()
    {
        using var gate = new SemaphoreSlim(0);
        var calls = 0;
        await using var mesh = await TestMesh.StartAsync();
        await PolicyAsync(mesh, "hedging: { maxAttempts: 2, delay: 20ms }");
        await mesh.StartServerAsync("server", app =>
        {
            app.MapGet("/", static () => "here");
            app.MapGet("/slow", async (CancellationToken cancellationToken) =>
            {
                if (Interlocked.Increment(ref calls) % 2 == 1)
                {
                    await gate.WaitAsync(cancellationToken);
                }

                return "overtaken";
            });
        });
        var client = (await mesh.StartClientAsync()).CreateClient();
        await Eventually.TrueAsync(
            async () =>
            {
                using var answer = await client.GetAsync("/", TestEnd);
                return answer.Headers.Contains("x-in-force");
            },
            TestEnd);

        // Without a second attempt this waits for ever: the first is held.
        Assert.Equal("overtaken", await client.GetStringAsync("/slow", TestEnd));
        Assert.Equal(2, calls);
    }

    private static Task PolicyAsync(TestMesh mesh, string spec) => mesh.WriteManifestAsync("policy.yaml", $$"""
        apiVersion: mesh.proxyless.dev/v1alpha1
        kind: MeshTrafficPolicy
        metadata: { name: server, namespace: test }
        spec: { targetRef: { kind: Service, name: server }, {{spec}} }
        ---
        apiVersion: networking.istio.io/v1
        kind: VirtualService
        metadata: { name: server, namespace: test }
        spec: { hosts: [server], http: [{ headers: { response: { set: { x-in-force: "yes" } } }, route: [{ destination: { host: server } }] }] }
        """);

    private static async Task<string?> ReportAsync(HttpClient client, string url)
    {
        using var answer = await client.GetAsync(new Uri(url), TestEnd);
        answer.EnsureSuccessStatusCode();
        return answer.Headers.TryGetValues("endpoint-load-metrics", out var values) ? string.Join(',', values) : null;
    }
}
