using System.Diagnostics.Metrics;
using System.Net;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Time.Testing;
using ProxylessMesh.Client.Clusters;
using ProxylessMesh.Client.Telemetry;
using ProxylessMesh.Xds.Resources;

namespace ProxylessMesh.Client.Tests.Clusters;

public sealed class OutlierDetectorTests : IDisposable
{
    private static readonly OutlierDetectionConfig Consecutive5 = new() { Consecutive5xx = 5, MaxEjectionPercent = 50 };

    private readonly FakeTimeProvider _time = new();
    private readonly ServiceProvider _services = new ServiceCollection().AddMetrics().BuildServiceProvider();
    private readonly EndpointTable _table;

    public OutlierDetectorTests()
        => _table = new EndpointTable(
            static (_, _, _) => new HttpMessageInvoker(new SocketsHttpHandler()),
            _time,
            new MeshMeter(_services.GetRequiredService<IMeterFactory>()),
            NullLogger<EndpointTable>.Instance);

    public void Dispose() => _services.Dispose();

    [Fact]
    public void Fifth_failure_in_a_row_ejects_and_a_success_in_between_starts_anew()
    {
        var cluster = Cluster(Consecutive5, 4);
        var endpoint = cluster.Endpoints.First();

        Fail(cluster, endpoint, 4);
        Record(cluster, endpoint, EndpointResult.Answer(200));
        Fail(cluster, endpoint, 4);
        Assert.False(endpoint.Outlier.IsEjected);

        Fail(cluster, endpoint, 1);
        Assert.True(endpoint.Outlier.IsEjected);
        Assert.DoesNotContain(endpoint, Enumerable.Range(0, 50).Select(_ => cluster.Pick()!));
    }

    [Fact]
    public void Second_ejection_in_a_row_lasts_twice_as_long()
    {
        var cluster = Cluster(Consecutive5, 4);
        var endpoint = cluster.Endpoints.First();

        Fail(cluster, endpoint, 5);
        _time.Advance(TimeSpan.FromSeconds(20));
        Assert.True(endpoint.Outlier.IsEjected);
        _time.Advance(TimeSpan.FromSeconds(10));
        Assert.False(endpoint.Outlier.IsEjected);

        Fail(cluster, endpoint, 5);
        _time.Advance(TimeSpan.FromSeconds(50));
        Assert.True(endpoint.Outlier.IsEjected);
        _time.Advance(TimeSpan.FromSeconds(10));
        Assert.False(endpoint.Outlier.IsEjected);
    }

    [Fact]
    public void Healthy_interval_forgives_one_ejection()
    {
        var cluster = Cluster(Consecutive5, 4);
        var endpoint = cluster.Endpoints.First();
        Fail(cluster, endpoint, 5);
        _time.Advance(TimeSpan.FromSeconds(10));
        _time.Advance(TimeSpan.FromSeconds(10));
        _time.Advance(TimeSpan.FromSeconds(10));
        Assert.Equal(1, endpoint.Outlier.Multiplier);

        _time.Advance(TimeSpan.FromSeconds(10));

        Assert.Equal(0, endpoint.Outlier.Multiplier);
    }

    [Theory]
    [InlineData(10, 4, 1)]
    [InlineData(50, 4, 2)]
    [InlineData(74, 4, 2)]
    [InlineData(75, 4, 3)]
    [InlineData(100, 4, 4)]
    [InlineData(0, 1, 0)]
    public void One_may_always_be_ejected_and_more_only_up_to_the_percentage(int maxPercent, int endpoints, int expected)
    {
        var cluster = Cluster(Consecutive5 with { MaxEjectionPercent = maxPercent }, endpoints);

        foreach (var endpoint in cluster.Endpoints)
        {
            Fail(cluster, endpoint, 5);
        }

        Assert.Equal(expected, cluster.Endpoints.Count(static endpoint => endpoint.Outlier.IsEjected));
    }

    [Fact]
    public void When_all_are_ejected_all_are_used()
    {
        var cluster = Cluster(Consecutive5 with { MaxEjectionPercent = 100 }, 2);
        foreach (var endpoint in cluster.Endpoints)
        {
            Fail(cluster, endpoint, 5);
        }

        Assert.Equal(2, Enumerable.Range(0, 10).Select(_ => cluster.Pick()!).Distinct().Count());
    }

    [Fact]
    public void Gateway_failures_are_counted_apart_from_other_server_errors()
    {
        var cluster = Cluster(new OutlierDetectionConfig { ConsecutiveGatewayFailure = 2, EnforcingConsecutiveGatewayFailure = 100 }, 3);
        var endpoint = cluster.Endpoints.First();

        Record(cluster, endpoint, EndpointResult.Answer(503));
        Record(cluster, endpoint, EndpointResult.Answer(500));
        Record(cluster, endpoint, EndpointResult.Answer(502));
        Assert.False(endpoint.Outlier.IsEjected);

        Record(cluster, endpoint, EndpointResult.Answer(504));
        Assert.True(endpoint.Outlier.IsEjected);
    }

    [Fact]
    public void Local_failures_count_as_server_errors_unless_they_are_split()
    {
        var joined = Cluster(Consecutive5, 3, "joined");
        var split = Cluster(Consecutive5 with { SplitLocalOriginErrors = true, ConsecutiveLocalOriginFailure = 6 }, 3, "split");
        for (var i = 0; i < 5; i++)
        {
            Record(joined, joined.Endpoints.First(), EndpointResult.LocalFailure);
            Record(split, split.Endpoints.First(), EndpointResult.LocalFailure);
        }

        Assert.True(joined.Endpoints.First().Outlier.IsEjected);
        Assert.False(split.Endpoints.First().Outlier.IsEjected);
        Record(split, split.Endpoints.First(), EndpointResult.LocalFailure);
        Assert.True(split.Endpoints.First().Outlier.IsEjected);
    }

    [Fact]
    public void Ejection_survives_a_push()
    {
        var before = Cluster(Consecutive5, 3);
        Fail(before, before.Endpoints.First(), 5);

        var after = Cluster(Consecutive5, 4);
        _table.Release(before);

        Assert.True(after.Endpoints.First().Outlier.IsEjected);
        Assert.Equal(3, Enumerable.Range(0, 60).Select(_ => after.Pick()!).Distinct().Count());
        _time.Advance(TimeSpan.FromSeconds(30));
        Assert.Equal(4, Enumerable.Range(0, 60).Select(_ => after.Pick()!).Distinct().Count());
    }

    [Fact]
    public void Detection_switched_off_lets_everybody_back()
    {
        var before = Cluster(Consecutive5, 3);
        Fail(before, before.Endpoints.First(), 5);

        var after = Cluster(null, 3);

        Assert.DoesNotContain(after.Endpoints, static endpoint => endpoint.Outlier.IsEjected);
        Assert.Equal(3, Enumerable.Range(0, 60).Select(_ => after.Pick()!).Distinct().Count());
    }

    private Cluster Cluster(OutlierDetectionConfig? detection, int endpoints, string name = "catalog")
        => _table.Acquire(Configs.Cluster(
            new ClusterConfig { Name = name, OutlierDetection = detection },
            [.. Enumerable.Range(1, endpoints).Select(static i => new IPEndPoint(IPAddress.Parse($"10.0.0.{i}"), 80))]))!;

    private static void Record(Cluster cluster, ClusterEndpoint endpoint, EndpointResult result) => cluster.Members.Outliers.Record(endpoint, result);

    private static void Fail(Cluster cluster, ClusterEndpoint endpoint, int times)
    {
        for (var i = 0; i < times; i++)
        {
            Record(cluster, endpoint, EndpointResult.Answer(500));
        }
    }
}
