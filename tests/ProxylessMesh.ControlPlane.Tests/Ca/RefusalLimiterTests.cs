using System.Net;
using Microsoft.Extensions.Time.Testing;
using ProxylessMesh.ControlPlane.Ca;

namespace ProxylessMesh.ControlPlane.Tests.Ca;

public sealed class RefusalLimiterTests
{
    private static readonly IPAddress Guesser = IPAddress.Parse("192.0.2.1");

    private readonly FakeTimeProvider _time = new();

    private static CancellationToken TestEnd => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Each_refusal_of_an_address_takes_longer_up_to_three_seconds()
    {
        var limiter = new RefusalLimiter(_time);
        int[] milliseconds = [50, 100, 200, 400, 800, 1600, 3000, 3000];
        for (var i = 0; i < milliseconds.Length; i++)
        {
            var answer = limiter.RefuseAsync(Guesser, TestEnd);
            _time.Advance(TimeSpan.FromMilliseconds(milliseconds[i] - 1));
            Assert.False(answer.IsCompleted);

            _time.Advance(TimeSpan.FromMilliseconds(1));

            Assert.Equal(i + 1, await answer);
        }
    }

    [Fact]
    public async Task Few_may_wait_at_once_and_others_are_told_to_go()
    {
        var limiter = new RefusalLimiter(_time);
        var waiting = Enumerable.Range(0, RefusalLimiter.MaxWaiting).Select(_ => limiter.RefuseAsync(Guesser, TestEnd)).ToList();

        Assert.Equal(0, await limiter.RefuseAsync(Guesser, TestEnd));
        _time.Advance(TimeSpan.FromSeconds(3));
        Assert.DoesNotContain(0, await Task.WhenAll(waiting));
    }

    [Fact]
    public async Task Another_address_does_not_pay_for_it_and_a_minute_later_nobody_does()
    {
        var limiter = new RefusalLimiter(_time);
        for (var i = 0; i < 5; i++)
        {
            var answer = limiter.RefuseAsync(Guesser, TestEnd);
            _time.Advance(TimeSpan.FromSeconds(3));
            await answer;
        }

        var other = limiter.RefuseAsync(IPAddress.Loopback, TestEnd);
        _time.Advance(TimeSpan.FromMilliseconds(50));
        Assert.Equal(1, await other);

        _time.Advance(TimeSpan.FromMinutes(1));
        var later = limiter.RefuseAsync(Guesser, TestEnd);
        _time.Advance(TimeSpan.FromMilliseconds(50));
        Assert.Equal(1, await later);
    }
}
