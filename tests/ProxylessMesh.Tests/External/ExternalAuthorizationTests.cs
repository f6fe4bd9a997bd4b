using System.Net;
using System.Text;
using Envoy.Config.Core.V3;
using Envoy.Service.Auth.V3;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.DependencyInjection;
using ProxylessMesh.External;
using ProxylessMesh.Xds;
using ProxylessMesh.Xds.Matching;
using ProxylessMesh.Xds.Resources;
using static ProxylessMesh.Tests.External.TestAuthorizer;
using static ProxylessMesh.Tests.Policies;

namespace ProxylessMesh.Tests.External;

/// <summary>CUSTOM over real sockets: a caller, a server with the filter, a real gRPC authorizer.</summary>
public sealed class ExternalAuthorizationTests
{
    private static CancellationToken TestEnd => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Authorizer_hears_who_calls_what()
    {
        await using var authorizer = await TestAuthorizer.StartAsync(Ok());
        await using var app = await StartAsync(authorizer.Authority, static config => config with { IncludesTlsSession = true });

        var (status, _) = await SendAsync(app, HttpMethod.Post, "/orders/1?a=b", body: "hello");

        Assert.Equal(200, status);
        var asked = Assert.Single(authorizer.Asked).Attributes;
        Assert.Equal("spiffe://mesh.local/ns/shop/sa/storefront", asked.Source.Principal);
        Assert.Equal(("127.0.0.1", (uint)app.Address.Port), (asked.Source.Address.SocketAddress.Address, asked.Destination.Address.SocketAddress.PortValue));
        Assert.Equal(("POST", "/orders/1?a=b", "catalog", "https", "HTTP/1.1", 5L, "", "x"), (asked.Request.Http.Method, asked.Request.Http.Path, asked.Request.Http.Host, asked.Request.Http.Scheme, asked.Request.Http.Protocol, asked.Request.Http.Size, asked.Request.Http.Body, asked.Request.Http.Headers["x-test"]));
        Assert.Equal("catalog", asked.TlsSession.Sni);
    }

    [Fact]
    public async Task Allowed_request_is_changed_as_the_authorizer_says()
    {
        await using var authorizer = await TestAuthorizer.StartAsync(Ok(new OkHttpResponse
        {
            Headers =
            {
                Header("x-user", "alice"), Header("x-test", "y", append: true), Header("x-absent", "a", action: HeaderValueOption.Types.HeaderAppendAction.AddIfAbsent),
                Header("x-other", "o", action: HeaderValueOption.Types.HeaderAppendAction.OverwriteIfExists),
            },
            HeadersToRemove = { "x-secret" },
            ResponseHeadersToAdd = { Header("x-answer", "1") },
            QueryParametersToSet = { new QueryParameter { Key = "who", Value = "alice&bob" } },
            QueryParametersToRemove = { "token" },
        }));
        await using var app = await StartAsync(authorizer.Authority);
        using var client = app.Client(version: HttpVersion.Version11);
        using var request = new HttpRequestMessage(HttpMethod.Get, "/a?token=t&x=1");
        request.Headers.Add("x-test", "x");
        request.Headers.Add("x-user", "forged");
        request.Headers.Add("x-secret", "s");

        using var answer = await client.SendAsync(request, TestEnd);

        Assert.Equal("GET /a?x=1&who=alice%26bob  x-test=x,y x-user=alice x-secret= x-absent=a x-other=", await answer.Content.ReadAsStringAsync(TestEnd));
        Assert.Equal("1", answer.Headers.GetValues("x-answer").Single());
    }

    [Theory]
    [InlineData(0, 403)]
    [InlineData(401, 401)]
    [InlineData(302, 302)]
    [InlineData(99, 403)]
    [InlineData(204, 403)]
    public async Task Denied_request_gets_the_authorizers_answer_and_never_reaches_the_application(int status, int expected)
    {
        var reached = 0;
        await using var authorizer = await TestAuthorizer.StartAsync(No(status, "go away", Header("x-why", "because"), Header("bad name", "x"), Header("x-split", "a\r\nb: c")));
        await using var app = await StartAsync(authorizer.Authority, respond: _ =>
        {
            reached++;
            return Task.CompletedTask;
        });
        using var client = app.Client(version: HttpVersion.Version11);

        using var answer = await client.GetAsync("/", TestEnd);

        Assert.Equal((expected, "go away", "because"), ((int)answer.StatusCode, await answer.Content.ReadAsStringAsync(TestEnd), answer.Headers.GetValues("x-why").Single()));
        Assert.False(answer.Headers.Contains("x-split") || answer.Headers.Contains("b"));
        Assert.Equal(0, reached);
        Assert.Contains("by authorizer", (await app.Logs.WaitForAsync("Denied", TestEnd)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Denied_gRPC_call_ends_with_the_status_that_fits()
    {
        await using var authorizer = await TestAuthorizer.StartAsync(No(401));
        await using var app = await StartAsync(authorizer.Authority);
        using var client = app.Client();
        using var request = new HttpRequestMessage(HttpMethod.Post, "/s/m") { Version = HttpVersion.Version20, Content = new ByteArrayContent([]) };
        request.Content.Headers.ContentType = new("application/grpc");

        using var answer = await client.SendAsync(request, TestEnd);

        Assert.Equal("16", answer.Headers.GetValues("grpc-status").Single());
    }

    [Theory]
    [InlineData(false, 503)]
    [InlineData(true, 200)]
    public async Task Authorizer_that_is_away_denies_unless_the_provider_fails_open(bool failOpen, int expected)
    {
        string authority;
        await using (var gone = await TestAuthorizer.StartAsync(Ok()))
        {
            authority = gone.Authority;
        }

        await using var app = await StartAsync(authority, config => config with { FailureModeAllow = failOpen, StatusOnError = 503 });

        var (status, body) = await SendAsync(app);

        Assert.Equal(expected, status);
        Assert.DoesNotContain(authority, body, StringComparison.Ordinal);
        Assert.Contains("could not be asked", (await app.Logs.WaitForAsync("Authorizer", TestEnd)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Authorizer_that_is_silent_denies_after_the_timeout()
    {
        await using var authorizer = await TestAuthorizer.StartAsync(Ok());
        authorizer.AnswerWith(static async (_, cancelled) =>
        {
            await Task.Delay(Timeout.Infinite, cancelled).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            return Ok();
        });
        await using var app = await StartAsync(authorizer.Authority, static config => config with { Timeout = TimeSpan.FromMilliseconds(200) });

        Assert.Equal(403, (await SendAsync(app)).Status);
        Assert.Contains("no answer within 0.2 s", (await app.Logs.WaitForAsync("Authorizer", TestEnd)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Hostile_answers_deny()
    {
        await using var authorizer = await TestAuthorizer.StartAsync(new CheckResponse());
        await using var app = await StartAsync(authorizer.Authority);
        var hostile = new Dictionary<string, CheckResponse>
        {
            ["no status"] = new(),
            ["OK that denies"] = new() { Status = new Google.Rpc.Status(), DeniedResponse = new DeniedHttpResponse() },
            ["another host"] = Ok(new OkHttpResponse { Headers = { Header("host", "evil") } }),
            ["a pseudo-header"] = Ok(new OkHttpResponse { Headers = { Header(":path", "/admin") } }),
            ["two lines"] = Ok(new OkHttpResponse { Headers = { Header("x", "a\r\nx-admin: 1") } }),
            ["a length"] = Ok(new OkHttpResponse { ResponseHeadersToAdd = { Header("content-length", "1") } }),
            ["a header without name"] = Ok(new OkHttpResponse { HeadersToRemove = { "" } }),
            ["no header in a header"] = Ok(new OkHttpResponse { Headers = { new HeaderValueOption() } }),
            ["endless"] = Ok(new OkHttpResponse { Headers = { Header("x", new string('a', 1_000_000)) } }),
            ["no without anything"] = new() { Status = new Google.Rpc.Status { Code = 13 } },
        };

        foreach (var (what, answer) in hostile)
        {
            authorizer.AnswerWith((_, _) => Task.FromResult(answer));
            var (status, body) = await SendAsync(app);
            Assert.True(status == 403, $"{what}: {status} {body}");
        }

        authorizer.AnswerWith(static (_, _) => throw new InvalidOperationException("a fault of the authorizer"));
        Assert.Equal((403, "The mesh does not allow this call."), await SendAsync(app));
    }

    [Theory]
    [InlineData(5, false, "hello", 200, "hello")]
    [InlineData(4, false, "hello", 413, null)]
    [InlineData(4, true, "hello", 200, "hell")]
    [InlineData(100_000, true, "", 200, "")]
    public async Task Body_is_part_of_the_question_and_reaches_the_application_whole(int max, bool partial, string body, int expected, string? asked)
    {
        await using var authorizer = await TestAuthorizer.StartAsync(Ok());
        await using var app = await StartAsync(authorizer.Authority, config => config with { Body = new ExtAuthzBodyConfig(max, partial, AsBytes: true) });

        var (status, answer) = await SendAsync(app, HttpMethod.Post, "/", body);

        Assert.Equal(expected, status);
        Assert.Equal(asked, authorizer.Asked.SingleOrDefault()?.Attributes.Request.Http.RawBody.ToStringUtf8());
        Assert.True(expected == 413 || answer.StartsWith($"POST / {body} ", StringComparison.Ordinal), answer);
    }

    [Fact]
    public async Task Long_body_is_asked_about_by_its_beginning_and_not_cut()
    {
        await using var authorizer = await TestAuthorizer.StartAsync(Ok());
        await using var app = await StartAsync(authorizer.Authority, static config => config with { Body = new ExtAuthzBodyConfig(1000, AllowsPartial: true, AsBytes: false) });
        var body = string.Concat(Enumerable.Range(0, 50_000).Select(static i => (char)('a' + (i % 26))));

        var (_, answer) = await SendAsync(app, HttpMethod.Post, "/", body);

        Assert.Equal(body[..1000], Assert.Single(authorizer.Asked).Attributes.Request.Http.Body);
        Assert.StartsWith($"POST / {body} ", answer, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Only_what_the_policy_matches_is_asked_about_and_other_policies_still_hold()
    {
        await using var authorizer = await TestAuthorizer.StartAsync(Ok());
        var custom = new RbacFilterConfig("custom", Rules: null, new RbacConfig { Action = RbacAction.Deny, Policies = [Policy("istio-ext-authz-p-ns[shop]-policy[a]-rule[0]", PathPrefix("/admin"), Anyone)] }) { ShadowPrefix = "istio_ext_authz_" };
        var enabled = new MetadataMatcher("envoy.filters.http.rbac", ["istio_ext_authz_shadow_effective_policy_id"], new ValueMatcher.Text(StringMatcher.Prefix("istio-ext-authz-p-ns[")), Invert: false);
        await using var app = await StartAsync(Strict(Deny(Policy("deny", Path("/admin/forbidden"), Anyone))).WithFilters(custom, Filter(authorizer.Authority, config => config with { EnabledBy = enabled })));

        Assert.Equal(200, (await SendAsync(app, path: "/shop")).Status);
        Assert.Empty(authorizer.Asked);

        Assert.Equal(200, (await SendAsync(app, path: "/admin")).Status);
        Assert.Single(authorizer.Asked);

        // Its yes lets nothing past a DENY.
        Assert.Equal(403, (await SendAsync(app, path: "/admin/forbidden")).Status);
        Assert.Equal(2, authorizer.Asked.Count);

        authorizer.AnswerWith(static (_, _) => Task.FromResult(No()));
        Assert.Equal(403, (await SendAsync(app, path: "/admin")).Status);
    }

    private static ExtAuthzFilterConfig Filter(string authority, Func<ExtAuthzConfig, ExtAuthzConfig>? change = null)
        => new("ext_authz", (change ?? (static config => config))(new ExtAuthzConfig { Authority = authority, Timeout = TimeSpan.FromSeconds(20) }));

    private static Task<MeshApp> StartAsync(string authority, Func<ExtAuthzConfig, ExtAuthzConfig>? change = null, RequestDelegate? respond = null)
        => StartAsync(Strict().WithFilters(Filter(authority, change)), respond);

    private static Task<MeshApp> StartAsync(InboundConfig policy, RequestDelegate? respond = null)
        => MeshApp.StartAsync(
            policy,
            respond ?? (static async http =>
            {
                using var reader = new StreamReader(http.Request.Body, Encoding.UTF8);
                var body = await reader.ReadToEndAsync(http.RequestAborted);
                var headers = http.Request.Headers;
                await http.Response.WriteAsync($"{http.Request.Method} {http.Request.Path}{http.Request.QueryString} {body} x-test={headers["x-test"]} x-user={headers["x-user"]} x-secret={headers["x-secret"]} x-absent={headers["x-absent"]} x-other={headers["x-other"]}");
            }),
            static builder => builder.Services.AddSingleton(new AuthorizerClients(static () => new SocketsHttpHandler())));

    private static async Task<(int Status, string Body)> SendAsync(MeshApp app, HttpMethod? method = null, string path = "/", string? body = null)
    {
        using var client = app.Client(version: HttpVersion.Version11);
        using var request = new HttpRequestMessage(method ?? HttpMethod.Get, path) { Content = body is null ? null : new StringContent(body) };
        request.Headers.Add("x-test", "x");
        using var answer = await client.SendAsync(request, TestEnd);
        return ((int)answer.StatusCode, await answer.Content.ReadAsStringAsync(TestEnd));
    }
}
