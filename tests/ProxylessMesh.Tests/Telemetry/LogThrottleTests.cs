using System.Net;
using Microsoft.Extensions.Time.Testing;
using ProxylessMesh.Telemetry;

namespace ProxylessMesh.Tests.Telemetry;

public sealed class LogThrottleTests
{
    private readonly FakeTimeProvider _time = new();

    [Fact]
    public void Same_address_and_cause_come_once_a_minute_with_the_count_of_what_was_left_out()
    {
        var throttle = new LogThrottle(_time);

        Assert.True(throttle.TryEnter(IPAddress.Loopback, "expired", out var first));
        Assert.False(throttle.TryEnter(IPAddress.Loopback, "expired", out _));
        Assert.False(throttle.TryEnter(IPAddress.Loopback, "expired", out _));
        Assert.True(throttle.TryEnter(IPAddress.Loopback, "untrusted", out _));
        Assert.True(throttle.TryEnter(IPAddress.IPv6Loopback, "expired", out _));
        _time.Advance(TimeSpan.FromMinutes(1));
        Assert.True(throttle.TryEnter(IPAddress.Loopback, "expired", out var later));

        Assert.Equal(0, first);
        Assert.Equal(2, later);
    }
}
