using System.Net;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using ProxylessMesh.Xds;
using ProxylessMesh.Xds.Resources;
using static ProxylessMesh.Tests.Policies;

namespace ProxylessMesh.Tests.Authorization;

/// <summary>Paths written so that the policy and the application's routing would see different things, over real connections.</summary>
public sealed class PathTrickTests
{
    private static CancellationToken TestEnd => TestContext.Current.CancellationToken;

    [Theory]
    [InlineData("/admin")]
    [InlineData("/ADMIN")]
    [InlineData("/Admin/")]
    [InlineData("/x/../admin")]
    [InlineData("/x/%2e%2e/admin")]
    [InlineData("/%61dmin")]
    [InlineData("//admin")]
    [InlineData("/admin?x=1")]
    [InlineData("/admin%2F")]
    public async Task Denied_endpoint_is_not_reached_by_another_spelling_of_its_path(string target)
    {
        var reached = 0;
        await using var app = await MeshApp.StartAsync(Strict(Deny(Policy("p", Path("/admin"), Anyone))), map: app => app.MapGet("/admin", () => reached++));
        using var client = app.Client();

        using var answer = await client.SendAsync(Raw(client, target), TestEnd);

        Assert.Equal(HttpStatusCode.Forbidden, answer.StatusCode);
        Assert.Equal(0, reached);
    }

    [Theory]
    [InlineData("/a%2Fb")]
    [InlineData("/a%5Cb")]
    [InlineData("/a//b")]
    [InlineData("/a%252Fb")]
    [InlineData("/x/%2e%2e/a")]
    public async Task Ambiguous_paths_are_refused_where_the_mesh_is_strict_about_them(string target)
    {
        await using var app = await MeshApp.StartAsync(WithPaths(Strict(), new PathOptions(true, false, EscapedSlashes.Reject)));
        using var client = app.Client();

        using var refused = await client.SendAsync(Raw(client, target), TestEnd);
        using var taken = await client.SendAsync(Raw(client, "/a/b?c=%2F//"), TestEnd);

        Assert.Equal(HttpStatusCode.BadRequest, refused.StatusCode);
        Assert.Equal(HttpStatusCode.OK, taken.StatusCode);
        Assert.Contains("ambiguous_path", (await app.Logs.WaitForAsync("Refused", TestEnd)).Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("/a//b", true, "Keep", "/a/b")]
    [InlineData("/a%2F%2Fb", true, "Unescape", "/a/b")]
    [InlineData("/a%2Fb", false, "Unescape", "/a/b")]
    [InlineData("/a%2F..%2Fb", false, "Unescape", "/b")]
    [InlineData("/a%5Cb", false, "Keep", "/a/b")]
    [InlineData("/a%5C..%5Cb", false, "Keep", "/b")]
    [InlineData("/a//b", false, "Keep", "/a//b")]
    [InlineData("/a%252e%252e/b", false, "Keep", "/a%2e%2e/b")]
    [InlineData("/a%2Fb", false, "Keep", "/a%2Fb")]
    [InlineData("/what%3F//x", true, "Keep", "/what?/x")]
    public async Task The_application_sees_the_path_that_was_matched(string target, bool merges, string slashes, string seen)
    {
        await using var app = await MeshApp.StartAsync(
            WithPaths(Strict(Allow(Policy("p", Path(seen), Anyone))), new PathOptions(true, merges, Enum.Parse<EscapedSlashes>(slashes))),
            static http => http.Response.WriteAsync(http.Request.Path.Value!));
        using var client = app.Client();

        using var answer = await client.SendAsync(Raw(client, target), TestEnd);

        Assert.Equal(seen, await answer.Content.ReadAsStringAsync(TestEnd));
    }

    [Theory]
    [InlineData(0, "10.1.1.1", "127.0.0.1")]
    [InlineData(1, "10.1.1.1, 10.2.2.2", "10.2.2.2")]
    [InlineData(2, "10.1.1.1, 10.2.2.2", "10.1.1.1")]
    [InlineData(3, "10.1.1.1, 10.2.2.2", "127.0.0.1")]
    [InlineData(1, "nonsense", "127.0.0.1")]
    [InlineData(1, null, "127.0.0.1")]
    public async Task Where_a_call_began_is_what_trusted_proxies_saw(int hops, string? forwardedFor, string expected)
    {
        var caller = new PrincipalConfig.RemoteAddress(IPNetwork.Parse(expected + "/32"));
        var policy = Strict(Allow(Policy("p", Anything, caller)));
        await using var app = await MeshApp.StartAsync(With(policy, http => http with { TrustedHops = hops }));
        using var client = app.Client();
        using var request = Raw(client, "/");
        if (forwardedFor is not null)
        {
            request.Headers.TryAddWithoutValidation("x-forwarded-for", forwardedFor);
        }

        using var answer = await client.SendAsync(request, TestEnd);

        Assert.Equal(HttpStatusCode.OK, answer.StatusCode);
    }

    private static HttpRequestMessage Raw(HttpClient client, string target)
        => new(HttpMethod.Get, new Uri(client.BaseAddress!.GetLeftPart(UriPartial.Authority) + target, new UriCreationOptions { DangerousDisablePathAndQueryCanonicalization = true }))
        {
            Version = client.DefaultRequestVersion,
            VersionPolicy = client.DefaultVersionPolicy,
        };

    private static InboundConfig WithPaths(InboundConfig config, PathOptions paths) => With(config, http => http with { Paths = paths });

    private static InboundConfig With(InboundConfig config, Func<HttpConnectionConfig, HttpConnectionConfig> change) => config with
    {
        Listener = config.Listener with { FilterChains = [.. config.Listener.FilterChains.Select(chain => chain with { Http = change(chain.Http) })] },
    };
}
