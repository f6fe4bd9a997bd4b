using System.Diagnostics.Metrics;
using System.Net;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Time.Testing;
using ProxylessMesh.Client.Clusters;
using ProxylessMesh.Client.Telemetry;
using ProxylessMesh.Xds.Resources;

namespace ProxylessMesh.Client.Tests.Clusters;

public sealed class OutlierStatisticsTests : IDisposable
{
    private static readonly OutlierDetectionConfig Rate = new() { SuccessRate = new SuccessRateConfig(), MaxEjectionPercent = 100 };

    private static readonly OutlierDetectionConfig Percentage = new()
    {
        FailurePercentage = new FailurePercentageConfig { EnforcingPercent = 100, EnforcingLocalOriginPercent = 100 },
        MaxEjectionPercent = 100,
    };

    private readonly FakeTimeProvider _time = new();
    private readonly ServiceProvider _services = new ServiceCollection().AddMetrics().BuildServiceProvider();
    private readonly EndpointTable _table;
    private readonly MeterListener _listener = new();
    private readonly List<string> _measured = [];

    public OutlierStatisticsTests()
    {
        var meter = new MeshMeter(_services.GetRequiredService<IMeterFactory>());
        _table = new EndpointTable(static (_, _, _) => new HttpMessageInvoker(new SocketsHttpHandler()), _time, meter, NullLogger<EndpointTable>.Instance);
        _listener.InstrumentPublished = (instrument, listener) =>
        {
            if (instrument.Meter.Scope == _services.GetRequiredService<IMeterFactory>() && instrument.Name.StartsWith("grpc.lb.outlier_detection", StringComparison.Ordinal))
            {
                listener.EnableMeasurementEvents(instrument);
            }
        };
        _listener.SetMeasurementEventCallback<long>((instrument, _, tags, _) => _measured.Add($"{instrument.Name.Split('.')[^1]} {string.Join(' ', tags.ToArray().Skip(1).Select(static tag => tag.Value))}"));
        _listener.Start();
    }

    public void Dispose()
    {
        _listener.Dispose();
        _services.Dispose();
    }

    // The example of Envoy's documentation: mean 90, deviation 20, threshold 52.
    [Fact]
    public void Success_rate_far_below_the_mean_ejects()
    {
        var cluster = Cluster(Rate, 5);
        Finish(cluster, 0, 50, 50);
        FinishOthers(cluster, 100, 0);

        _time.Advance(TimeSpan.FromSeconds(10));

        Assert.Same(Endpoint(cluster, 0), Assert.Single(cluster.Endpoints, static endpoint => endpoint.Outlier.IsEjected));
        Assert.Equal(["ejections_enforced success_rate"], _measured);
    }

    [Theory]
    [InlineData(1900, 1)]
    [InlineData(2000, 0)]
    public void Factor_says_how_far_below_is_too_far(int factor, int expected)
    {
        // One of five alone below the rest is always exactly two deviations away.
        var cluster = Cluster(Rate with { SuccessRate = new SuccessRateConfig { StdevFactor = factor } }, 5);
        Finish(cluster, 0, 50, 50);
        FinishOthers(cluster, 100, 0);

        _time.Advance(TimeSpan.FromSeconds(10));

        Assert.Equal(expected, cluster.Endpoints.Count(static endpoint => endpoint.Outlier.IsEjected));
    }

    [Theory]
    [InlineData(5, 100, true)]
    [InlineData(6, 100, false)]
    [InlineData(5, 101, false)]
    public void Success_rate_needs_enough_endpoints_with_enough_calls(int minimumHosts, int volume, bool isEjected)
    {
        var cluster = Cluster(Rate with { SuccessRate = new SuccessRateConfig { MinimumHosts = minimumHosts, RequestVolume = volume } }, 5);
        Finish(cluster, 0, 0, 100);
        FinishOthers(cluster, 100, 0);

        _time.Advance(TimeSpan.FromSeconds(10));

        Assert.Equal(isEjected, Endpoint(cluster, 0).Outlier.IsEjected);
    }

    [Theory]
    [InlineData(84, false)]
    [InlineData(85, false)]
    [InlineData(86, true)]
    public void Failure_percentage_above_the_threshold_ejects_whatever_the_others_do(int failures, bool isEjected)
    {
        var cluster = Cluster(Percentage, 5);
        foreach (var i in Enumerable.Range(0, 5))
        {
            Finish(cluster, i, 100 - failures, failures);
        }

        _time.Advance(TimeSpan.FromSeconds(10));

        Assert.Equal(isEjected ? 5 : 0, cluster.Endpoints.Count(static endpoint => endpoint.Outlier.IsEjected));
    }

    [Theory]
    [InlineData(5, 50, true)]
    [InlineData(6, 50, false)]
    [InlineData(5, 51, false)]
    public void Failure_percentage_needs_enough_endpoints_with_enough_calls(int minimumHosts, int volume, bool isEjected)
    {
        var cluster = Cluster(Percentage with { FailurePercentage = Percentage.FailurePercentage! with { MinimumHosts = minimumHosts, RequestVolume = volume } }, 5);
        Finish(cluster, 0, 0, 50);
        FinishOthers(cluster, 50, 0);

        _time.Advance(TimeSpan.FromSeconds(10));

        Assert.Equal(isEjected, Endpoint(cluster, 0).Outlier.IsEjected);
    }

    [Fact]
    public void Calls_of_an_interval_count_in_that_interval_alone()
    {
        var cluster = Cluster(Percentage, 5);
        Finish(cluster, 0, 0, 40);
        FinishOthers(cluster, 100, 0);
        _time.Advance(TimeSpan.FromSeconds(10));
        Finish(cluster, 0, 0, 40);
        FinishOthers(cluster, 100, 0);

        _time.Advance(TimeSpan.FromSeconds(10));

        Assert.False(Endpoint(cluster, 0).Outlier.IsEjected);
    }

    [Theory]
    [InlineData(false, "ejections_enforced failure_percentage")]
    [InlineData(true, "ejections_enforced failure_percentage_local_origin")]
    public void Failures_without_an_answer_are_judged_with_the_others_or_apart(bool split, string measured)
    {
        var cluster = Cluster(Percentage with { SplitLocalOriginErrors = split }, 5);
        FinishOthers(cluster, 100, 0);
        for (var i = 0; i < 100; i++)
        {
            cluster.Members.Outliers.Record(Endpoint(cluster, 0), EndpointResult.LocalFailure);
        }

        _time.Advance(TimeSpan.FromSeconds(10));

        Assert.True(Endpoint(cluster, 0).Outlier.IsEjected);
        Assert.Equal([measured], _measured);
    }

    [Fact]
    public void Detector_that_is_not_enforced_only_counts_its_finds()
    {
        var cluster = Cluster(Rate with { SuccessRate = new SuccessRateConfig { EnforcingPercent = 0 } }, 5);
        Finish(cluster, 0, 0, 100);
        FinishOthers(cluster, 100, 0);

        _time.Advance(TimeSpan.FromSeconds(10));

        Assert.False(Endpoint(cluster, 0).Outlier.IsEjected);
        Assert.Equal(["ejections_unenforced success_rate enforcement_percentage"], _measured);
    }

    [Fact]
    public void Half_enforced_detector_carries_out_half_of_its_finds()
    {
        var cluster = Cluster(new OutlierDetectionConfig { Consecutive5xx = 1, EnforcingConsecutive5xx = 50, MaxEjectionPercent = 100 }, 1000);

        foreach (var endpoint in cluster.Endpoints)
        {
            cluster.Members.Outliers.Record(endpoint, EndpointResult.Answer(500));
        }

        // Six standard deviations to either side.
        Assert.InRange(cluster.Endpoints.Count(static endpoint => endpoint.Outlier.IsEjected), 405, 595);
    }

    [Fact]
    public void Refused_ejection_takes_as_many_failures_again()
    {
        var cluster = Cluster(new OutlierDetectionConfig { Consecutive5xx = 3, MaxEjectionPercent = 25 }, 4);
        Fail(cluster, 0, 3);
        Fail(cluster, 1, 3);
        Assert.False(Endpoint(cluster, 1).Outlier.IsEjected);

        // The place becomes free after four failures of six.
        Fail(cluster, 1, 1);
        _time.Advance(TimeSpan.FromSeconds(30));
        Assert.False(Endpoint(cluster, 0).Outlier.IsEjected);
        Fail(cluster, 1, 1);
        Assert.False(Endpoint(cluster, 1).Outlier.IsEjected);

        Fail(cluster, 1, 1);
        Assert.True(Endpoint(cluster, 1).Outlier.IsEjected);
        Assert.Equal(["ejections_enforced consecutive_5xx", "ejections_unenforced consecutive_5xx max_ejection_overflow", "ejections_enforced consecutive_5xx"], _measured);
    }

    [Theory]
    [InlineData(false, 0)]
    [InlineData(true, 1)]
    public void Nobody_is_ejected_at_zero_percent_unless_one_always_is(bool always, int expected)
    {
        var cluster = Cluster(new OutlierDetectionConfig { Consecutive5xx = 1, MaxEjectionPercent = 0, AlwaysEjectOneHost = always }, 4);

        foreach (var i in Enumerable.Range(0, 4))
        {
            Fail(cluster, i, 1);
        }

        Assert.Equal(expected, cluster.Endpoints.Count(static endpoint => endpoint.Outlier.IsEjected));
    }

    [Fact]
    public void Ejections_grow_to_the_longest_and_no_further()
    {
        var config = new OutlierDetectionConfig { Consecutive5xx = 1, BaseEjectionTime = TimeSpan.FromSeconds(30), MaxEjectionTime = TimeSpan.FromSeconds(60) };
        var cluster = Cluster(config, 4);
        var state = Endpoint(cluster, 0).Outlier;
        var lengths = new List<int>();
        for (var i = 0; i < 5; i++)
        {
            Fail(cluster, 0, 1);
            var seconds = 0;
            for (; state.IsEjected; seconds += 10)
            {
                _time.Advance(TimeSpan.FromSeconds(10));
            }

            lengths.Add(seconds);
        }

        Assert.Equal([30, 60, 60, 60, 60], lengths);
        Assert.Equal(3, state.Multiplier);
    }

    [Fact]
    public void Jitter_only_makes_ejections_longer_and_is_drawn_anew()
    {
        var config = new OutlierDetectionConfig { Consecutive5xx = 1, MaxEjectionTimeJitter = TimeSpan.FromSeconds(20), MaxEjectionPercent = 100 };
        var cluster = Cluster(config, 200);
        foreach (var i in Enumerable.Range(0, 200))
        {
            Fail(cluster, i, 1);
        }

        var times = cluster.Endpoints.Select(endpoint => endpoint.Outlier.EjectionTime(config).TotalSeconds).ToList();

        Assert.All(times, static time => Assert.InRange(time, 30, 50));
        Assert.True(times.Max() - times.Min() > 10);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void Passed_health_check_ends_an_ejection_where_it_may(bool unejects)
    {
        var cluster = Cluster(new OutlierDetectionConfig { Consecutive5xx = 1, SuccessfulActiveHealthCheckUnejects = unejects }, 4);
        Fail(cluster, 0, 1);

        cluster.Members.Outliers.CheckPassed(Endpoint(cluster, 0));

        Assert.Equal(!unejects, Endpoint(cluster, 0).Outlier.IsEjected);
        Assert.Equal(unejects, Enumerable.Range(0, 60).Select(_ => cluster.Pick()!).Contains(Endpoint(cluster, 0)));
    }

    private Cluster Cluster(OutlierDetectionConfig detection, int endpoints)
        => _table.Acquire(Configs.Cluster(
            new ClusterConfig { Name = "catalog", OutlierDetection = detection },
            [.. Enumerable.Range(1, endpoints).Select(static i => new IPEndPoint(IPAddress.Parse($"10.0.{i >> 8}.{i & 255}"), 80))]))!;

    private static ClusterEndpoint Endpoint(Cluster cluster, int index) => cluster.Endpoints.ElementAt(index);

    private static void FinishOthers(Cluster cluster, int successes, int failures)
    {
        for (var i = 1; i < cluster.Endpoints.Count(); i++)
        {
            Finish(cluster, i, successes, failures);
        }
    }

    private static void Finish(Cluster cluster, int index, int successes, int failures)
    {
        for (var i = 0; i < successes; i++)
        {
            cluster.Members.Outliers.Record(Endpoint(cluster, index), EndpointResult.Answer(200));
        }

        Fail(cluster, index, failures);
    }

    private static void Fail(Cluster cluster, int index, int times)
    {
        for (var i = 0; i < times; i++)
        {
            cluster.Members.Outliers.Record(Endpoint(cluster, index), EndpointResult.Answer(500));
        }
    }
}
