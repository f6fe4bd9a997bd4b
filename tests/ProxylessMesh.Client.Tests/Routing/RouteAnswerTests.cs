using System.Net;
using System.Text.RegularExpressions;
using ProxylessMesh.Xds.Resources;

namespace ProxylessMesh.Client.Tests.Routing;

public sealed class RouteAnswerTests
{
    private static readonly RedirectActionConfig Plain = new();

    private static CancellationToken TestEnd => TestContext.Current.CancellationToken;

    public static TheoryData<string, string?, string, string> Redirects => new()
    {
        { "as called", null, "http://catalog/a?x=1", "http://catalog/a?x=1" },
        { "scheme", null, "http://catalog/a?x=1", "https://catalog/a?x=1" },
        { "scheme", "catalog:80", "http://catalog/a", "https://catalog/a" },
        { "scheme", "catalog:8080", "http://catalog:8080/a", "https://catalog:8080/a" },
        { "as called", "catalog:80", "http://catalog/a", "http://catalog:80/a" },
        { "host", null, "http://catalog/a", "http://shop.example/a" },
        { "port", null, "http://catalog/a", "http://catalog:8443/a" },
        { "port", "catalog:8080", "http://catalog:8080/a", "http://catalog:8443/a" },
        { "scheme and its own port", "catalog:8080", "http://catalog:8080/a", "https://catalog/a" },
        { "port", "[::1]:8080", "http://catalog/a", "http://[::1]:8443/a" },
        { "as called", "[::1]", "http://catalog/a", "http://[::1]/a" },
        { "path", null, "http://catalog/a/b?x=1", "http://catalog/new?x=1" },
        { "path with query", null, "http://catalog/a/b?x=1", "http://catalog/new?y=2" },
        { "prefix", null, "http://catalog/a/b?x=1", "http://catalog/z/b?x=1" },
        { "regex", null, "http://catalog/a/42?x=1", "http://catalog/items/42/$0?x=1" },
        { "strip", null, "http://catalog/a/b?x=1", "http://catalog/a/b" },
        { "strip and path with query", null, "http://catalog/a/b?x=1", "http://catalog/new?y=2" },
    };

    [Theory]
    [MemberData(nameof(Redirects))]
    public async Task Redirect_leads_where_envoy_would_lead(string kind, string? host, string called, string expected)
    {
        var action = kind switch
        {
            "scheme" => Plain with { Scheme = "https" },
            "host" => Plain with { Host = "shop.example" },
            "port" => Plain with { Port = 8443 },
            "scheme and its own port" => Plain with { Scheme = "https", Port = 443 },
            "path" => Plain with { Path = new FullPathRewriteConfig("/new") },
            "path with query" => Plain with { Path = new FullPathRewriteConfig("/new?y=2") },
            "prefix" => Plain with { Path = new PrefixRewriteConfig("/z") },
            "regex" => Plain with { Path = new RegexRewriteConfig(new Regex("/a/([0-9]+)", RegexOptions.NonBacktracking), @"/items/\1/$0") },
            "strip" => Plain with { StripQuery = true },
            "strip and path with query" => Plain with { StripQuery = true, Path = new FullPathRewriteConfig("/new?y=2") },
            _ => Plain,
        };
        var authority = new Uri(called).Authority;
        await using var mesh = TestMesh.With(Configs.Host(authority, [Configs.Route(action, "/a")]));
        using var client = Direct(mesh);
        using var request = new HttpRequestMessage(HttpMethod.Get, called);
        request.Headers.Host = host;

        using var response = await client.SendAsync(request, TestEnd);

        Assert.Equal(HttpStatusCode.MovedPermanently, response.StatusCode);
        Assert.Equal(expected, response.Headers.NonValidated["Location"].ToString());
        Assert.Equal(0, response.Content.Headers.ContentLength);
    }

    [Theory]
    [InlineData(301)]
    [InlineData(302)]
    [InlineData(303)]
    [InlineData(307)]
    [InlineData(308)]
    public async Task Redirect_has_its_status_and_the_headers_of_its_route(int status)
    {
        var route = Configs.Route(Plain with { Status = status, Host = "other" }) with { Headers = new HeaderOperationsConfig { ResponseSet = [new("x-why", "moved")] } };
        await using var mesh = TestMesh.With(Configs.Host("catalog", [route]));
        using var client = Direct(mesh);
        using var request = new HttpRequestMessage(HttpMethod.Post, "http://catalog/");

        using var response = await client.SendAsync(request, TestEnd);

        Assert.Equal(status, (int)response.StatusCode);
        Assert.Equal("moved", Assert.Single(response.Headers.GetValues("x-why")));
    }

    [Fact]
    public async Task Direct_response_is_given_without_calling_anybody()
    {
        await using var mesh = TestMesh.With(Configs.Host("catalog", [Configs.Route(new DirectResponseActionConfig(418, "short and stout"u8.ToArray()))]));
        using var client = mesh.Client();

        using var response = await client.GetAsync(new Uri("http://catalog/"), TestEnd);

        Assert.Equal(418, (int)response.StatusCode);
        Assert.Equal("text/plain", response.Content.Headers.ContentType!.ToString());
        Assert.Equal("short and stout", await response.Content.ReadAsStringAsync(TestEnd));
    }

    [Theory]
    [InlineData(true, "14")]
    [InlineData(false, "7")]
    public async Task Grpc_caller_gets_a_status(bool isRedirect, string expected)
    {
        RouteActionConfig action = isRedirect ? Plain : new DirectResponseActionConfig(403, "no"u8.ToArray());
        await using var mesh = TestMesh.With(Configs.Host("catalog", [Configs.Route(action)]));
        using var client = mesh.Client();
        using var request = new HttpRequestMessage(HttpMethod.Post, "http://catalog/p.S/M") { Content = new ByteArrayContent([]) };
        request.Content.Headers.TryAddWithoutValidation("Content-Type", "application/grpc");

        using var response = await client.SendAsync(request, TestEnd);

        Assert.Equal(HttpStatusCode.OK, response.StatusCode);
        Assert.Equal(expected, Assert.Single(response.Headers.GetValues("grpc-status")));
    }

    private static HttpMessageInvoker Direct(TestMesh mesh) => new(Assert.IsType<MeshHttpHandlerFactory>(mesh.Services.GetService(typeof(MeshHttpHandlerFactory))).Create(new SocketsHttpHandler { AllowAutoRedirect = false }));
}
