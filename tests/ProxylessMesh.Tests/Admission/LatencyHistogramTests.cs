using ProxylessMesh.Admission;

namespace ProxylessMesh.Tests.Admission;

public sealed class LatencyHistogramTests
{
    [Theory]
    [InlineData(1)]
    [InlineData(3)]
    [InlineData(17)]
    [InlineData(900)]
    [InlineData(12_345)]
    [InlineData(7_000_000)]
    [InlineData(3_600_000_000)]
    public void A_quantile_is_within_seven_percent(long micros)
    {
        var histogram = new LatencyHistogram();
        histogram.Add(TimeSpan.FromMicroseconds(micros));

        Assert.InRange(histogram.Quantile(50).TotalMicroseconds, micros * 0.93, micros * 1.07);
    }

    [Fact]
    public void Quantiles_are_those_of_the_samples()
    {
        var histogram = new LatencyHistogram();
        for (var i = 1; i <= 1000; i++)
        {
            histogram.Add(TimeSpan.FromMilliseconds(i));
        }

        Assert.Equal(1000, histogram.Count);
        Assert.InRange(histogram.Quantile(50).TotalMilliseconds, 465, 535);
        Assert.InRange(histogram.Quantile(99).TotalMilliseconds, 920, 1060);
        Assert.InRange(histogram.Quantile(100).TotalMilliseconds, 930, 1070);
    }

    [Fact]
    public void Latencies_beyond_every_bucket_count_in_the_last()
    {
        var histogram = new LatencyHistogram();

        histogram.Add(TimeSpan.MaxValue);
        histogram.Add(TimeSpan.Zero);
        histogram.Add(TimeSpan.FromTicks(-5));

        Assert.Equal(3, histogram.Count);
        Assert.True(histogram.Quantile(100) > TimeSpan.FromHours(19));
    }

    [Fact]
    public void Clearing_forgets_every_sample()
    {
        var histogram = new LatencyHistogram();
        histogram.Add(TimeSpan.FromMilliseconds(5));

        histogram.Clear();

        Assert.Equal(0, histogram.Count);
        Assert.Equal(TimeSpan.Zero, histogram.Quantile(50));
    }
}
