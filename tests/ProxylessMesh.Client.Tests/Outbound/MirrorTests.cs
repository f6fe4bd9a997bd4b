using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.DependencyInjection;
using ProxylessMesh.Client.Outbound;
using ProxylessMesh.TestSupport;
using ProxylessMesh.Xds.Matching;
using ProxylessMesh.Xds.Resources;

namespace ProxylessMesh.Client.Tests.Outbound;

public sealed class MirrorTests
{
    private static readonly FractionMatcher All = new(FractionMatcher.Always);

    private static CancellationToken TestEnd => TestContext.Current.CancellationToken;

    [Theory]
    [InlineData("none", "")]
    [InlineData("memory", "body")]
    [InlineData("stream", "body")]
    public async Task Mirror_gets_the_call_as_its_route_made_it(string body, string expected)
    {
        var copied = new TaskCompletionSource<string>();
        await using var real = await TestBackend.StartAsync(Echo);
        await using var shadow = await TestBackend.StartAsync(async http =>
        {
            using var reader = new StreamReader(http.Request.Body);
            copied.TrySetResult($"{http.Request.Method} {http.Request.Path}{http.Request.QueryString} {http.Request.Host} {http.Request.Headers["x-route"]} {http.Request.Headers["x-app"]} {await reader.ReadToEndAsync(http.RequestAborted)}");
        });
        var forward = Configs.Forward("catalog") with { Mirrors = [new MirrorConfig("shadow", All)], PathRewrite = new PrefixRewriteConfig("/v2/") };
        var route = Configs.Route(forward) with { Headers = new HeaderOperationsConfig { RequestSet = [new("x-route", "set")] } };
        await using var mesh = TestMesh.With(Configs.Host("catalog", [route], Configs.Cluster("catalog", real.Address), Configs.Cluster("shadow", shadow.Address)));
        using var client = mesh.Client();
        using var request = new HttpRequestMessage(HttpMethod.Post, "http://catalog/items?x=1")
        {
            Headers = { { "x-app", "sent" } },
            Content = body switch
            {
                "none" => null,
                "memory" => new StringContent("body"),
                _ => new StreamContent(new MemoryStream("body"u8.ToArray())),
            },
        };

        using var response = await client.SendAsync(request, TestEnd);

        Assert.Equal(expected, await response.Content.ReadAsStringAsync(TestEnd));
        request.Dispose();
        Assert.Equal($"POST /v2/items?x=1 catalog-shadow set sent {expected}", await copied.Task.WaitAsync(TestEnd));
    }

    [Fact]
    public async Task Mirror_that_never_answers_holds_nobody_up_and_its_counts_go_back()
    {
        var asked = new TaskCompletionSource();
        await using var real = await TestBackend.StartAsync(Echo);
        await using var shadow = await TestBackend.StartAsync(async http =>
        {
            asked.TrySetResult();
            await Task.Delay(Timeout.InfiniteTimeSpan, TimeProvider.System, http.RequestAborted).ContinueWith(static _ => { }, TaskScheduler.Default);
        });
        await using var mesh = TestMesh.With(Mirrored(real, shadow, Configs.Forward("catalog") with { Timeout = TimeSpan.FromMilliseconds(300) }));
        using var ends = new Measurements(mesh, "proxyless_mesh.client.mirrors");
        using var client = mesh.Client();

        using var response = await client.PostAsync(new Uri("http://catalog/"), new StringContent("body"), TestEnd);

        Assert.Equal("body", await response.Content.ReadAsStringAsync(TestEnd));
        await asked.Task.WaitAsync(TestEnd);
        await ends.WaitAsync(1, TestEnd);
        Assert.Equal("timeout", ends.Tags[^1]["proxyless_mesh.outcome"]);
        AssertIdle(mesh);
    }

    [Fact]
    public async Task Mirror_that_cannot_be_reached_fails_no_call()
    {
        await using var real = await TestBackend.StartAsync(Echo);
        var forward = Configs.Forward("catalog") with { Mirrors = [new MirrorConfig("shadow", All), new MirrorConfig("gone", All)] };
        await using var mesh = TestMesh.With(Configs.Host("catalog", forward, Configs.Cluster("catalog", real.Address), Configs.Cluster("shadow", RetryTests.DeadEndpoint())));
        using var ends = new Measurements(mesh, "proxyless_mesh.client.mirrors");
        using var skipped = new Measurements(mesh, "proxyless_mesh.client.mirrors_skipped");
        using var client = mesh.Client();

        using var response = await client.PostAsync(new Uri("http://catalog/"), new StringContent("body"), TestEnd);

        Assert.Equal("body", await response.Content.ReadAsStringAsync(TestEnd));
        await ends.WaitAsync(1, TestEnd);
        Assert.Equal("connect_failure", ends.Tags[^1]["proxyless_mesh.outcome"]);
        Assert.Equal("no_cluster", skipped.Tags[^1]["proxyless_mesh.reason"]);
        AssertIdle(mesh);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task Body_above_the_bound_is_sent_and_not_mirrored(bool isStream)
    {
        var size = new MeshOptions().Outbound.RetryBufferBytes + 1;
        await using var real = await TestBackend.StartAsync(Echo);
        await using var shadow = await TestBackend.StartAsync(Echo);
        await using var mesh = TestMesh.With(Mirrored(real, shadow));
        using var skipped = new Measurements(mesh, "proxyless_mesh.client.mirrors_skipped");
        using var client = mesh.Client();

        HttpContent content = isStream ? new StreamContent(new MemoryStream(new byte[size])) : new ByteArrayContent(new byte[size]);
        using var response = await client.PostAsync(new Uri("http://catalog/"), content, TestEnd);

        Assert.Equal(size, (await response.Content.ReadAsByteArrayAsync(TestEnd)).Length);
        Assert.Equal("body_too_large", Assert.Single(skipped.Tags)["proxyless_mesh.reason"]);
        AssertIdle(mesh);
    }

    [Fact]
    public async Task Several_mirrors_get_their_share_each()
    {
        await using var real = await TestBackend.StartAsync(Echo);
        await using var shadow = await TestBackend.StartAsync(Echo);
        var forward = Configs.Forward("catalog") with
        {
            Mirrors = [new MirrorConfig("always", All), new MirrorConfig("half", new FractionMatcher(500_000)), new MirrorConfig("never", new FractionMatcher(0))],
        };
        await using var mesh = TestMesh.With(Configs.Host(
            "catalog",
            forward,
            Configs.Cluster("catalog", real.Address),
            Configs.Cluster("always", shadow.Address),
            Configs.Cluster("half", shadow.Address),
            Configs.Cluster("never", shadow.Address)));
        using var ends = new Measurements(mesh, "proxyless_mesh.client.mirrors");
        using var client = mesh.Client();

        const int Calls = 400;
        for (var i = 0; i < Calls; i++)
        {
            using var response = await client.GetAsync(new Uri("http://catalog/"), TestEnd);
        }

        // Every call has an end for "always"; those of "half" are counted once all have come.
        await ends.WaitAsync(Calls, TestEnd);
        while (mesh.Services.GetRequiredService<MirrorSender>().Active > 0)
        {
            await Task.Yield();
        }

        var counts = ends.Tags.CountBy(static tags => (string)tags["proxyless_mesh.cluster"]!).ToDictionary();
        Assert.Equal(Calls, counts["always"]);

        // Five standard deviations of a binomial with p = 0.5.
        Assert.InRange(counts["half"], 150, 250);
        Assert.False(counts.ContainsKey("never"));
        AssertIdle(mesh);
    }

    [Fact]
    public async Task Copy_belongs_to_the_trace_but_is_not_to_be_recorded()
    {
        var copied = new TaskCompletionSource<string>();
        await using var real = await TestBackend.StartAsync(Echo);
        await using var shadow = await TestBackend.StartAsync(http =>
        {
            copied.TrySetResult(http.Request.Headers["traceparent"].ToString());
            return Task.CompletedTask;
        });
        await using var mesh = TestMesh.With(Mirrored(real, shadow));
        using var client = mesh.Client();
        using var request = new HttpRequestMessage(HttpMethod.Get, "http://catalog/");
        request.Headers.Add("traceparent", "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01");

        using var response = await client.SendAsync(request, TestEnd);

        Assert.Equal("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-00", await copied.Task.WaitAsync(TestEnd));
    }

    private static Xds.XdsConfig Mirrored(TestBackend real, TestBackend shadow, ForwardActionConfig? forward = null)
        => Configs.Host("catalog", (forward ?? Configs.Forward("catalog")) with { Mirrors = [new MirrorConfig("shadow", All)] }, Configs.Cluster("catalog", real.Address), Configs.Cluster("shadow", shadow.Address));

    private static void AssertIdle(TestMesh mesh)
    {
        Assert.Equal(0, mesh.Services.GetRequiredService<MirrorSender>().Active);
        var slot = mesh.Services.GetRequiredService<Client.Snapshots.SnapshotSource>().Find(new Client.Snapshots.HostKey("catalog", 0));
        Assert.All(slot.State.Routes!.Clusters, static cluster =>
        {
            Assert.Equal(0, cluster.Members.Breaker.Active);
            Assert.All(cluster.Endpoints, static endpoint => Assert.Equal(0, endpoint.ActiveCalls));
        });
    }

    private static Task Echo(HttpContext http) => http.Request.Body.CopyToAsync(http.Response.Body, http.RequestAborted);
}
