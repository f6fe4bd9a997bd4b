using System.Net;
using System.Threading.Channels;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.DependencyInjection;

namespace ProxylessMesh.EndToEnd.Tests;

/// <summary>What a VirtualService's route does to a call, from the manifest to the server, over mesh TLS.</summary>
public sealed class RouteActionTests
{
    private static CancellationToken TestEnd => TestContext.Current.CancellationToken;

    [Fact(Timeout = TestMesh.TimeLimit)]
    public async Task Routes_redirect_answer_rewrite_and_mirror()
    {
        var copies = Channel.CreateUnbounded<string>();
        await using var mesh = await TestMesh.StartAsync();
        await mesh.StartServerAsync("server", static app => app.Map("/{**path}", static (HttpContext http) => $"{http.Request.Path}{http.Request.QueryString} {http.Request.Host} {http.Request.Headers["x-envoy-original-path"]}"));
        await mesh.StartServerAsync("shadow", app => app.Map("/{**path}", (HttpContext http) => copies.Writer.TryWrite($"{http.Request.Path} {http.Request.Host}")));
        var worker = await mesh.StartClientAsync(services: static services => services.AddHttpClient("test").ConfigurePrimaryHttpMessageHandler(static () => new SocketsHttpHandler { AllowAutoRedirect = false }));
        var client = worker.CreateClient();
        await Eventually.Async(() => client.GetStringAsync("/", TestEnd), TestEnd);

        await mesh.WriteManifestAsync("routes.yaml", """
            apiVersion: networking.istio.io/v1
            kind: VirtualService
            metadata: { name: server, namespace: test }
            spec:
              hosts: [server]
              http:
                - match: [{ uri: { prefix: /moved } }]
                  redirect: { uri: /new, authority: elsewhere.example, redirectCode: 307 }
                - match: [{ uri: { prefix: /teapot } }]
                  directResponse: { status: 418, body: { string: short and stout } }
                - match: [{ uri: { prefix: /api/ } }]
                  rewrite: { uri: /v2/, authority: inner.example }
                  route: [{ destination: { host: server } }]
                - match: [{ uri: { prefix: /copied } }]
                  route: [{ destination: { host: server } }]
                  mirrors: [{ destination: { host: shadow }, percentage: { value: 100 } }]
                - route: [{ destination: { host: server } }]
            """);
        await Eventually.TrueAsync(async () => (await client.GetAsync("/teapot", TestEnd)).StatusCode == (HttpStatusCode)418, TestEnd);

        using var answered = await client.GetAsync("/teapot", TestEnd);
        Assert.Equal("short and stout", await answered.Content.ReadAsStringAsync(TestEnd));
        Assert.Equal("/v2/items?x=1 inner.example /api/items?x=1", await client.GetStringAsync("/api/items?x=1", TestEnd));
        Assert.StartsWith("/copied server", await client.GetStringAsync("/copied", TestEnd), StringComparison.Ordinal);
        Assert.Equal("/copied server-shadow", await copies.Reader.ReadAsync(TestEnd));
        Assert.StartsWith("/other server", await client.GetStringAsync("/other", TestEnd), StringComparison.Ordinal);
        using var moved = await client.GetAsync("/moved?x=1", TestEnd);
        Assert.True(moved.StatusCode is HttpStatusCode.TemporaryRedirect, moved.StatusCode.ToString());
        Assert.Equal("http://elsewhere.example/new?x=1", moved.Headers.Location!.OriginalString);
    }
}
