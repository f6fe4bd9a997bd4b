using System.Net;
using Google.Protobuf;
using Microsoft.AspNetCore.Http;
using ProxylessMesh.Client.Clusters;
using ProxylessMesh.TestSupport;
using ProxylessMesh.Xds.Resources;
using Xds.Data.Orca.V3;
using static ProxylessMesh.Client.Tests.Clusters.Picking;

namespace ProxylessMesh.Client.Tests.Clusters;

/// <summary>Load reports of endpoints and the weights they make (gRFC A51, A58, Envoy's header formats).</summary>
public sealed class LoadReportTests : IDisposable
{
    private static readonly OrcaLoadReport Wire = new() { CpuUtilization = 0.5, ApplicationUtilization = 0.25, RpsFractional = 10, Eps = 1 };

    private readonly Picking _picking = new();

    public void Dispose() => _picking.Dispose();

    [Fact]
    public void Every_form_of_a_report_says_the_same()
    {
        var expected = new LoadReport(0.25, 10, 1);
        var binary = Convert.ToBase64String(Wire.ToByteArray());

        Assert.Equal(expected, Read("endpoint-load-metrics-bin", binary));
        Assert.Equal(expected, Read("endpoint-load-metrics-bin", binary.TrimEnd('=')));
        Assert.Equal(expected, Read("endpoint-load-metrics", "BIN " + binary));
        Assert.Equal(expected, Read("endpoint-load-metrics", "TEXT cpu_utilization=0.5, application_utilization=0.25,rps_fractional=10,eps=1,named_metrics.x=3"));
        Assert.Equal(expected, Read("endpoint-load-metrics", """JSON {"cpu_utilization":0.5,"applicationUtilization":0.25,"rpsFractional":10,"eps":1,"namedMetrics":{"x":3}}"""));
    }

    [Fact]
    public void Older_fields_count_where_the_newer_are_not_set()
        => Assert.Equal(new LoadReport(0.5, 7, 0), Read("endpoint-load-metrics", """JSON {"cpuUtilization":0.5,"rps":"7"}"""));

    [Theory]
    [InlineData("endpoint-load-metrics-bin", "not base64!")]
    [InlineData("endpoint-load-metrics-bin", "/////w==")]
    [InlineData("endpoint-load-metrics-bin", "")]
    [InlineData("endpoint-load-metrics", "cpu_utilization=0.5")]
    [InlineData("endpoint-load-metrics", "TEXT cpu_utilization")]
    [InlineData("endpoint-load-metrics", "TEXT cpu_utilization=a lot")]
    [InlineData("endpoint-load-metrics", "TEXT eps=1,eps=2")]
    [InlineData("endpoint-load-metrics", "TEXT cpu_utilization=-1")]
    [InlineData("endpoint-load-metrics", "TEXT cpu_utilization=NaN")]
    [InlineData("endpoint-load-metrics", "JSON {")]
    [InlineData("endpoint-load-metrics", "JSON [1]")]
    public void What_cannot_be_read_is_no_report(string header, string value) => Assert.Null(Read(header, value));

    [Fact]
    public void Weight_is_calls_by_utilization_with_a_penalty_for_errors()
    {
        var config = new WeightedRoundRobinConfig { BlackoutPeriod = TimeSpan.Zero };
        var weight = new ReportedWeight();

        weight.Update(_picking.Time, new LoadReport(0.5, 100, 10), errorPenalty: 2);

        Assert.Equal(WeightState.Usable, weight.Read(_picking.Time, _picking.Time.GetTimestamp(), config, out var value));
        Assert.Equal(100 / (0.5 + (0.1 * 2)), value, 9);
    }

    [Fact]
    public void Weight_is_used_after_the_blackout_until_it_expires_and_then_begins_anew()
    {
        var config = new WeightedRoundRobinConfig { BlackoutPeriod = TimeSpan.FromSeconds(10), WeightExpiration = TimeSpan.FromSeconds(60) };
        var weight = new ReportedWeight();
        Assert.Equal(WeightState.NotYetUsable, Read());

        Update();
        Assert.Equal(WeightState.NotYetUsable, Read());
        _picking.Time.Advance(TimeSpan.FromSeconds(9));
        Update();
        Assert.Equal(WeightState.NotYetUsable, Read());
        _picking.Time.Advance(TimeSpan.FromSeconds(1));
        Assert.Equal(WeightState.Usable, Read());

        _picking.Time.Advance(TimeSpan.FromSeconds(59));
        Assert.Equal(WeightState.Stale, Read());
        Update();
        Assert.Equal(WeightState.NotYetUsable, Read());

        void Update() => weight.Update(_picking.Time, new LoadReport(0.5, 10, 0), 1);

        WeightState Read() => weight.Read(_picking.Time, _picking.Time.GetTimestamp(), config, out _);
    }

    [Fact]
    public void Picks_follow_the_reports_and_those_without_one_have_the_average()
    {
        var cluster = _picking.Cluster(Weighted, Range(3));
        Assert.All(Count(cluster, 3, 300), static count => Assert.Equal(100, count));

        Find(cluster, 1).ReportedWeight.Update(_picking.Time, new LoadReport(0.2, 10, 0), 1);
        _picking.Time.Advance(TimeSpan.FromSeconds(1));
        Assert.All(Count(cluster, 3, 300), static count => Assert.Equal(100, count));

        Find(cluster, 2).ReportedWeight.Update(_picking.Time, new LoadReport(0.8, 10, 0), 1);
        _picking.Time.Advance(TimeSpan.FromSeconds(1));

        var counts = Count(cluster, 3, 9375);
        Assert.InRange(counts[0], 4990, 5010);
        Assert.InRange(counts[1], 1240, 1260);
        Assert.InRange(counts[2], 3115, 3135);
    }

    [Fact]
    public async Task Reports_in_the_headers_of_answers_move_calls_to_the_idle_server()
    {
        await using var busy = await TestBackend.StartAsync(static http => Report(http, "TEXT application_utilization=0.9,rps_fractional=90"));
        await using var idle = await TestBackend.StartAsync(static http => Report(http, "TEXT application_utilization=0.1,rps_fractional=90"));
        var time = new Microsoft.Extensions.Time.Testing.FakeTimeProvider();
        await using var mesh = new TestMesh(time: time);
        mesh.Xds.Publish(Configs.Host("catalog", Configs.Forward("catalog"), Configs.Cluster(new ClusterConfig { Name = "catalog", LoadBalancer = Weighted }, busy.Address, idle.Address)));
        using var client = mesh.Client();
        using var fallbacks = new Measurements(mesh, "grpc.lb.wrr.rr_fallback");

        await CallAsync(10);
        var early = fallbacks.Tags.Count;
        time.Advance(TimeSpan.FromSeconds(1));
        var answers = await CallAsync(100);

        // Nobody had reported when the first table was built; the next is by weight: one in ten, and exactly that.
        Assert.True(early > 0);
        Assert.Equal(early, fallbacks.Tags.Count);
        Assert.InRange(answers.Count(static text => text.Contains("=0.9", StringComparison.Ordinal)), 8, 12);

        async Task<List<string>> CallAsync(int count)
        {
            var texts = new List<string>();
            for (var i = 0; i < count; i++)
            {
                texts.Add(await client.GetStringAsync(new Uri("http://catalog/"), TestContext.Current.CancellationToken));
            }

            return texts;
        }
    }

    [Fact]
    public async Task Calls_dropped_by_the_control_plane_reach_nobody()
    {
        var reached = 0;
        await using var backend = await TestBackend.StartAsync(http =>
        {
            Interlocked.Increment(ref reached);
            return http.Response.WriteAsync("here");
        });
        await using var mesh = new TestMesh();
        var cluster = Configs.Cluster("catalog", backend.Address);
        mesh.Xds.Publish(Configs.Host("catalog", Configs.Forward("catalog"), cluster with { Endpoints = cluster.Endpoints! with { Drops = [("overload", 1_000_000)] } }));
        using var client = mesh.Client();
        using var drops = new Measurements(mesh, "proxyless_mesh.client.drops");

        var error = await Assert.ThrowsAsync<MeshException>(() => client.GetStringAsync(new Uri("http://catalog/"), TestContext.Current.CancellationToken));

        Assert.Equal(MeshError.DropOverload, error.Error);
        Assert.Contains("'overload'", error.Message, StringComparison.Ordinal);
        Assert.Equal("overload", Assert.Single(drops.Tags)["proxyless_mesh.drop_category"]);
        Assert.Equal(0, reached);
        Assert.Equal(0, mesh.Cluster("catalog").Members.Breaker.Active);
    }

    [Fact]
    public async Task Latency_is_measured_where_picks_go_by_it()
    {
        await using var backend = await TestBackend.StartAsync(static http => http.Response.WriteAsync("here"));
        await using var mesh = TestMesh.With(
            Configs.Host("ewma", Configs.Forward("ewma"), Configs.Cluster(new ClusterConfig { Name = "ewma", LoadBalancer = new LoadBalancerConfig { Kind = LoadBalancerKind.PeakEwma } }, backend.Address)),
            Configs.Host("plain", backend.Address));
        using var client = mesh.Client();

        await client.GetStringAsync(new Uri("http://ewma/"), TestContext.Current.CancellationToken);
        await client.GetStringAsync(new Uri("http://plain/"), TestContext.Current.CancellationToken);

        Assert.True(Expected("ewma") > 0);
        Assert.Equal(0, Expected("plain"));

        double Expected(string host) => mesh.Cluster(host).Endpoints.Single().Latency.Expected(TimeProvider.System, TimeProvider.System.GetTimestamp(), 0);
    }

    private static LoadBalancerConfig Weighted => new()
    {
        Kind = LoadBalancerKind.WeightedRoundRobin,
        WeightedRoundRobin = new WeightedRoundRobinConfig { BlackoutPeriod = TimeSpan.Zero },
    };

    private static LoadReport? Read(string header, string value)
    {
        using var response = new HttpResponseMessage(HttpStatusCode.OK);
        response.Headers.TryAddWithoutValidation(header, value);
        return LoadReport.TryRead(response.Headers, out var report) ? report : null;
    }

    private static Task Report(HttpContext http, string report)
    {
        http.Response.Headers["endpoint-load-metrics"] = report;
        return http.Response.WriteAsync(report);
    }
}
