using System.Net;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.DependencyInjection;

namespace ProxylessMesh.EndToEnd.Tests;

/// <summary>Istio's VirtualService and Sidecar as a caller meets them: written as files, carried out by the client, seen by the backend.</summary>
public sealed class VirtualServiceTests
{
    private const string Routes = """
        apiVersion: networking.istio.io/v1
        kind: VirtualService
        metadata: { name: server, namespace: test }
        spec:
          hosts: [server]
          http:
            - match: [{ uri: { prefix: /closed } }]
              directResponse: { status: 418, body: { string: short and stout } }
            - match: [{ uri: { exact: /foo } }]
              redirect: { derivePort: FROM_REQUEST_PORT, scheme: https }
            - match: [{ uri: { prefix: /old } }]
              redirect: { prefixRewrite: /new, redirectCode: 307 }
            - match: [{ uri: { exact: /exact } }]
              rewrite: { uri: /new/path, authority: new-authority }
              route: [{ destination: { host: server } }]
            - match: [{ uri: { prefix: /id } }]
              rewrite: { uriRegexRewrite: { match: "^/id/([0-9]+)", rewrite: '/\1/id' } }
              route: [{ destination: { host: server } }]
            - match: [{ headers: { ":path": { prefix: /headers } } }]
              headers: { request: { set: { ":authority": route-authority, x-said: "100%%" } }, response: { add: { x-answered: here } } }
              route: [{ destination: { host: server }, headers: { request: { set: { Host: other } } } }]
            - match: [{ uri: { prefix: /without }, withoutHeaders: { end-user: { exact: jason } } }]
              fault: { abort: { httpStatus: 403, percentage: { value: 100 } } }
              route: [{ destination: { host: server } }]
            - match: [{ uri: { prefix: /copy } }]
              route: [{ destination: { host: server } }]
              mirrors: [{ destination: { host: shadow } }]
            - match: [{ uri: { prefix: /mine }, sourceNamespace: test }]
              directResponse: { status: 202 }
            - match: [{ uri: { prefix: /theirs }, sourceNamespace: elsewhere }]
              directResponse: { status: 202 }
            - match: [{ uri: { prefix: /team } }]
              delegate: { name: team }
            - route: [{ destination: { host: server } }]
        ---
        apiVersion: networking.istio.io/v1
        kind: VirtualService
        metadata: { name: team, namespace: test }
        spec:
          http:
            - match: [{ uri: { prefix: /team/a } }]
              directResponse: { status: 203 }
        """;

    private const string Sidecar = """
        apiVersion: networking.istio.io/v1
        kind: Sidecar
        metadata: { name: default, namespace: test }
        spec:
          egress: [{ hosts: ["*/server.test.svc.cluster.local"] }]
          outboundTrafficPolicy: { mode: REGISTRY_ONLY }
        """;

    private static CancellationToken TestEnd => TestContext.Current.CancellationToken;

    private static string Echo(HttpContext http) => $"{http.Request.Host} {http.Request.Path}{http.Request.QueryString} {http.Request.Headers["x-said"]}";

    [Fact(Timeout = TestMesh.TimeLimit)]
    public async Task Actions_and_conditions_are_carried_out()
    {
        await using var mesh = await TestMesh.StartAsync();
        await mesh.WriteManifestAsync("routes.yaml", Routes);
        var mirrored = new TaskCompletionSource<string>(TaskCreationOptions.RunContinuationsAsynchronously);
        await mesh.StartServerAsync("server", static app => app.MapGet("/{*path}", Echo));
        await mesh.StartServerAsync("shadow", app => app.MapGet("/{*path}", (HttpContext http) => mirrored.TrySetResult(http.Request.Path)));
        await using var client = await mesh.StartClientAsync(services: static services => services.ConfigureHttpClientDefaults(
            static http => http.ConfigurePrimaryHttpMessageHandler(static () => new SocketsHttpHandler { AllowAutoRedirect = false })));
        using var http = client.CreateClient();
        await Eventually.TrueAsync(async () => await StatusAsync(http, "/closed") == (HttpStatusCode)418, TestEnd);
        await Eventually.TrueAsync(async () => await StatusAsync(http, "/plain") == HttpStatusCode.OK, TestEnd);

        using var closed = await http.GetAsync("/closed/x", TestEnd);
        Assert.Equal((418, "short and stout"), ((int)closed.StatusCode, await closed.Content.ReadAsStringAsync(TestEnd)));
        using var secured = await http.GetAsync("/foo", TestEnd);
        Assert.Equal((HttpStatusCode.MovedPermanently, "https://server:80/foo"), (secured.StatusCode, secured.Headers.Location?.OriginalString));
        using var moved = await http.GetAsync("/old/a?b=c", TestEnd);
        Assert.Equal((HttpStatusCode.TemporaryRedirect, "http://server/new/a?b=c"), (moved.StatusCode, moved.Headers.Location?.OriginalString));
        Assert.Equal("new-authority /new/path?key=value ", await http.GetStringAsync("/exact?key=value", TestEnd));
        Assert.Equal("server /7/id/x ", await http.GetStringAsync("/id/7/x", TestEnd));
        Assert.Equal("route-authority /headers 100%", await http.GetStringAsync("/headers", TestEnd));
        Assert.Equal(HttpStatusCode.Forbidden, await StatusAsync(http, "/without"));
        using var jason = new HttpRequestMessage(HttpMethod.Get, "/without") { Headers = { { "end-user", "jason" } } };
        using var allowed = await http.SendAsync(jason, TestEnd);
        Assert.Equal(HttpStatusCode.OK, allowed.StatusCode);

        // A copy is sent once and nobody waits for it: one that finds no endpoint of the mirror yet is lost.
        await Eventually.TrueAsync(
            async () =>
            {
                Assert.Equal("server /copy/1 ", await http.GetStringAsync("/copy/1", TestEnd));
                return mirrored.Task.IsCompleted;
            },
            TestEnd);
        Assert.Equal("/copy/1", await mirrored.Task);
        Assert.Equal(HttpStatusCode.Accepted, await StatusAsync(http, "/mine"));
        Assert.Equal(HttpStatusCode.OK, await StatusAsync(http, "/theirs"));
        Assert.Equal((HttpStatusCode)203, await StatusAsync(http, "/team/a"));
        Assert.Equal(HttpStatusCode.OK, await StatusAsync(http, "/team/b"));
    }

    [Fact(Timeout = TestMesh.TimeLimit)]
    public async Task A_host_that_a_Sidecar_does_not_show_is_not_in_the_mesh()
    {
        await using var mesh = await TestMesh.StartAsync();
        await mesh.WriteManifestAsync("sidecar.yaml", Sidecar);
        await mesh.StartServerAsync("server", static app => app.MapGet("/{*path}", Echo));
        await mesh.StartServerAsync("hidden", static app => app.MapGet("/{*path}", Echo));
        await using var client = await mesh.StartClientAsync();
        using var seen = client.CreateClient();
        using var hidden = client.CreateClient("http://hidden");
        using var outside = client.CreateClient("http://www.example.com");
        await Eventually.TrueAsync(async () => await StatusAsync(seen, "/") == HttpStatusCode.OK, TestEnd);

        await Eventually.TrueAsync(async () => await StatusAsync(hidden, "/") == HttpStatusCode.BadGateway, TestEnd);
        Assert.Equal(HttpStatusCode.BadGateway, await StatusAsync(outside, "/"));

        await mesh.WriteManifestAsync("sidecar.yaml", Sidecar.Replace("\"*/server.test.svc.cluster.local\"", "./*", StringComparison.Ordinal));
        await Eventually.TrueAsync(async () => await StatusAsync(hidden, "/") == HttpStatusCode.OK, TestEnd);
    }

    // Null: nobody serves yet.
    private static async Task<HttpStatusCode?> StatusAsync(HttpClient http, string path)
    {
        try
        {
            using var answer = await http.GetAsync(path, TestEnd);
            return answer.StatusCode;
        }
        catch (MeshException e) when (e.Error == MeshError.NoHealthyEndpoint)
        {
            return null;
        }
    }
}
