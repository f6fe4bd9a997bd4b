using System.Collections.Concurrent;

namespace ProxylessMesh.Client.Resilience;

/// <summary>
/// The time of one call: the route's limit or the rest of the caller's own deadline, whichever ends first, joined with the caller's
/// cancellation.
/// </summary>
/// <remarks>
/// <para>Used again after a call that sent no body and got its answer: nothing of .NET's transport holds the token then. A body may still be on
/// its way with the token when the answer has come, and what failed may still be unwinding: those are not used again.</para>
/// <para>The timer is left running from call to call, and asks when it fires whether the call of that moment is late: to set it anew for each
/// call would cost more than all else here.</para>
/// </remarks>
internal sealed class CallDeadline : CancellationTokenSource
{
    private const int MostKept = 256;

    private const long NoCall = 0;
    private const long HasPassed = -1;

    // What a timestamp and a timer can hold.
    private static readonly TimeSpan Longest = TimeSpan.FromDays(3650);
    private static readonly TimeSpan LongestWait = TimeSpan.FromDays(1);

    private static readonly ConcurrentQueue<CallDeadline> s_kept = new();
    private static int s_keptCount;

    private readonly TimeProvider _time;
    private readonly ITimer _timer;
    private readonly Lock _arming = new();
    private CancellationTokenRegistration _caller;
    private CancellationToken _callerToken;
    private bool _mayBeKept;

    // Timestamps. The end of the call's time, or one of the words above; and when the timer fires, zero: it does not.
    private long _end;
    private long _firesAt;

    private CallDeadline(TimeProvider time)
    {
        _time = time;
        Token = base.Token;

        // Not with what flows with this call: the timer outlives it.
        using (ExecutionContext.IsFlowSuppressed() ? default : ExecutionContext.SuppressFlow())
        {
            _timer = time.CreateTimer(static deadline => ((CallDeadline)deadline!).Fired(), this, Timeout.InfiniteTimeSpan, Timeout.InfiniteTimeSpan);
        }
    }

    public TimeSpan Limit { get; private set; }

    /// <summary>The limit is the rest of the deadline of whoever called us, not the route's.</summary>
    public bool IsCallers { get; private set; }

    /// <summary>May be asked for after the call's end too.</summary>
    public new CancellationToken Token { get; }

    public bool Passed => IsCancellationRequested && !_callerToken.IsCancellationRequested;

    /// <summary>Zero or less when the time is over.</summary>
    public TimeSpan Remaining => Volatile.Read(ref _end) is > NoCall and var end ? Until(end) : TimeSpan.Zero;

    /// <returns>Null where nothing limits the call.</returns>
    public static CallDeadline? Start(TimeSpan? routeLimit, TimeProvider time, CancellationToken caller)
    {
        var ambient = MeshDeadline.Current;
        if (ambient is null)
        {
            return routeLimit is { } limit ? Start(time, limit, isCallers: false, caller) : null;
        }

        var rest = ambient.Remaining;
        return routeLimit is { } shorter && shorter < rest
            ? Start(time, shorter, isCallers: false, caller)
            : Start(time, rest, isCallers: true, caller);
    }

    /// <summary>From here on only the time counts: a token ends a call until its answer comes, as with HttpClient.</summary>
    /// <param name="mayBeKept">Nobody will hold the token when the call ends.</param>
    public void LetGoOfCaller(bool mayBeKept)
    {
        _caller.Dispose();
        _mayBeKept = mayBeKept;
    }

    /// <summary>The call is over.</summary>
    /// <returns>It is kept for another call and no longer this one's; false: what it says, it goes on saying.</returns>
    public bool End()
    {
        // First: the caller's cancellation may just be running.
        _caller.Dispose();
        if (Interlocked.Exchange(ref _end, NoCall) == HasPassed || !_mayBeKept || !CanBeKept(_time) || !TryReset())
        {
            Dispose();
            return false;
        }

        _mayBeKept = false;
        if (Interlocked.Increment(ref s_keptCount) > MostKept)
        {
            Interlocked.Decrement(ref s_keptCount);
            Dispose();
        }
        else
        {
            s_kept.Enqueue(this);
        }

        return true;
    }

    protected override void Dispose(bool disposing)
    {
        if (disposing)
        {
            _caller.Dispose();
            _timer.Dispose();
        }

        base.Dispose(disposing);
    }

    // One that runs by another clock would be late, or never, for a call that runs by this.
    private static bool CanBeKept(TimeProvider time) => ReferenceEquals(time, TimeProvider.System);

    private static CallDeadline Start(TimeProvider time, TimeSpan limit, bool isCallers, CancellationToken caller)
    {
        CallDeadline? deadline = null;
        if (CanBeKept(time) && s_kept.TryDequeue(out deadline))
        {
            Interlocked.Decrement(ref s_keptCount);
        }

        deadline ??= new CallDeadline(time);
        deadline.Limit = limit;
        deadline.IsCallers = isCallers;
        deadline._callerToken = caller;
        if (limit <= TimeSpan.Zero)
        {
            deadline.Cancel();
            return deadline;
        }

        deadline.Begin(limit);
        deadline._caller = caller.UnsafeRegister(static source => ((CancellationTokenSource)source!).Cancel(), deadline);
        return deadline;
    }

    private void Begin(TimeSpan limit)
    {
        var end = _time.GetTimestamp() + Math.Max(1, (long)(Shorter(limit, Longest).TotalSeconds * _time.TimestampFrequency));
        lock (_arming)
        {
            Volatile.Write(ref _end, end);
            if (_firesAt == 0 || _firesAt > end)
            {
                _firesAt = end;
                _timer.Change(Shorter(limit, LongestWait), Timeout.InfiniteTimeSpan);
            }
        }
    }

    private void Fired()
    {
        long end;
        lock (_arming)
        {
            end = Volatile.Read(ref _end);
            var left = end > NoCall ? Until(end) : TimeSpan.Zero;
            _firesAt = 0;
            if (left > TimeSpan.Zero)
            {
                // Rounded up: a timer counts whole milliseconds.
                _firesAt = end;
                _timer.Change(Shorter(left + TimeSpan.FromMilliseconds(1), LongestWait), Timeout.InfiniteTimeSpan);
                return;
            }
        }

        // Of two, the end of the call and the end of its time, one is first.
        if (end > NoCall && Interlocked.CompareExchange(ref _end, HasPassed, end) == end)
        {
            try
            {
                Cancel();
            }
            catch (ObjectDisposedException)
            {
                // The call has failed of something else, and ended in this moment.
            }
        }
    }

    private static TimeSpan Shorter(TimeSpan a, TimeSpan b) => a < b ? a : b;

    private TimeSpan Until(long end)
    {
        var now = _time.GetTimestamp();
        return end > now ? _time.GetElapsedTime(now, end) : TimeSpan.Zero;
    }
}
