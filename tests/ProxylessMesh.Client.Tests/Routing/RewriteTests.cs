using System.Net;
using System.Text.RegularExpressions;
using Microsoft.AspNetCore.Http;
using ProxylessMesh.Client.Tests.Outbound;
using ProxylessMesh.TestSupport;
using ProxylessMesh.Xds.Matching;
using ProxylessMesh.Xds.Resources;

namespace ProxylessMesh.Client.Tests.Routing;

public sealed class RewriteTests
{
    private static CancellationToken TestEnd => TestContext.Current.CancellationToken;

    [Theory]
    [InlineData("prefix", "prefix", "/api/items?x=1", "/v2/items?x=1")]
    [InlineData("prefix", "prefix", "/api", "/v2")]
    [InlineData("separated", "prefix", "/api/items", "/v2/items")]
    [InlineData("exact", "prefix", "/api", "/v2")]
    [InlineData("regex", "prefix", "/api/items?x=1", "/v2?x=1")]
    [InlineData("prefix", "full", "/api/items?x=1", "/all?x=1")]
    [InlineData("prefix", "regex", "/api/items/7/7?x=7", "/api/items/<7>/<7>?x=7")]
    [InlineData("prefix", "to root", "/api", "/")]
    public async Task Path_is_rewritten_and_the_query_stays(string match, string kind, string called, string expected)
    {
        await using var backend = await TestBackend.StartAsync(static http => http.Response.WriteAsync($"{WebUtility.UrlDecode(http.Request.Path.Value)}{http.Request.QueryString} {http.Request.Headers["x-envoy-original-path"]}"));
        PathMatcher path = match switch
        {
            "prefix" => PathMatcher.Prefix("/api"),
            "separated" => PathMatcher.SeparatedPrefix("/api"),
            "exact" => PathMatcher.Exact("/api"),
            _ => PathMatcher.Regex("/api.*"),
        };
        PathRewriteConfig rewrite = kind switch
        {
            "prefix" => new PrefixRewriteConfig("/v2"),
            "to root" => new PrefixRewriteConfig("/"),
            "full" => new FullPathRewriteConfig("/all"),
            _ => new RegexRewriteConfig(new Regex("([0-9])", RegexOptions.NonBacktracking), @"<\1>"),
        };
        var route = new RouteRuleConfig { Match = new RequestMatcher { Path = path }, Action = Configs.Forward("catalog") with { PathRewrite = rewrite } };
        await using var mesh = TestMesh.With(Configs.Host("catalog", [route], Configs.Cluster("catalog", backend.Address)));
        using var client = mesh.Client();
        using var request = new HttpRequestMessage(HttpMethod.Get, "http://catalog" + called);

        using var response = await client.SendAsync(request, TestEnd);

        Assert.Equal($"{expected} {called}", await response.Content.ReadAsStringAsync(TestEnd));
        Assert.Equal("http://catalog" + called, request.RequestUri!.OriginalString);
        Assert.False(request.Headers.Contains("x-envoy-original-path"));
        RetryTests.AssertIdle(mesh);
    }

    [Theory]
    [InlineData("literal", "shop.example")]
    [InlineData("auto", "catalog-0.example")]
    [InlineData("side", "side.example")]
    [InlineData("header", "header.example")]
    [InlineData("pseudo header", "header.example")]
    public async Task Host_is_rewritten(string kind, string expected)
    {
        await using var backend = await TestBackend.StartAsync(static http => http.Response.WriteAsync($"{http.Request.Host} {http.Request.Headers["x-envoy-original-host"]}"));
        var forward = Configs.Forward("catalog");
        forward = kind switch
        {
            "literal" => forward with { HostRewrite = new HostRewriteConfig("shop.example") },
            "auto" => forward with { HostRewrite = new HostRewriteConfig(null) },
            "side" => forward with { HostRewrite = new HostRewriteConfig("shop.example"), Clusters = [forward.Clusters[0] with { HostRewrite = new HostRewriteConfig("side.example") }] },
            _ => forward,
        };
        var route = Configs.Route(forward);
        if (kind is "header" or "pseudo header")
        {
            route = route with { Headers = new HeaderOperationsConfig { RequestSet = [new(kind == "header" ? "host" : ":authority", "header.example")] } };
        }

        var cluster = Configs.Cluster("catalog") with { Endpoints = Configs.Endpoints("catalog", new EndpointConfig { Address = backend.Address, Hostname = "catalog-0.example" }) };
        await using var mesh = TestMesh.With(Configs.Host("catalog", [route], cluster));
        using var client = mesh.Client();
        using var request = new HttpRequestMessage(HttpMethod.Get, "http://catalog/");

        using var response = await client.SendAsync(request, TestEnd);

        Assert.Equal($"{expected} {(kind.EndsWith("header", StringComparison.Ordinal) ? "" : "catalog")}", await response.Content.ReadAsStringAsync(TestEnd));
        Assert.Null(request.Headers.Host);
    }

    [Fact]
    public async Task Retried_call_is_rewritten_once()
    {
        var seen = new List<string>();
        await using var backend = await TestBackend.StartAsync(http =>
        {
            seen.Add($"{http.Request.Path} {http.Request.Host}");
            http.Response.StatusCode = 503;
            return Task.CompletedTask;
        });
        var forward = Configs.Forward("catalog") with
        {
            PathRewrite = new PrefixRewriteConfig("/v2"),
            HostRewrite = new HostRewriteConfig("shop.example"),
            Retry = new RetryConfig { On = RetryConditions.ServerError, MaxRetries = 1 },
        };
        await using var mesh = TestMesh.With(Configs.Host("catalog", [Configs.Route(forward)], Configs.Cluster("catalog", backend.Address)));
        using var client = mesh.Client();

        using var response = await client.GetAsync(new Uri("http://catalog/a"), TestEnd);

        Assert.Equal(["/v2a shop.example", "/v2a shop.example"], seen);
    }
}
