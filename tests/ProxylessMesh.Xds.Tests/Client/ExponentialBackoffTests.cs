using ProxylessMesh.Xds.Client;

namespace ProxylessMesh.Xds.Tests.Client;

public class ExponentialBackoffTests
{
    [Fact]
    public void Waits_grow_to_their_limit_and_begin_again_after_a_reset()
    {
        var backoff = new ExponentialBackoff(TimeSpan.FromSeconds(1), TimeSpan.FromSeconds(3), static () => 0.5);

        Assert.Equal([1, 1.6, 2.56, 3, 3], Enumerable.Range(0, 5).Select(_ => Math.Round(backoff.Next().TotalSeconds, 2)));
        backoff.Reset();
        Assert.Equal(1, Math.Round(backoff.Next().TotalSeconds, 2));
    }

    [Theory]
    [InlineData(0, 0.8)]
    [InlineData(1, 1.2)]
    public void Each_wait_varies_by_a_fifth(double random, double seconds)
        => Assert.Equal(seconds, Math.Round(new ExponentialBackoff(TimeSpan.FromSeconds(1), TimeSpan.FromSeconds(3), () => random).Next().TotalSeconds, 2));
}
