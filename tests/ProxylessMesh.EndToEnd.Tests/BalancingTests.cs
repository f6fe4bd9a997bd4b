using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Time.Testing;

namespace ProxylessMesh.EndToEnd.Tests;

/// <summary>How a service's instances share the calls, from the manifest to the instance that answers.</summary>
public sealed class BalancingTests
{
    private static CancellationToken TestEnd => TestContext.Current.CancellationToken;

    [Theory(Timeout = TestMesh.TimeLimit)]
    [InlineData("ringHash: { minimumRingSize: 1024 }")]
    [InlineData("maglev: { tableSize: 1009 }")]
    public async Task A_hash_of_a_header_keeps_a_user_at_one_instance_and_spreads_the_users(string table)
    {
        await using var mesh = await TestMesh.StartAsync();
        await RuleAsync(mesh, $"loadBalancer: {{ consistentHash: {{ httpHeaderName: x-user, {table} }} }}");
        var client = await StartAsync(mesh, "a", "b", "c");
        var homes = new Dictionary<string, string>();
        for (var user = 0; user < 60; user++)
        {
            homes[$"u-{user}"] = await AskAsync(client, $"u-{user}");
        }

        Assert.Equal(["a", "b", "c"], homes.Values.Distinct().Order());
        foreach (var (user, home) in homes)
        {
            Assert.Equal(home, await AskAsync(client, user));
        }
    }

    [Fact(Timeout = TestMesh.TimeLimit)]
    public async Task Round_robin_asks_one_after_the_other()
    {
        await using var mesh = await TestMesh.StartAsync();
        await RuleAsync(mesh, "loadBalancer: { simple: ROUND_ROBIN }");
        var client = await StartAsync(mesh, "a", "b", "c");

        var answers = await AskAsync(client, times: 30);

        for (var i = 0; i < answers.Count - 2; i += 3)
        {
            Assert.Equal(["a", "b", "c"], answers[i..(i + 3)].Order());
        }
    }

    [Fact(Timeout = TestMesh.TimeLimit)]
    public async Task Random_asks_all_alike()
    {
        await using var mesh = await TestMesh.StartAsync();
        await RuleAsync(mesh, "loadBalancer: { simple: RANDOM }");
        var client = await StartAsync(mesh, "a", "b");

        var answers = await AskAsync(client, times: 400);

        // Half of 400 within six standard deviations of 10: wrong once in 500 million runs. Round robin would alternate.
        Assert.InRange(answers.Count(static answer => answer == "a"), 140, 260);
        Assert.Contains(Enumerable.Range(1, answers.Count - 1), i => answers[i] == answers[i - 1]);
    }

    [Fact(Timeout = TestMesh.TimeLimit)]
    public async Task Pick_first_stays_with_one()
    {
        await using var mesh = await TestMesh.StartAsync();
        await PolicyAsync(mesh, "loadBalancer: { weightedRoundRobin: {} }");
        var client = await StartAsync(mesh, "a", "b");

        // Both are known: in turn, thirty calls in a row would not stay with one.
        await PolicyAsync(mesh, "loadBalancer: { pickFirst: {} }");
        await Eventually.TrueAsync(async () => (await AskAsync(client, times: 30)).Distinct().Count() == 1, TestEnd);
    }

    [Fact(Timeout = TestMesh.TimeLimit)]
    public async Task Peak_latency_keeps_calls_away_from_an_instance_that_was_slow()
    {
        using var gate = new SemaphoreSlim(0);
        await using var mesh = await TestMesh.StartAsync();
        await PolicyAsync(mesh, "loadBalancer: { peakEwma: { decay: 10m } }");
        await mesh.StartServerAsync("server", app =>
        {
            app.MapGet("/", static () => "slow");
            app.MapGet("/work", async (CancellationToken cancellationToken) =>
            {
                await gate.WaitAsync(TimeSpan.FromSeconds(1), cancellationToken);
                return "slow";
            });
        });
        await mesh.StartServerAsync("server", static app => app.MapGet("/{*path}", static () => "quick"));
        var client = (await mesh.StartClientAsync()).CreateClient();

        await InForceAsync(client);

        // Once slow is enough: nothing else takes a second here.
        await Eventually.TrueAsync(async () => await client.GetStringAsync("/work", TestEnd) == "slow", TestEnd);

        Assert.Equal(["quick"], (await AskAsync(client, times: 30)).Distinct());
    }

    [Fact(Timeout = TestMesh.TimeLimit)]
    public async Task Sessions_of_a_policy_stay_with_their_instance()
    {
        await using var mesh = await TestMesh.StartAsync();
        await PolicyAsync(mesh, "sessionAffinity: { header: { name: x-session } }");
        var client = await StartAsync(mesh, "a", "b");
        using var first = await client.GetAsync("/", TestEnd);
        var session = first.Headers.GetValues("x-session").Single();
        var home = await first.Content.ReadAsStringAsync(TestEnd);

        for (var i = 0; i < 20; i++)
        {
            using var request = new HttpRequestMessage(HttpMethod.Get, "/") { Headers = { { "x-session", session } } };
            using var answer = await client.SendAsync(request, TestEnd);
            Assert.Equal(home, await answer.Content.ReadAsStringAsync(TestEnd));
        }

        Assert.Equal(["a", "b"], (await AskAsync(client, times: 20)).Distinct().Order());
    }

    [Fact(Timeout = TestMesh.TimeLimit)]
    public async Task Calls_stay_in_the_callers_region_and_fail_over_to_the_next()
    {
        await using var mesh = await TestMesh.StartAsync();
        await RuleAsync(mesh, "outlierDetection: { maxEjectionPercent: 100 }, loadBalancer: { localityLbSetting: { failover: [{ from: north, to: south }] } }");
        await mesh.StartServerAsync("server", Answering("far"), settings: Region("west"));
        await mesh.StartServerAsync("server", Answering("next"), settings: Region("south"));
        var near = await mesh.StartServerAsync("server", Answering("near"), settings: Region("north"));
        var client = (await mesh.StartClientAsync(settings: Region("north"))).CreateClient();
        await InForceAsync(client);
        await Eventually.TrueAsync(async () => await client.GetStringAsync("/", TestEnd) == "near", TestEnd);

        Assert.Equal(["near"], (await AskAsync(client, times: 30)).Distinct());
        await near.DisposeAsync();
        Assert.Equal(["next"], (await AskAsync(client, times: 30)).Distinct());
    }

    [Fact(Timeout = TestMesh.TimeLimit)]
    public async Task A_subset_is_the_instances_with_its_labels()
    {
        await using var mesh = await TestMesh.StartAsync();
        await mesh.WriteManifestAsync("rule.yaml", """
            apiVersion: networking.istio.io/v1
            kind: DestinationRule
            metadata: { name: server, namespace: test }
            spec: { host: server, subsets: [{ name: new, labels: { version: v2 } }, { name: old, labels: { version: v1 } }] }
            ---
            apiVersion: networking.istio.io/v1
            kind: VirtualService
            metadata: { name: server, namespace: test }
            spec:
              hosts: [server]
              http:
                - match: [{ headers: { x-user: { exact: tester } } }]
                  headers: { response: { set: { x-in-force: "yes" } } }
                  route: [{ destination: { host: server, subset: new } }]
                - headers: { response: { set: { x-in-force: "yes" } } }
                  route: [{ destination: { host: server, subset: old } }]
            """);
        await mesh.StartServerAsync("server", Answering("one"), settings: Version("v1"));
        await mesh.StartServerAsync("server", Answering("two"), settings: Version("v2"));
        var client = (await mesh.StartClientAsync()).CreateClient();
        await InForceAsync(client);
        await Eventually.Async(() => AskAsync(client, "tester"), TestEnd);
        await Eventually.Async(() => AskAsync(client, "other"), TestEnd);

        for (var i = 0; i < 20; i++)
        {
            Assert.Equal("two", await AskAsync(client, "tester"));
            Assert.Equal("one", await AskAsync(client, "other"));
        }
    }

    [Fact(Timeout = TestMesh.TimeLimit)]
    public async Task A_new_instance_gets_its_share_by_and_by()
    {
        var time = new FakeTimeProvider(TimeProvider.System.GetUtcNow());
        await using var mesh = await TestMesh.StartAsync();
        await RuleAsync(mesh, "loadBalancer: { simple: ROUND_ROBIN, warmup: { duration: 10m, minimumPercent: 10, aggression: 1 } }");
        await mesh.StartServerAsync("server", Answering("old"));
        var client = (await mesh.StartClientAsync(services: services => services.AddSingleton<TimeProvider>(time))).CreateClient();
        await InForceAsync(client);
        time.Advance(TimeSpan.FromMinutes(20));
        await mesh.StartServerAsync("server", Answering("new"));
        await Eventually.TrueAsync(async () => await client.GetStringAsync("/", TestEnd) == "new", TestEnd);

        // A tenth of the weight beside a whole one.
        Assert.Equal(20, (await AskAsync(client, times: 220)).Count(static answer => answer == "new"), tolerance: 2);
        time.Advance(TimeSpan.FromMinutes(5));
        Assert.Equal(100, (await AskAsync(client, times: 300)).Count(static answer => answer == "new"), tolerance: 5);
        time.Advance(TimeSpan.FromMinutes(10));
        Assert.Equal(100, (await AskAsync(client, times: 200)).Count(static answer => answer == "new"), tolerance: 2);
    }

    private static async Task<HttpClient> StartAsync(TestMesh mesh, params string[] servers)
    {
        foreach (var name in servers)
        {
            await mesh.StartServerAsync("server", Answering(name));
        }

        var client = (await mesh.StartClientAsync()).CreateClient();

        await InForceAsync(client);

        // Until every instance is known: by any key there is.
        var seen = new HashSet<string>();
        await Eventually.TrueAsync(
            async () =>
            {
                seen.Add(await AskAsync(client, Guid.NewGuid().ToString()));
                return seen.Count == servers.Length;
            },
            TestEnd);
        return client;
    }

    private static Action<WebApplication> Answering(string name) => app => app.MapGet("/{*path}", () => Results.Text(name));

    private static async Task<string> AskAsync(HttpClient client, string user)
    {
        using var request = new HttpRequestMessage(HttpMethod.Get, "/") { Headers = { { "x-user", user } } };
        using var answer = await client.SendAsync(request, TestEnd);
        return await answer.EnsureSuccessStatusCode().Content.ReadAsStringAsync(TestEnd);
    }

    private static async Task<List<string>> AskAsync(HttpClient client, int times)
    {
        var answers = new List<string>(times);
        for (var i = 0; i < times; i++)
        {
            answers.Add(await client.GetStringAsync("/", TestEnd));
        }

        return answers;
    }

    private static Dictionary<string, string?> Region(string region) => new() { ["Mesh:Locality:Region"] = region };

    private static Dictionary<string, string?> Version(string version) => new() { ["Mesh:Version"] = version };

    // What was written is read by a watch of the folder: the route of the same file shows that it has been.
    private static Task InForceAsync(HttpClient client) => Eventually.TrueAsync(
        async () =>
        {
            using var answer = await client.GetAsync("/", TestEnd);
            return answer.Headers.Contains("x-in-force");
        },
        TestEnd);

    private static Task RuleAsync(TestMesh mesh, string trafficPolicy) => mesh.WriteManifestAsync("rule.yaml", $$"""
        apiVersion: networking.istio.io/v1
        kind: DestinationRule
        metadata: { name: server, namespace: test }
        spec: { host: server, trafficPolicy: { {{trafficPolicy}} } }
        ---
        apiVersion: networking.istio.io/v1
        kind: VirtualService
        metadata: { name: server, namespace: test }
        spec: { hosts: [server], http: [{ headers: { response: { set: { x-in-force: "yes" } } }, route: [{ destination: { host: server } }] }] }
        """);

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
}
