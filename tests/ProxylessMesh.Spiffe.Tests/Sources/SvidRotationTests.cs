namespace ProxylessMesh.Spiffe.Tests.Sources;

public sealed class SvidRotationTests
{
    private static readonly DateTimeOffset Now = new(2026, 1, 1, 0, 0, 0, TimeSpan.Zero);

    [Theory]
    [InlineData(0.0, 24)]
    [InlineData(0.5, 30)]
    [InlineData(1.0, 36)]
    public void Renewal_is_at_half_of_the_lifetime_give_or_take_a_tenth(double random, int seconds)
        => Assert.Equal(Now.AddSeconds(seconds), SvidRotation.RenewAt(Now, Now.AddMinutes(1), random));

    [Fact]
    public void Renewals_of_a_fleet_that_started_together_are_spread()
    {
        var random = new Random(1);
        var moments = Enumerable.Range(0, 1000).Select(_ => SvidRotation.RenewAt(Now, Now.AddHours(24), random.NextDouble())).ToList();

        // No minute of the nearly five hours has more than two percent of the fleet.
        Assert.True(moments.GroupBy(moment => (int)(moment - Now).TotalMinutes).Max(minute => minute.Count()) <= 20);
        Assert.All(moments, moment => Assert.InRange(moment - Now, TimeSpan.FromHours(9.6), TimeSpan.FromHours(14.4)));
    }

    [Fact]
    public void Restored_certificate_past_its_half_is_renewed_soon_but_not_by_all_at_once()
    {
        var expires = Now.AddHours(2);

        Assert.Equal(Now, SvidRotation.RenewAt(Now, Now.AddHours(-22), expires, 0));
        Assert.Equal(Now.AddSeconds(15), SvidRotation.RenewAt(Now, Now.AddHours(-22), expires, 1));
    }

    [Fact]
    public void Restored_certificate_before_its_half_waits_for_it()
        => Assert.Equal(Now.AddHours(11), SvidRotation.RenewAt(Now, Now.AddHours(-1), Now.AddHours(23), 0.5));

    [Fact]
    public void Retries_back_off_to_a_minute_while_there_is_time()
    {
        var left = TimeSpan.FromHours(12);

        Assert.Equal([1, 2, 4, 8, 16, 32, 60, 60], Enumerable.Range(1, 8).Select(failures => SvidRotation.RetryAfter(failures, left, 1).TotalSeconds));
        Assert.Equal(60, SvidRotation.RetryAfter(int.MaxValue, left, 1).TotalSeconds);
    }

    [Fact]
    public void Retries_come_faster_as_the_end_comes_nearer()
    {
        Assert.Equal(TimeSpan.FromSeconds(10), SvidRotation.RetryAfter(20, TimeSpan.FromSeconds(80), 1));
        Assert.Equal(TimeSpan.FromSeconds(1), SvidRotation.RetryAfter(20, TimeSpan.FromSeconds(4), 1));
    }

    [Fact]
    public void Without_an_identity_a_retry_is_never_more_than_15_seconds_away()
        => Assert.Equal(TimeSpan.FromSeconds(15), SvidRotation.RetryAfter(20, TimeSpan.Zero, 1));

    [Fact]
    public void Half_of_each_pause_is_random()
        => Assert.Equal(SvidRotation.RetryAfter(5, TimeSpan.FromHours(1), 1) / 2, SvidRotation.RetryAfter(5, TimeSpan.FromHours(1), 0));
}
