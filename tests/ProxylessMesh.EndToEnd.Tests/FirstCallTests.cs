using System.Net;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;

namespace ProxylessMesh.EndToEnd.Tests;

public sealed class FirstCallTests
{
    private static CancellationToken TestEnd => TestContext.Current.CancellationToken;

    [Fact(Timeout = TestMesh.TimeLimit)]
    public async Task A_call_by_name_reaches_the_service_over_mTLS_with_the_callers_identity()
    {
        await using var mesh = await TestMesh.StartAsync();
        await mesh.StartServerAsync("server", static app => app.MapGet("/", static (HttpContext http) => $"{http.Features.Get<IMeshPeerFeature>()?.Id} {http.Request.Protocol} {http.Request.Scheme} {http.Request.Host}"));
        var client = await mesh.StartClientAsync();

        var answer = await Eventually.Async(() => client.CreateClient().GetStringAsync("/", TestEnd), TestEnd);

        Assert.Equal("spiffe://mesh.local/ns/test/sa/client HTTP/2 https server", answer);
    }

    [Theory(Timeout = TestMesh.TimeLimit)]
    [InlineData("http://server")]
    [InlineData("http://server.test")]
    [InlineData("http://server.test.svc")]
    [InlineData("http://server.test.svc.cluster.local")]
    [InlineData("https://server")]
    [InlineData("http://server:8080")]
    public async Task Every_name_of_a_service_works_with_any_port(string address)
    {
        await using var mesh = await TestMesh.StartAsync();
        await mesh.StartServerAsync("server", static app => app.MapGet("/", static () => "here"));
        var client = await mesh.StartClientAsync();

        Assert.Equal("here", await Eventually.Async(() => client.CreateClient(address).GetStringAsync("/", TestEnd), TestEnd));
    }

    [Fact(Timeout = TestMesh.TimeLimit)]
    public async Task A_host_that_the_mesh_does_not_know_is_called_as_if_the_mesh_were_not_there()
    {
        await using var mesh = await TestMesh.StartAsync();
        await using var outside = await TestSupport.TestBackend.StartAsync(static http => http.Response.WriteAsync($"{http.Request.Protocol} {http.Request.Scheme}"));
        var client = await mesh.StartClientAsync();

        Assert.Equal("HTTP/1.1 http", await client.CreateClient($"http://localhost:{outside.Address.Port}").GetStringAsync("/", TestEnd));
    }

    [Fact(Timeout = TestMesh.TimeLimit)]
    public async Task A_service_that_joins_later_is_found_by_clients_that_asked_before()
    {
        await using var mesh = await TestMesh.StartAsync();
        await mesh.StartServerAsync("other", static app => app.MapGet("/", static () => "other"));
        var client = await mesh.StartClientAsync(settings: new() { ["Mesh:Outbound:UnknownHosts"] = "Refuse" });
        var thrown = await Assert.ThrowsAsync<MeshException>(() => client.CreateClient().GetStringAsync("/", TestEnd));
        Assert.Equal(MeshError.UnknownHost, thrown.Error);

        await mesh.StartServerAsync("server", static app => app.MapGet("/", static () => "here"));

        Assert.Equal("here", await Eventually.Async(() => client.CreateClient().GetStringAsync("/", TestEnd), TestEnd));
    }

    [Fact(Timeout = TestMesh.TimeLimit)]
    public async Task Denied_callers_get_403_and_the_log_names_them_and_the_reason()
    {
        await using var mesh = await TestMesh.StartAsync();
        await mesh.WriteManifestAsync("policy.yaml", """
            apiVersion: security.istio.io/v1
            kind: AuthorizationPolicy
            metadata: { name: only-client, namespace: test }
            spec:
              selector: { matchLabels: { app: server } }
              action: ALLOW
              rules: [{ from: [{ source: { principals: [mesh.local/ns/test/sa/client] } }] }]
            """);
        var server = await mesh.StartServerAsync("server", static app => app.MapGet("/", static () => "here"));
        var client = await mesh.StartClientAsync();
        var intruder = await mesh.StartClientAsync("intruder");

        Assert.Equal("here", await Eventually.Async(() => client.CreateClient().GetStringAsync("/", TestEnd), TestEnd));
        await Eventually.TrueAsync(
            async () =>
            {
                using var answer = await intruder.CreateClient().GetAsync("/", TestEnd);
                return answer.StatusCode == HttpStatusCode.Forbidden;
            },
            TestEnd);
        using var refused = await intruder.CreateClient().GetAsync("/", TestEnd);

        Assert.Equal(HttpStatusCode.Forbidden, refused.StatusCode);
        Assert.DoesNotContain("only-client", await refused.Content.ReadAsStringAsync(TestEnd), StringComparison.Ordinal);
        var entry = await server.Logs.WaitForAsync("spiffe://mesh.local/ns/test/sa/intruder", TestEnd);
        Assert.Contains("no ALLOW policy matches", entry.Message, StringComparison.Ordinal);
    }
}
