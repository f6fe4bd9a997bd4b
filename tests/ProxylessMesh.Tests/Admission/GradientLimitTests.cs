using Microsoft.Extensions.Time.Testing;
using ProxylessMesh.Admission;
using ProxylessMesh.Xds.Resources;

namespace ProxylessMesh.Tests.Admission;

public sealed class GradientLimitTests
{
    private static readonly AdaptiveConcurrencyConfig Config = new()
    {
        MinConcurrency = 4,
        MaxConcurrencyLimit = 200,
        MinRttRequestCount = 10,
        MinRttJitterPercent = 0,
        MinRttBufferPercent = 25,
        SampleAggregatePercentile = 50,
        ConcurrencyUpdateInterval = TimeSpan.FromMilliseconds(100),
        MinRttInterval = TimeSpan.FromSeconds(60),
    };

    private readonly FakeTimeProvider _time = new();

    [Fact]
    public void The_best_latency_is_measured_with_the_limit_at_its_minimum()
    {
        using var limit = new GradientLimit(Config, _time);

        Assert.True(limit.IsMeasuring);
        Assert.Equal(4, limit.Limit);
        Assert.All(Enumerable.Range(0, 4), _ => Assert.True(limit.TryEnter(CallCriticality.Default)));
        Assert.False(limit.TryEnter(CallCriticality.Default));
        Assert.Equal(4, limit.Running);
    }

    [Fact]
    public void The_measurement_ends_with_its_number_of_calls()
    {
        using var limit = new GradientLimit(Config, _time);

        Serve(limit, calls: 9, TimeSpan.FromMilliseconds(10));
        Assert.True(limit.IsMeasuring);
        Serve(limit, calls: 1, TimeSpan.FromMilliseconds(10));

        Assert.False(limit.IsMeasuring);
    }

    [Fact]
    public void While_latency_is_at_its_best_the_limit_grows_by_gradient_and_headroom()
    {
        using var limit = new GradientLimit(Config, _time);
        Serve(limit, calls: 10, TimeSpan.FromMilliseconds(10));

        Window(limit, TimeSpan.FromMilliseconds(10));

        // 4 * 1.25 = 5, and its square root 2.2 on top; the histogram is exact to 7 %.
        Assert.InRange(limit.Limit, 6, 7);
        for (var i = 0; i < 40; i++)
        {
            Window(limit, TimeSpan.FromMilliseconds(10));
        }

        Assert.Equal(200, limit.Limit);
    }

    [Fact]
    public void When_latency_rises_the_limit_falls_by_at_most_half_each_window()
    {
        using var limit = new GradientLimit(Config, _time);
        Serve(limit, calls: 10, TimeSpan.FromMilliseconds(10));
        for (var i = 0; i < 40; i++)
        {
            Window(limit, TimeSpan.FromMilliseconds(10));
        }

        Window(limit, TimeSpan.FromSeconds(10));

        // 200 * 0.5 + sqrt(100)
        Assert.Equal(110, limit.Limit);
        Window(limit, TimeSpan.FromMilliseconds(20));

        // Gradient 12.5 / 20 = 0.625: 110 * 0.625 + sqrt(68.75) = 77
        Assert.InRange(limit.Limit, 70, 84);
    }

    [Fact]
    public void Five_windows_at_the_minimum_measure_the_best_latency_anew()
    {
        using var limit = new GradientLimit(Config, _time);
        Serve(limit, calls: 10, TimeSpan.FromMilliseconds(1));

        for (var i = 0; i < 20 && !limit.IsMeasuring; i++)
        {
            Window(limit, TimeSpan.FromMilliseconds(500));
        }

        Assert.True(limit.IsMeasuring);
        Serve(limit, calls: 10, TimeSpan.FromMilliseconds(500));
        Window(limit, TimeSpan.FromMilliseconds(500));
        Assert.True(limit.Limit > 4);
    }

    [Fact]
    public void The_best_latency_is_measured_again_after_its_interval()
    {
        using var limit = new GradientLimit(Config, _time);
        Serve(limit, calls: 10, TimeSpan.FromMilliseconds(10));
        Window(limit, TimeSpan.FromMilliseconds(10));
        var before = limit.Limit;

        _time.Advance(TimeSpan.FromSeconds(60));

        Assert.True(limit.IsMeasuring);
        Assert.Equal(4, limit.Limit);
        Serve(limit, calls: 10, TimeSpan.FromMilliseconds(10));
        Assert.Equal(before, limit.Limit);
    }

    [Fact]
    public void Calls_that_began_before_a_measurement_and_calls_that_were_given_up_are_no_samples()
    {
        using var limit = new GradientLimit(Config, _time);
        Serve(limit, calls: 10, TimeSpan.FromMilliseconds(10));
        Assert.True(limit.TryEnter(CallCriticality.Default));
        var old = _time.GetTimestamp();
        _time.Advance(TimeSpan.FromSeconds(60));
        Assert.True(limit.IsMeasuring);

        limit.Exit(old, isSample: true);
        for (var i = 0; i < 100; i++)
        {
            Assert.True(limit.TryEnter(CallCriticality.Default));
            limit.Exit(_time.GetTimestamp(), isSample: false);
        }

        Assert.True(limit.IsMeasuring);
        Assert.Equal(0, limit.Running);
    }

    [Fact]
    public void What_can_be_shed_has_half_of_the_limit_and_what_is_critical_some_more()
    {
        using var limit = new GradientLimit(Config with { MinConcurrency = 16 }, _time);

        Assert.Equal(8, EnterAll(limit, CallCriticality.Sheddable));
        Assert.Equal(8, EnterAll(limit, CallCriticality.Default));
        Assert.Equal(4, EnterAll(limit, CallCriticality.Critical));
        Assert.Equal(20, limit.Running);
    }

    [Fact]
    public void A_fixed_best_latency_is_never_measured()
    {
        using var limit = new GradientLimit(Config with { FixedMinRtt = TimeSpan.FromMilliseconds(10), MinRttInterval = null }, _time);

        Assert.False(limit.IsMeasuring);
        Window(limit, TimeSpan.FromMilliseconds(10));
        Assert.True(limit.Limit > 4);
    }

    private static int EnterAll(GradientLimit limit, CallCriticality criticality)
    {
        var entered = 0;
        while (limit.TryEnter(criticality))
        {
            entered++;
        }

        return entered;
    }

    // In batches that the limit lets in; windows that close while a batch runs have no sample and change nothing.
    private void Serve(GradientLimit limit, int calls, TimeSpan latency)
    {
        while (calls > 0)
        {
            var batch = Math.Min(calls, limit.Limit);
            var started = _time.GetTimestamp();
            Assert.All(Enumerable.Range(0, batch), _ => Assert.True(limit.TryEnter(CallCriticality.Default)));
            _time.Advance(latency);
            for (var i = 0; i < batch; i++)
            {
                limit.Exit(started, isSample: true);
            }

            calls -= batch;
        }
    }

    private void Window(GradientLimit limit, TimeSpan latency)
    {
        Serve(limit, calls: Math.Min(20, limit.Limit), latency);
        _time.Advance(Config.ConcurrencyUpdateInterval);
    }
}
