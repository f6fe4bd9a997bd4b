using System.Threading.Channels;
using Microsoft.Extensions.Time.Testing;

namespace ProxylessMesh.TestSupport;

/// <summary>A clock by hand that tells when something has gone to sleep on it, so that a test moves it no earlier.</summary>
internal sealed class SleepClock() : FakeTimeProvider(TimeProvider.System.GetUtcNow())
{
    /// <summary>A timer of this length is an attempt's time limit, no sleep.</summary>
    public static readonly TimeSpan NoSleep = TimeSpan.FromHours(100);

    private readonly Channel<TimeSpan> _sleeps = Channel.CreateUnbounded<TimeSpan>();

    /// <summary>Waits for the next sleep.</summary>
    /// <returns>How long it is.</returns>
    public async Task<TimeSpan> AsleepAsync(CancellationToken cancellationToken) => await _sleeps.Reader.ReadAsync(cancellationToken);

    public override ITimer CreateTimer(TimerCallback callback, object? state, TimeSpan dueTime, TimeSpan period)
    {
        var timer = base.CreateTimer(callback, state, dueTime, period);
        if (dueTime > TimeSpan.Zero && dueTime != NoSleep)
        {
            _sleeps.Writer.TryWrite(dueTime);
        }

        return timer;
    }
}
