using System.Net;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;

namespace ProxylessMesh.EndToEnd.Tests;

/// <summary>Which connections a port takes, from the manifest to both ends of the wire.</summary>
public sealed class PeerAuthenticationTests
{
    private static CancellationToken TestEnd => TestContext.Current.CancellationToken;

    [Fact(Timeout = TestMesh.TimeLimit)]
    public async Task Modes_by_mesh_and_by_port_reach_servers_and_what_their_callers_do()
    {
        await using var mesh = await TestMesh.StartAsync();
        var server = await StartAsync(mesh);
        var client = (await mesh.StartClientAsync()).CreateClient();
        using var plain = new HttpClient { BaseAddress = new Uri("http://" + server.Url.Authority) };

        // PERMISSIVE: whoever can prove itself does.
        await Eventually.TrueAsync(async () => await SaysAsync(client, "/") == "spiffe://mesh.local/ns/test/sa/client", TestEnd);
        Assert.Equal("nobody", await plain.GetStringAsync("/", TestEnd));

        await WriteAsync(mesh, ("default", "mesh-system", "mtls: { mode: STRICT }"));
        await Eventually.TrueAsync(async () => !await IsServedAsync(plain, "/"), TestEnd);
        Assert.Equal("spiffe://mesh.local/ns/test/sa/client", await client.GetStringAsync("/", TestEnd));

        // The port's own word, which callers hear with the endpoint.
        await WriteAsync(
            mesh,
            ("default", "mesh-system", "mtls: { mode: STRICT }"),
            ("server", TestMesh.Namespace, $"selector: {{ matchLabels: {{ app: server }} }}, portLevelMtls: {{ {server.Url.Port}: {{ mode: DISABLE }} }}"));
        await Eventually.TrueAsync(async () => await SaysAsync(client, "/") == "nobody", TestEnd);
        Assert.Equal("nobody", await plain.GetStringAsync("/", TestEnd));
    }

    [Fact(Timeout = TestMesh.TimeLimit)]
    public async Task Strict_port_with_TLS_1_3_serves_the_mesh_and_answers_a_kubelet_s_probe_alone()
    {
        await using var mesh = await TestMesh.StartAsync();
        var server = await StartAsync(mesh, new() { ["Mesh:Inbound:ProbePaths:0"] = "/healthz" });
        var client = (await mesh.StartClientAsync()).CreateClient();
        using var plain = new HttpClient { BaseAddress = new Uri("http://" + server.Url.Authority) };

        await Eventually.TrueAsync(async () => await IsServedAsync(client, "/"), TestEnd);

        await mesh.WriteManifestAsync("config.yaml", """
            apiVersion: mesh.proxyless.dev/v1alpha1
            kind: MeshConfig
            metadata: { name: default, namespace: mesh-system }
            spec: { meshMTLS: { minProtocolVersion: TLSV1_3 } }
            """);
        await WriteAsync(mesh, ("default", "mesh-system", "mtls: { mode: STRICT }"));
        await Eventually.TrueAsync(async () => !await IsServedAsync(plain, "/"), TestEnd);

        Assert.Equal("nobody", await plain.GetStringAsync("/healthz", TestEnd));
        Assert.Equal("spiffe://mesh.local/ns/test/sa/client", await client.GetStringAsync("/", TestEnd));
    }

    private static Task<TestWorkload> StartAsync(TestMesh mesh, Dictionary<string, string?>? settings = null)
        => mesh.StartServerAsync("server", static app => app.MapGet("/{*rest}", static (HttpContext http) => http.Features.Get<IMeshPeerFeature>()?.Id?.ToString() ?? "nobody"), settings: settings);

    private static Task WriteAsync(TestMesh mesh, params (string Name, string Namespace, string Spec)[] policies)
        => mesh.WriteManifestAsync("mtls.yaml", string.Join("\n---\n", policies.Select(static policy => $$"""
            apiVersion: security.istio.io/v1
            kind: PeerAuthentication
            metadata: { name: {{policy.Name}}, namespace: {{policy.Namespace}} }
            spec: { {{policy.Spec}} }
            """)));

    private static async Task<bool> IsServedAsync(HttpClient client, string path) => await SaysAsync(client, path) is not null;

    // Null: the connection or the call was refused.
    private static async Task<string?> SaysAsync(HttpClient client, string path)
    {
        try
        {
            using var answer = await client.GetAsync(path, TestEnd);
            return answer.StatusCode == HttpStatusCode.OK ? await answer.Content.ReadAsStringAsync(TestEnd) : null;
        }
        catch (HttpRequestException)
        {
            return null;
        }
    }
}
