using System.Net;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.DependencyInjection;

namespace ProxylessMesh.EndToEnd.Tests;

/// <summary>Gateway API routes as a caller meets them: written as files, carried out by the client, seen by the backend.</summary>
public sealed class GatewayApiRoutesTests
{
    private const string Routes = """
        apiVersion: gateway.networking.k8s.io/v1
        kind: HTTPRoute
        metadata: { name: server, namespace: test }
        spec:
          parentRefs: [{ group: "", kind: Service, name: server }]
          rules:
            - backendRefs: [{ name: server, port: 80 }]
            - matches: [{ path: { value: /prefix } }]
              filters: [{ type: URLRewrite, urlRewrite: { hostname: other.example, path: { type: ReplacePrefixMatch, replacePrefixMatch: /new/ } } }]
              backendRefs: [{ name: server, port: 80 }]
            - matches: [{ path: { value: /full } }]
              filters: [{ type: URLRewrite, urlRewrite: { path: { type: ReplaceFullPath, replaceFullPath: /one } } }]
              backendRefs: [{ name: server, port: 80 }]
            - matches: [{ path: { value: /go } }]
              filters: [{ type: RequestRedirect, requestRedirect: { scheme: https, hostname: shop.example, path: { type: ReplacePrefixMatch, replacePrefixMatch: /gone }, statusCode: 308 } }]
            - matches: [{ path: { value: /secure } }]
              filters: [{ type: RequestRedirect, requestRedirect: { scheme: https } }]
            - matches: [{ path: { value: /percent } }]
              filters:
                - type: RequestHeaderModifier
                  requestHeaderModifier: { set: [{ name: x-said, value: "100% %REQ(x)%" }] }
                - type: ResponseHeaderModifier
                  responseHeaderModifier: { add: [{ name: x-answered, value: "%" }] }
              backendRefs: [{ name: server, port: 80 }]
            - matches: [{ path: { value: /mirror } }]
              filters: [{ type: RequestMirror, requestMirror: { backendRef: { name: shadow, port: 80 } } }]
              backendRefs: [{ name: server, port: 80 }]
            - matches: [{ path: { value: /cors } }]
              filters:
                - type: CORS
                  cors: { allowOrigins: ["https://*.shop.example"], allowMethods: [PUT], allowCredentials: true }
                - type: URLRewrite
                  urlRewrite: { path: { type: ReplacePrefixMatch, replacePrefixMatch: /behind } }
              backendRefs: [{ name: server, port: 80 }]
            - matches: [{ path: { value: /half } }]
              backendRefs: [{ name: server, port: 80 }, { group: a.example, kind: Lambda, name: x }]
            - matches: [{ path: { value: /parts } }]
              backendRefs:
                - { name: server, port: 80 }
                - { name: server, port: 80, filters: [{ type: URLRewrite, urlRewrite: { path: { type: ReplacePrefixMatch, replacePrefixMatch: /rewritten } } }] }
        """;

    private static CancellationToken TestEnd => TestContext.Current.CancellationToken;

    private static string Echo(HttpContext http) => $"{http.Request.Host} {http.Request.Path}{http.Request.QueryString} {http.Request.Headers["x-said"]}";

    private static async Task<TestWorkload> ClientAsync(TestMesh mesh, string ready = "/percent")
    {
        // Redirects are looked at, not followed.
        var client = await mesh.StartClientAsync(services: static services => services.AddHttpClient("test").ConfigurePrimaryHttpMessageHandler(static () => new SocketsHttpHandler { AllowAutoRedirect = false }));
        using var http = client.CreateClient();
        await Eventually.TrueAsync(
            async () =>
            {
                using var answer = await http.GetAsync(ready, TestEnd);
                return answer.IsSuccessStatusCode && answer.Headers.Contains("x-answered");
            },
            TestEnd);
        return client;
    }

    [Fact(Timeout = TestMesh.TimeLimit)]
    public async Task Filters_change_what_the_backend_and_the_caller_see()
    {
        await using var mesh = await TestMesh.StartAsync();
        await mesh.WriteManifestAsync("routes.yaml", Routes);
        var mirrored = new TaskCompletionSource<string>(TaskCreationOptions.RunContinuationsAsynchronously);
        await mesh.StartServerAsync("server", static app => app.MapGet("/{*path}", Echo));
        await mesh.StartServerAsync("shadow", app => app.MapGet("/{*path}", (HttpContext http) => mirrored.TrySetResult(http.Request.Path)));
        await using var client = await ClientAsync(mesh);
        using var http = client.CreateClient();

        Assert.Equal("other.example /new/a?b=c ", await http.GetStringAsync("/prefix/a?b=c", TestEnd));
        Assert.Equal("other.example /new ", await http.GetStringAsync("/prefix", TestEnd));
        Assert.Equal("server /prefixed ", await http.GetStringAsync("/prefixed", TestEnd));
        Assert.Equal("server /one?b=c ", await http.GetStringAsync("/full/way?b=c", TestEnd));
        Assert.Equal("server /percent 100% %REQ(x)%", await http.GetStringAsync("/percent", TestEnd));
        using var answered = await http.GetAsync("/percent", TestEnd);
        Assert.Equal(["%"], answered.Headers.GetValues("x-answered"));

        // A copy is sent once and nobody waits for it: one that finds no endpoint of the mirror yet is lost.
        await Eventually.TrueAsync(
            async () =>
            {
                Assert.Equal("server /mirror/x ", await http.GetStringAsync("/mirror/x", TestEnd));
                return mirrored.Task.IsCompleted;
            },
            TestEnd);
        Assert.Equal("/mirror/x", await mirrored.Task);
    }

    [Fact(Timeout = TestMesh.TimeLimit)]
    public async Task A_redirect_is_answered_without_a_backend()
    {
        await using var mesh = await TestMesh.StartAsync();
        await mesh.WriteManifestAsync("routes.yaml", Routes);
        await mesh.StartServerAsync("server", static app => app.MapGet("/{*path}", Echo));
        await using var client = await ClientAsync(mesh);
        using var http = client.CreateClient();

        using var moved = await http.GetAsync("/go/far?b=c", TestEnd);
        using var secured = await http.GetAsync("http://server:80/secure", TestEnd);

        Assert.Equal((HttpStatusCode.PermanentRedirect, "https://shop.example/gone/far?b=c"), (moved.StatusCode, moved.Headers.Location?.OriginalString));
        Assert.Equal((HttpStatusCode.Redirect, "https://server/secure"), (secured.StatusCode, secured.Headers.Location?.OriginalString));
    }

    [Fact(Timeout = TestMesh.TimeLimit)]
    public async Task A_cross_origin_policy_is_carried_out_by_the_server()
    {
        await using var mesh = await TestMesh.StartAsync();
        await mesh.WriteManifestAsync("routes.yaml", Routes);
        await mesh.StartServerAsync("server", static app => app.MapGet("/{*path}", Echo));
        await using var client = await ClientAsync(mesh);
        using var http = client.CreateClient();

        await Eventually.TrueAsync(async () => await AllowedAsync(HttpMethod.Get, "/cors/a", "https://www.shop.example") == "https://www.shop.example", TestEnd);
        Assert.Equal("https://www.shop.example PUT", await AllowedAsync(HttpMethod.Options, "/cors/a", "https://www.shop.example"));
        Assert.Equal("", await AllowedAsync(HttpMethod.Options, "/cors/a", "https://evil.example"));
        Assert.Equal("", await AllowedAsync(HttpMethod.Get, "/elsewhere", "https://www.shop.example"));

        async Task<string> AllowedAsync(HttpMethod method, string path, string origin)
        {
            using var request = new HttpRequestMessage(method, path);
            request.Headers.Add("Origin", origin);
            if (method == HttpMethod.Options)
            {
                request.Headers.Add("Access-Control-Request-Method", "PUT");
            }

            using var answer = await http.SendAsync(request, TestEnd);
            Assert.Equal(HttpStatusCode.OK, answer.StatusCode);
            string[] names = ["Access-Control-Allow-Origin", "Access-Control-Allow-Methods"];
            return string.Join(' ', names.SelectMany(name => answer.Headers.TryGetValues(name, out var values) ? values : []));
        }
    }

    [Fact(Timeout = TestMesh.TimeLimit)]
    public async Task Shares_of_calls_are_refused_or_rewritten_as_the_weights_say()
    {
        await using var mesh = await TestMesh.StartAsync();
        await mesh.WriteManifestAsync("routes.yaml", Routes);
        await mesh.StartServerAsync("server", static app => app.MapGet("/{*path}", Echo));
        await using var client = await ClientAsync(mesh);
        using var http = client.CreateClient();
        var (refused, rewritten) = (0, 0);

        for (var i = 0; i < 400; i++)
        {
            using var half = await http.GetAsync("/half", TestEnd);
            refused += half.StatusCode == HttpStatusCode.InternalServerError ? 1 : 0;
            rewritten += await http.GetStringAsync("/parts", TestEnd) == "server /rewritten " ? 1 : 0;
        }

        // Half of 400, give or take six standard deviations.
        Assert.InRange(refused, 140, 260);
        Assert.InRange(rewritten, 140, 260);
    }

    [Theory(Timeout = TestMesh.TimeLimit)]
    [InlineData("{ type: Header, header: { name: x-session } }", "x-session", "x-session")]
    [InlineData("{ type: Cookie, cookie: { name: session } }", "Set-Cookie", "Cookie")]
    public async Task Calls_of_a_session_stay_with_one_endpoint(string session, string answered, string sent)
    {
        await using var mesh = await TestMesh.StartAsync();
        await mesh.WriteManifestAsync("routes.yaml", $$"""
            apiVersion: gateway.networking.k8s.io/v1
            kind: HTTPRoute
            metadata: { name: server, namespace: test }
            spec:
              parentRefs: [{ group: "", kind: Service, name: server }]
              rules: [{ sessionPersistence: {{session}}, backendRefs: [{ name: server, port: 80 }] }]
            """);
        await mesh.StartServerAsync("server", static app => app.MapGet("/", static () => "one"));
        await mesh.StartServerAsync("server", static app => app.MapGet("/", static () => "two"));
        await using var client = await mesh.StartClientAsync(services: static services => services.AddHttpClient("test").ConfigurePrimaryHttpMessageHandler(static () => new SocketsHttpHandler { UseCookies = false }));
        using var http = client.CreateClient();
        var seen = new HashSet<string>();
        await Eventually.TrueAsync(
            async () =>
            {
                // The route may come after the servers.
                using var answer = await http.GetAsync("/", TestEnd);
                return answer.Headers.Contains(answered) && seen.Add(await answer.Content.ReadAsStringAsync(TestEnd)) && seen.Count == 2;
            },
            TestEnd);
        using var first = await http.GetAsync("/", TestEnd);
        var token = Assert.Single(first.Headers.GetValues(answered)).Split(';')[0];
        var server = await first.Content.ReadAsStringAsync(TestEnd);

        for (var i = 0; i < 20; i++)
        {
            using var request = new HttpRequestMessage(HttpMethod.Get, "/");
            request.Headers.Add(sent, token);
            using var answer = await http.SendAsync(request, TestEnd);
            Assert.Equal(server, await answer.Content.ReadAsStringAsync(TestEnd));
        }
    }

    [Fact(Timeout = TestMesh.TimeLimit)]
    public async Task A_consumer_route_is_for_callers_of_its_namespace_and_comes_and_goes()
    {
        await using var mesh = await TestMesh.StartAsync();
        await mesh.WriteManifestAsync("producer.yaml", Manifests.MarkingRoute(1));
        await mesh.WriteManifestAsync("consumer.yaml", Consumer("web"));
        await mesh.StartServerAsync("server", static app => app.MapGet("/", static (HttpContext http) => http.Request.Headers["x-revision"].ToString()));
        var token = await mesh.Tokens.CreateAsync("web", "client", TimeSpan.FromHours(1), maxUses: 0, TestEnd);
        await using var inside = await mesh.StartClientAsync();
        await using var consumer = await mesh.StartClientAsync(token: token, settings: new() { ["Mesh:Namespace"] = "web" });
        using var producerCalls = inside.CreateClient();
        using var consumerCalls = consumer.CreateClient("http://server.test");

        await Eventually.TrueAsync(async () => await producerCalls.GetStringAsync("/", TestEnd) == "1", TestEnd);
        await Eventually.TrueAsync(async () => await consumerCalls.GetStringAsync("/", TestEnd) == "consumer", TestEnd);
        Assert.Equal("1", await producerCalls.GetStringAsync("/", TestEnd));

        await mesh.WriteManifestAsync("consumer.yaml", Consumer("batch"));
        await Eventually.TrueAsync(async () => await consumerCalls.GetStringAsync("/", TestEnd) == "1", TestEnd);
    }

    private static string Consumer(string ns) => $$"""
        apiVersion: gateway.networking.k8s.io/v1
        kind: HTTPRoute
        metadata: { name: server, namespace: {{ns}} }
        spec:
          parentRefs: [{ group: "", kind: Service, name: server, namespace: test }]
          rules:
            - filters: [{ type: RequestHeaderModifier, requestHeaderModifier: { set: [{ name: x-revision, value: consumer }] } }]
              backendRefs: [{ name: server, namespace: test, port: 80 }]
        """;
}
