namespace ProxylessMesh.Client.Resilience;

/// <summary>
/// The time of one call: the route's limit or the rest of the caller's own deadline, whichever ends first, joined with the caller's
/// cancellation. Never pooled: a request body may still be sent with its token after the answer came.
/// </summary>
internal sealed class CallDeadline : CancellationTokenSource
{
    private readonly CancellationTokenRegistration _caller;
    private readonly CancellationToken _callerToken;
    private readonly TimeProvider _time;
    private readonly long _started;

    private CallDeadline(TimeProvider time, TimeSpan limit, bool isCallers, CancellationToken caller)
        : base(limit > TimeSpan.Zero ? limit : TimeSpan.Zero, time)
    {
        _time = time;
        _started = time.GetTimestamp();
        _callerToken = caller;
        Limit = limit;
        IsCallers = isCallers;
        Token = base.Token;
        _caller = caller.UnsafeRegister(static source => ((CancellationTokenSource)source!).Cancel(), this);
    }

    public TimeSpan Limit { get; }

    /// <summary>The limit is the rest of the deadline of whoever called us, not the route's.</summary>
    public bool IsCallers { get; }

    /// <summary>May be asked for after the call's end too.</summary>
    public new CancellationToken Token { get; }

    public bool Passed => IsCancellationRequested && !_callerToken.IsCancellationRequested;

    public TimeSpan Remaining => Limit - _time.GetElapsedTime(_started);

    /// <returns>Null where nothing limits the call.</returns>
    public static CallDeadline? Start(TimeSpan? routeLimit, TimeProvider time, CancellationToken caller)
    {
        var ambient = MeshDeadline.Current;
        if (ambient is null)
        {
            return routeLimit is { } limit ? new CallDeadline(time, limit, isCallers: false, caller) : null;
        }

        var rest = ambient.Remaining;
        return routeLimit is { } shorter && shorter < rest
            ? new CallDeadline(time, shorter, isCallers: false, caller)
            : new CallDeadline(time, rest, isCallers: true, caller);
    }

    /// <summary>From here on only the time counts: a token ends a call until its answer comes, as with HttpClient.</summary>
    public void LetGoOfCaller() => _caller.Dispose();

    protected override void Dispose(bool disposing)
    {
        if (disposing)
        {
            _caller.Dispose();
        }

        base.Dispose(disposing);
    }
}
