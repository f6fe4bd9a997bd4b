using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.Extensions.Time.Testing;
using ProxylessMesh.Client.Clusters;
using ProxylessMesh.TestSupport;
using ProxylessMesh.Xds.Resources;

namespace ProxylessMesh.Client.Tests.Clusters;

public sealed class HealthCheckTests
{
    private static readonly HealthCheckConfig Check = new() { Path = "/health", Interval = TimeSpan.FromSeconds(10), UnhealthyThreshold = 3, HealthyThreshold = 2 };

    private readonly FakeTimeProvider _time = new();

    private static CancellationToken TestEnd => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Endpoint_that_says_it_is_not_well_takes_no_calls_until_it_says_otherwise_often_enough()
    {
        var status = 503;
        var calls = 0;
        await using var ill = await TestBackend.StartAsync(http => Serve(http, () => status, () => calls++));
        await using var well = await TestBackend.StartAsync(static http => Serve(http, static () => 200, static () => { }));
        await using var mesh = Mesh(new ClusterConfig { Name = "catalog", HealthChecks = [Check] }, ill, well);
        using var client = mesh.Client();
        await client.GetStringAsync(new Uri("http://catalog/"), TestEnd);
        var (first, second) = (mesh.Cluster("catalog").Endpoints.First(), mesh.Cluster("catalog").Endpoints.Last());
        await UntilAsync(() => !second.Health.IsFailing && !PicksReach(mesh, first));
        calls = 0;

        for (var i = 0; i < 10; i++)
        {
            await client.GetStringAsync(new Uri("http://catalog/"), TestEnd);
        }

        Assert.True(first.Health.IsFailing);
        Assert.Equal(0, calls);

        status = 200;
        await UntilAsync(() => !first.Health.IsFailing && PicksReach(mesh, first), TimeSpan.FromSeconds(10));
        await client.GetStringAsync(new Uri("http://catalog/"), TestEnd);
        await client.GetStringAsync(new Uri("http://catalog/"), TestEnd);
        Assert.Equal(1, calls);
    }

    [Fact]
    public void First_result_counts_alone_and_later_ones_by_their_thresholds()
    {
        var health = new ActiveHealth();
        health.Expect(1);
        Assert.True(health.IsFailing);

        Assert.True(health.Settle(0, CheckResult.Passed, Check));
        Assert.False(health.IsFailing);

        Assert.False(health.Settle(0, CheckResult.Unreachable, Check));
        Assert.False(health.Settle(0, CheckResult.Unreachable, Check));
        Assert.False(health.Settle(0, CheckResult.Passed, Check));
        Assert.False(health.Settle(0, CheckResult.Unreachable, Check));
        Assert.False(health.Settle(0, CheckResult.Unreachable, Check));
        Assert.True(health.Settle(0, CheckResult.Unreachable, Check));
        Assert.True(health.IsFailing);

        Assert.False(health.Settle(0, CheckResult.Passed, Check));
        Assert.False(health.Settle(0, CheckResult.Unreachable, Check));
        Assert.False(health.Settle(0, CheckResult.Passed, Check));
        Assert.True(health.Settle(0, CheckResult.Passed, Check));

        // An answer that says no needs no threshold.
        Assert.True(health.Settle(0, CheckResult.Refused, Check));
    }

    [Fact]
    public void All_checks_must_pass_and_none_is_as_good_as_all()
    {
        var health = new ActiveHealth();
        health.Expect(2);
        health.Settle(0, CheckResult.Passed, Check);
        Assert.True(health.IsFailing);
        health.Settle(1, CheckResult.Passed, Check);
        Assert.False(health.IsFailing);

        health.Settle(1, CheckResult.Refused, Check);
        health.Expect(1);
        Assert.False(health.IsFailing);
        health.Fail();
        health.Expect(0);
        Assert.False(health.IsFailing);
    }

    [Theory]
    [InlineData(1, true)]
    [InlineData(2, false)]
    public async Task Grpc_check_asks_the_standard_service(int servingStatus, bool isWell)
    {
        var asked = "";
        await using var backend = await TestBackend.StartAsync(
            async http =>
            {
                using var body = new MemoryStream();
                await http.Request.Body.CopyToAsync(body);
                asked = $"{http.Request.Path} {System.Text.Encoding.UTF8.GetString(body.ToArray().AsSpan(7))}";
                http.Response.ContentType = "application/grpc";
                await http.Response.Body.WriteAsync(new byte[] { 0, 0, 0, 0, 2, 8, (byte)servingStatus });
                http.Response.AppendTrailer("grpc-status", "0");
            },
            HttpProtocols.Http2);

        Assert.Equal(isWell ? CheckResult.Passed : CheckResult.Refused, await AskAsync(backend, new HealthCheckConfig { Kind = HealthCheckKind.Grpc, GrpcService = "shop.Pricing" }, http2: true));
        Assert.Equal("/grpc.health.v1.Health/Check shop.Pricing", asked);
    }

    [Theory]
    [InlineData(204, CheckResult.Passed)]
    [InlineData(299, CheckResult.Passed)]
    [InlineData(300, CheckResult.Refused)]
    public async Task Http_check_passes_by_the_statuses_that_are_listed(int status, object expected)
    {
        await using var backend = await TestBackend.StartAsync(http =>
        {
            http.Response.StatusCode = http.Request.Path == "/health" && http.Request.Host.Value == "catalog.shop" ? status : 404;
            return Task.CompletedTask;
        });

        Assert.Equal((CheckResult)expected, await AskAsync(backend, Check with { Host = "catalog.shop", ExpectedStatuses = [(204, 300)] }));
    }

    [Fact]
    public async Task Tcp_check_only_connects_and_leaves_nothing_open()
    {
        await using var backend = await TestBackend.StartAsync(static _ => Task.CompletedTask);

        Assert.Equal(CheckResult.Passed, await AskAsync(backend, new HealthCheckConfig { Kind = HealthCheckKind.Tcp }));
    }

    [Fact]
    public async Task Check_without_an_answer_ends_with_its_timeout()
    {
        await using var backend = await TestBackend.StartAsync(static http => Task.Delay(Timeout.InfiniteTimeSpan, TimeProvider.System, http.RequestAborted).ContinueWith(static _ => { }, TaskScheduler.Default));
        await using var mesh = Mesh(new ClusterConfig { Name = "catalog" }, backend);
        using var client = mesh.Client();
        var endpoint = await EndpointAsync(mesh);

        var ask = HealthProbe.AskAsync(endpoint, new ClusterConfig { Name = "catalog" }, Check with { Timeout = TimeSpan.FromMilliseconds(50) }, TimeProvider.System, TestEnd);

        Assert.Equal(CheckResult.Unreachable, await ask);
    }

    [Fact]
    public async Task Answer_of_an_endpoint_that_is_about_to_go_takes_it_out_at_once()
    {
        await using var backend = await TestBackend.StartAsync(static http =>
        {
            if (http.Request.Path == "/last")
            {
                http.Response.Headers["x-envoy-immediate-health-check-fail"] = "true";
            }

            return Task.CompletedTask;
        });
        await using var mesh = Mesh(new ClusterConfig { Name = "catalog", HealthChecks = [Check] }, backend);
        using var client = mesh.Client();
        var endpoint = await EndpointAsync(mesh);
        await UntilAsync(() => !endpoint.Health.IsFailing);

        await client.GetStringAsync(new Uri("http://catalog/last"), TestEnd);

        Assert.True(endpoint.Health.IsFailing);
    }

    [Fact]
    public async Task Checks_end_when_nobody_uses_the_cluster_and_their_result_survives_a_push()
    {
        var checks = 0;
        await using var backend = await TestBackend.StartAsync(http => Serve(http, () =>
        {
            Interlocked.Increment(ref checks);
            return 200;
        }, static () => { }));
        await using var mesh = Mesh(new ClusterConfig { Name = "catalog", HealthChecks = [Check] }, backend);
        using var client = mesh.Client();
        var endpoint = await EndpointAsync(mesh);
        await UntilAsync(() => !endpoint.Health.IsFailing);

        mesh.Xds.Publish(Configs.Host("catalog", Configs.Forward("catalog"), Configs.Cluster(new ClusterConfig { Name = "catalog", HealthChecks = [Check] }, backend.Address)));
        Assert.False(endpoint.Health.IsFailing);
        Assert.Same(endpoint, mesh.Cluster("catalog").Endpoints.Single());
        await UntilAsync(() => Volatile.Read(ref checks) >= 2);

        mesh.Xds.Publish(Configs.Host("catalog", Configs.Forward("other"), Configs.Cluster("other", backend.Address)));
        var made = Volatile.Read(ref checks);
        for (var i = 0; i < 5; i++)
        {
            _time.Advance(TimeSpan.FromSeconds(10));
            await client.GetStringAsync(new Uri("http://catalog/"), TestEnd);
        }

        Assert.Equal(made, Volatile.Read(ref checks));
    }

    private static Task Serve(HttpContext http, Func<int> health, Action called)
    {
        if (http.Request.Path == "/health")
        {
            http.Response.StatusCode = health();
        }
        else
        {
            called();
        }

        return Task.CompletedTask;
    }

    private static async Task<CheckResult> AskAsync(TestBackend backend, HealthCheckConfig check, bool http2 = false)
    {
        var cluster = new ClusterConfig { Name = "catalog", Http2 = http2 };
        await using var mesh = TestMesh.With(Configs.Host("catalog", Configs.Forward("catalog"), Configs.Cluster(cluster, backend.Address)));
        using var client = mesh.Client();
        return await HealthProbe.AskAsync(await EndpointAsync(mesh), cluster, check, TimeProvider.System, TestEnd);
    }

    // A cluster exists from the first lookup of its host on.
    private static Task<ClusterEndpoint> EndpointAsync(TestMesh mesh) => Task.FromResult(mesh.Cluster("catalog").Endpoints.First());

    // What a check found is first seen at the endpoint and a moment later in the picks.
    private static bool PicksReach(TestMesh mesh, ClusterEndpoint endpoint)
        => Enumerable.Range(0, 4).Any(_ => mesh.Cluster("catalog").Pick() == endpoint);

    private async Task UntilAsync(Func<bool> condition, TimeSpan step = default)
    {
        for (var i = 0; !condition(); i++)
        {
            if (i % 1000 == 999)
            {
                _time.Advance(step);
            }

            await Task.Yield();
        }
    }

    private TestMesh Mesh(ClusterConfig cluster, params TestBackend[] backends)
    {
        var mesh = new TestMesh(time: _time);
        mesh.Xds.Publish(Configs.Host("catalog", Configs.Forward("catalog"), Configs.Cluster(cluster, [.. backends.Select(static backend => backend.Address)])));
        return mesh;
    }
}
