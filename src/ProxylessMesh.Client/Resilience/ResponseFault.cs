namespace ProxylessMesh.Client.Resilience;

/// <summary>What happens to the body of one answer: it comes at a rate, breaks after some bytes, or both. Counted until it is released.</summary>
/// <param name="bytesPerSecond">Null: as it comes.</param>
/// <param name="cutAfterBytes">Null: it does not break.</param>
/// <param name="time">Paces it.</param>
/// <param name="released">Called once.</param>
internal sealed class ResponseFault(long? bytesPerSecond, long? cutAfterBytes, TimeProvider time, Action released)
{
    // Twenty portions a second, as Envoy's limiter: smaller ones cost more timers, larger ones are no longer a slow line.
    private const int PortionsPerSecond = 20;

    private long _passed;
    private long _started;
    private int _ended;

    /// <summary>How many bytes may be asked for now, at most <paramref name="wanted"/>; 0: here the body breaks.</summary>
    public int Portion(int wanted)
    {
        if (_started == 0)
        {
            _started = time.GetTimestamp();
        }

        var left = cutAfterBytes - _passed ?? long.MaxValue;
        var portion = bytesPerSecond is { } rate ? Math.Max(1, rate / PortionsPerSecond) : long.MaxValue;
        return (int)Math.Min(wanted, Math.Min(left, portion));
    }

    /// <summary>Waits until so many bytes would have come over the slow line.</summary>
    public Task PaceAsync(int bytes, CancellationToken cancellationToken)
    {
        _passed += bytes;
        if (bytesPerSecond is not { } rate)
        {
            return Task.CompletedTask;
        }

        var due = TimeSpan.FromSeconds((double)_passed / rate) - time.GetElapsedTime(_started);
        return due > TimeSpan.Zero ? Task.Delay(due, time, cancellationToken) : Task.CompletedTask;
    }

    public void Release()
    {
        if (Interlocked.Exchange(ref _ended, 1) == 0)
        {
            released();
        }
    }
}
