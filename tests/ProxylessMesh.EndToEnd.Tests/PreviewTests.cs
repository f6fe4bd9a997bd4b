using System.Text.Json;
using Microsoft.AspNetCore.Builder;

namespace ProxylessMesh.EndToEnd.Tests;

/// <summary><c>mesh preview</c> and <c>mesh migrate</c> as processes: what real calls were, and what a change would make of them.</summary>
public sealed class PreviewTests
{
    private static CancellationToken TestEnd => TestContext.Current.CancellationToken;

    [Fact(Timeout = TestMesh.TimeLimit)]
    public async Task Preview_names_the_calls_that_a_policy_would_deny_and_changes_nothing()
    {
        await using var mesh = await StartAsync();
        using var folder = new TemporaryFolder();
        var deny = folder.Write("deny.yaml", Policy("DENY", """from: [{ source: { principals: ["*/sa/batch"] } }], to: [{ operation: { paths: ["/items/*"] } }]"""));

        var result = await MeshCommand.RunAsync(mesh, "preview", "-f", deny, "-o", "json");

        Assert.Equal((1, ""), (result.ExitCode, result.Error));
        var denied = Assert.Single(result.Json.GetProperty("denied").EnumerateArray().ToList());
        Assert.Equal("server.test.svc.cluster.local", Text(denied, "destination"));
        Assert.Equal("spiffe://mesh.local/ns/test/sa/batch", Text(denied, "caller"));
        Assert.Equal(("GET", "/items/7", "/items/{id}", "ns[test]-policy[preview]-rule[0]"), (Text(denied, "method"), Text(denied, "path"), Text(denied, "endpoint"), Text(denied, "policy")));
        Assert.Equal(3, denied.GetProperty("count").GetInt32());
        Assert.Empty(result.Json.GetProperty("cannotTell").EnumerateArray());
        Assert.DoesNotContain("secret", result.Output, StringComparison.Ordinal);
        Assert.Empty((await MeshCommand.RunAsync(mesh, "get", "-o", "json")).Json.GetProperty("files").EnumerateArray());

        var table = await MeshCommand.RunAsync(mesh, "preview", "-f", deny, "--window", "10m");
        Assert.Equal(1, table.ExitCode);
        Assert.Contains("3 would be denied", table.Output, StringComparison.Ordinal);
        Assert.Contains("/items/{id}", table.Output, StringComparison.Ordinal);
    }

    [Fact(Timeout = TestMesh.TimeLimit)]
    public async Task Preview_tells_what_it_cannot_and_what_is_harmless()
    {
        await using var mesh = await StartAsync();
        using var folder = new TemporaryFolder();
        var harmless = folder.Write("harmless.yaml", Policy("DENY", """from: [{ source: { principals: ["*/sa/intruder"] } }]"""));
        var header = folder.Write("header.yaml", Policy("DENY", """from: [{ source: { principals: ["*/sa/batch"] } }], when: [{ key: "request.headers[x-tenant]", values: ["a"] }]"""));
        var allow = folder.Write("allow.yaml", Policy("ALLOW", """from: [{ source: { principals: ["*/sa/batch"] } }]"""));

        var nothing = await MeshCommand.RunAsync(mesh, "preview", "-f", harmless, "-o", "yaml");
        var open = await MeshCommand.RunAsync(mesh, "preview", "-f", header, "-o", "json");
        var others = await MeshCommand.RunAsync(mesh, "preview", "-f", allow, "-o", "json");

        Assert.True(nothing.ExitCode == 0, nothing.ToString());
        Assert.Contains("isHarmless: true", nothing.Output, StringComparison.Ordinal);
        Assert.Equal(1, open.ExitCode);
        var unknown = Assert.Single(open.Json.GetProperty("cannotTell").EnumerateArray().ToList());
        Assert.Equal(("header x-tenant", 3), (Text(unknown, "missing"), unknown.GetProperty("count").GetInt32()));
        Assert.Equal(1, others.ExitCode);
        Assert.Equal(["", "spiffe://mesh.local/ns/test/sa/client"], others.Json.GetProperty("denied").EnumerateArray().Select(static call => call.GetProperty("meshTls").GetBoolean() ? Text(call, "caller") : "").Distinct().Order());
    }

    [Fact(Timeout = TestMesh.TimeLimit)]
    public async Task Preview_of_a_deletion_tells_what_would_be_allowed()
    {
        await using var mesh = await StartAsync();
        await mesh.WriteManifestAsync("policy.yaml", Policy("DENY", """to: [{ operation: { paths: ["/items/*"] } }]"""));
        var client = (await mesh.StartClientAsync("late")).CreateClient();
        await Eventually.TrueAsync(
            async () =>
            {
                using var answer = await client.GetAsync("/items/8", TestEnd);
                return answer.StatusCode == System.Net.HttpStatusCode.Forbidden;
            },
            TestEnd);

        var result = await MeshCommand.RunAsync(mesh, "preview", "--delete", "AuthorizationPolicy/test/preview", "-o", "json");

        Assert.True(result.ExitCode == 0, result.ToString());
        Assert.Contains(result.Json.GetProperty("allowed").EnumerateArray(), static call => Text(call, "caller").EndsWith("/sa/late", StringComparison.Ordinal) && Text(call, "path") == "/items/8");
    }

    [Fact(Timeout = TestMesh.TimeLimit)]
    public async Task STRICT_is_previewed_and_the_migration_report_names_who_is_not_ready()
    {
        await using var mesh = await StartAsync();
        using var folder = new TemporaryFolder();
        var strict = folder.Write("strict.yaml", Strict);

        var preview = await MeshCommand.RunAsync(mesh, "preview", "-f", strict, "-o", "json");
        var before = await MeshCommand.RunAsync(mesh, "migrate", "-n", "test", "-o", "json");
        var table = await MeshCommand.RunAsync(mesh, "migrate");

        Assert.Equal(1, preview.ExitCode);
        var denied = Assert.Single(preview.Json.GetProperty("denied").EnumerateArray().ToList());
        Assert.Equal((false, "127.0.0.1", "PeerAuthentication", 2), (denied.GetProperty("meshTls").GetBoolean(), Text(denied, "caller"), Text(denied, "policy"), denied.GetProperty("count").GetInt32()));
        Assert.Equal(1, before.ExitCode);
        var destination = Assert.Single(before.Json.GetProperty("destinations").EnumerateArray().ToList());
        Assert.Equal(("PERMISSIVE", "would break callers"), (Text(destination, "mode"), Text(destination, "strict")));
        Assert.Equal(2, Assert.Single(destination.GetProperty("callers").EnumerateArray().ToList()).GetProperty("calls").GetInt32());
        Assert.Contains("127.0.0.1", table.Output, StringComparison.Ordinal);

        Assert.Equal(0, (await MeshCommand.RunAsync(mesh, "apply", "-f", strict)).ExitCode);
        var after = await MeshCommand.RunAsync(mesh, "migrate", "-o", "json");
        Assert.True(after.ExitCode == 0, after.ToString());
        Assert.Equal("in force", Text(Assert.Single(after.Json.GetProperty("destinations").EnumerateArray().ToList()), "strict"));
        Assert.Equal(0, (await MeshCommand.RunAsync(mesh, "migrate", "-n", "elsewhere")).ExitCode);
    }

    [Fact(Timeout = TestMesh.TimeLimit)]
    public async Task Wrong_questions_and_a_control_plane_that_is_away_have_exit_codes_of_their_own()
    {
        await using var mesh = await TestMesh.StartAsync();

        Assert.Equal(2, (await MeshCommand.RunAsync(mesh, "preview")).ExitCode);
        Assert.Equal(2, (await MeshCommand.RunAsync(mesh, "preview", "--delete", "a/b/c", "--window", "2h")).ExitCode);
        var unknown = await MeshCommand.RunAsync(mesh, "preview", "--delete", "AuthorizationPolicy/test/none");
        Assert.Equal(1, unknown.ExitCode);
        Assert.Contains("AuthorizationPolicy/test/none", unknown.Error, StringComparison.Ordinal);
        await mesh.StopControlPlaneAsync();
        Assert.Equal(3, (await MeshCommand.RunAsync(mesh, "migrate")).ExitCode);
    }

    private const string Strict = """
        apiVersion: security.istio.io/v1
        kind: PeerAuthentication
        metadata: { name: default, namespace: test }
        spec: { mtls: { mode: STRICT } }
        """;

    private static string Policy(string action, string rule) => $$"""
        apiVersion: security.istio.io/v1
        kind: AuthorizationPolicy
        metadata: { name: preview, namespace: test }
        spec: { action: {{action}}, rules: [{ {{rule}} }] }
        """;

    private static string Text(JsonElement element, string name) => element.GetProperty(name).GetString()!;

    // Three calls of batch to one path, two of client, and two in plaintext of nobody.
    private static async Task<TestMesh> StartAsync()
    {
        var mesh = await TestMesh.StartAsync();
        var server = await mesh.StartServerAsync("server", static app => app.MapGet("/items/{id}", static (string id) => id));
        var batch = (await mesh.StartClientAsync("batch")).CreateClient();
        var client = (await mesh.StartClientAsync()).CreateClient();
        using var plaintext = new HttpClient { BaseAddress = new Uri($"http://{server.Url.Authority}") };
        for (var i = 0; i < 3; i++)
        {
            await Eventually.Async(() => batch.GetStringAsync("/items/7?token=secret", TestEnd), TestEnd);
        }

        for (var i = 0; i < 2; i++)
        {
            await Eventually.Async(() => client.GetStringAsync("/items/7", TestEnd), TestEnd);
            await plaintext.GetStringAsync("/items/7", TestEnd);
        }

        return mesh;
    }
}
