using System.Collections.Immutable;
using Microsoft.AspNetCore.Http;
using ProxylessMesh.Client.Routing;
using ProxylessMesh.TestSupport;
using ProxylessMesh.Xds.Matching;
using ProxylessMesh.Xds.Resources;

namespace ProxylessMesh.Client.Tests.Routing;

public sealed class RoutingTests
{
    private static CancellationToken TestEnd => TestContext.Current.CancellationToken;

    [Theory]
    [InlineData("catalog.shop", "exact")]
    [InlineData("CATALOG.shop", "exact")]
    [InlineData("a.catalog.shop", "long suffix")]
    [InlineData("prices.shop", "suffix")]
    [InlineData("catalog.other", "prefix")]
    [InlineData("anything", "all")]
    public void Virtual_host_is_the_most_exact_one(string authority, string expected)
    {
        ImmutableArray<VirtualHostConfig> hosts =
        [
            new() { Name = "all", Domains = ["*"] },
            new() { Name = "prefix", Domains = ["catalog.*"] },
            new() { Name = "suffix", Domains = ["*.shop"] },
            new() { Name = "long suffix", Domains = ["*.catalog.shop"] },
            new() { Name = "exact", Domains = ["catalog.shop"] },
        ];

        Assert.Equal(expected, VirtualHostMatcher.Find(hosts, authority)?.Name);
    }

    [Fact]
    public void Each_side_of_a_split_owns_exactly_its_weight()
    {
        var clusters = new WeightedClusters([Target("v1"), Target("none"), Target("v2")], [90, 0, 10]);

        var counts = Enumerable.Range(0, 100).Select(i => clusters.At((ulong)i).Name).CountBy(static name => name).ToDictionary();

        Assert.Equal(90, counts["v1"]);
        Assert.Equal(10, counts["v2"]);
        Assert.DoesNotContain("none", counts.Keys);
        Assert.InRange(Enumerable.Range(0, 10_000).Count(_ => clusters.Pick().Name == "v2"), 850, 1150);
    }

    [Fact]
    public async Task First_route_that_matches_is_taken()
    {
        await using var a = await TestBackend.StartAsync(static http => http.Response.WriteAsync("a"));
        await using var b = await TestBackend.StartAsync(static http => http.Response.WriteAsync("b"));
        var beta = new RouteRuleConfig
        {
            Match = new RequestMatcher { Path = PathMatcher.Prefix("/"), Headers = [new HeaderMatcher { Name = "x-user", Value = StringMatcher.Exact("beta") }] },
            Action = Configs.Forward("b"),
        };
        await using var mesh = TestMesh.With(Configs.Host("catalog", [beta, Configs.Route(Configs.Forward("a"), "/items")], Configs.Cluster("a", a.Address), Configs.Cluster("b", b.Address)));
        using var client = mesh.Client();

        Assert.Equal("a", await client.GetStringAsync(new Uri("http://catalog/items?x"), TestEnd));
        using var request = new HttpRequestMessage(HttpMethod.Get, "http://catalog/items") { Headers = { { "X-User", "beta" } } };
        using var response = await client.SendAsync(request, TestEnd);
        Assert.Equal("b", await response.Content.ReadAsStringAsync(TestEnd));

        var error = await Assert.ThrowsAsync<MeshException>(() => client.GetAsync(new Uri("http://catalog/other"), TestEnd));
        Assert.Equal(MeshError.NoRoute, error.Error);
        Assert.Contains("/other", error.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(":scheme", "http", true)]
    [InlineData(":scheme", "https", false)]
    [InlineData(":authority", "catalog", true)]
    [InlineData(":path", "/items", true)]
    [InlineData(":method", "GET", true)]
    [InlineData(":method", "POST", false)]
    public async Task A_pseudo_header_is_a_condition_like_any_other(string name, string value, bool matches)
    {
        await using var backend = await TestBackend.StartAsync(static http => http.Response.WriteAsync("taken"));
        var route = new RouteRuleConfig
        {
            Match = new RequestMatcher { Path = PathMatcher.Prefix("/"), Headers = [new HeaderMatcher { Name = name, Value = StringMatcher.Exact(value) }] },
            Action = Configs.Forward("catalog"),
        };
        await using var mesh = TestMesh.With(Configs.Host("catalog", [route, Configs.Route(new DirectResponseActionConfig(410, default))], Configs.Cluster("catalog", backend.Address)));
        using var client = mesh.Client();

        using var response = await client.GetAsync(new Uri("http://catalog/items"), TestEnd);

        Assert.Equal(matches ? 200 : 410, (int)response.StatusCode);
    }

    [Fact]
    public async Task Headers_change_on_the_way_and_the_request_comes_back_as_it_was()
    {
        await using var backend = await TestBackend.StartAsync(static http =>
        {
            http.Response.Headers["x-secret"] = "s";
            return http.Response.WriteAsync($"{http.Request.Headers["x-gone"]}|{http.Request.Headers["x-set"]}|{http.Request.Headers["x-added"]}");
        });
        var headers = new HeaderOperationsConfig
        {
            RequestRemove = ["x-gone"],
            RequestSet = [new("x-set", "new")],
            RequestAdd = [new("x-added", "2")],
            ResponseRemove = ["x-secret"],
            ResponseSet = [new("x-from", "mesh")],
        };
        await using var mesh = TestMesh.With(Configs.Host("catalog", [Configs.Route(Configs.Forward("catalog")) with { Headers = headers }], Configs.Cluster("catalog", backend.Address)));
        using var client = mesh.Client();
        using var request = new HttpRequestMessage(HttpMethod.Get, "http://catalog/") { Headers = { { "x-gone", "here" }, { "x-set", "old" }, { "x-added", "1" } } };

        using var response = await client.SendAsync(request, TestEnd);

        Assert.Equal("|new|1,2", await response.Content.ReadAsStringAsync(TestEnd));
        Assert.False(response.Headers.Contains("x-secret"));
        Assert.Equal("mesh", Assert.Single(response.Headers.GetValues("x-from")));
        Assert.Equal("here", Assert.Single(request.Headers.GetValues("x-gone")));
        Assert.Equal("old", Assert.Single(request.Headers.GetValues("x-set")));
        Assert.Equal("1", Assert.Single(request.Headers.GetValues("x-added")));
    }

    [Fact]
    public async Task Missing_cluster_fails_only_the_calls_that_go_there()
    {
        await using var backend = await TestBackend.StartAsync(static http => http.Response.WriteAsync("fine"));
        await using var mesh = TestMesh.With(Configs.Host("catalog", [Configs.Route(Configs.Forward("gone"), "/gone"), Configs.Route(Configs.Forward("catalog"))], Configs.Cluster("catalog", backend.Address)));
        using var client = mesh.Client();

        Assert.Equal("fine", await client.GetStringAsync(new Uri("http://catalog/"), TestEnd));
        var error = await Assert.ThrowsAsync<MeshException>(() => client.GetAsync(new Uri("http://catalog/gone"), TestEnd));

        Assert.Equal(MeshError.ClusterUnavailable, error.Error);
        Assert.Equal("gone", error.Cluster);
    }

    [Fact]
    public async Task Cluster_without_endpoints_fails_with_NoHealthyEndpoint()
    {
        await using var mesh = TestMesh.With(Configs.Host("catalog"));
        using var client = mesh.Client();

        var error = await Assert.ThrowsAsync<MeshException>(() => client.GetAsync(new Uri("http://catalog/"), TestEnd));

        Assert.Equal(MeshError.NoHealthyEndpoint, error.Error);
        Assert.Equal(0, mesh.Cluster("catalog").Members.Breaker.Active);
    }

    [Fact]
    public async Task Push_while_calls_run_loses_none()
    {
        await using var a = await TestBackend.StartAsync(static http => http.Response.WriteAsync("ok"));
        await using var b = await TestBackend.StartAsync(static http => http.Response.WriteAsync("ok"));
        await using var mesh = TestMesh.With(Configs.Host("catalog", a.Address));
        using var client = mesh.Client();
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(TestEnd);
        var calls = 0;
        var load = Parallel.ForAsync(0, 8, TestEnd, async (_, end) =>
        {
            while (!stop.IsCancellationRequested)
            {
                Assert.Equal("ok", await client.GetStringAsync(new Uri("http://catalog/"), end));
                Interlocked.Increment(ref calls);
            }
        });

        for (var i = 0; i < 200; i++)
        {
            mesh.Xds.Publish(Configs.Host("catalog", i % 2 == 0 ? b.Address : a.Address));
            var before = Volatile.Read(ref calls);
            while (Volatile.Read(ref calls) == before && !load.IsCompleted)
            {
                await Task.Yield();
            }
        }

        await stop.CancelAsync();
        await load;
    }

    private static RouteTarget Target(string name) => new(name, null, null, null, null);
}
