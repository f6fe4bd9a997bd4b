namespace ProxylessMesh.Client.Resilience;

/// <summary>
/// The longest silence on a call's stream (Envoy <c>idle_timeout</c> of a route): no byte of the request was sent and none of the answer was
/// read for this long. Joined with the end of the call's own time.
/// </summary>
internal sealed class IdleLimit : IDisposable
{
    private readonly CancellationTokenSource _source;
    private readonly CancellationTokenRegistration _call;
    private readonly CancellationToken _callToken;
    private int _disposed;

    public IdleLimit(TimeSpan limit, TimeProvider time, CancellationToken call)
    {
        Limit = limit;
        _source = new CancellationTokenSource(limit, time);
        Token = _source.Token;
        _callToken = call;
        _call = call.UnsafeRegister(static source => ((CancellationTokenSource)source!).Cancel(), _source);
    }

    public TimeSpan Limit { get; }

    public CancellationToken Token { get; }

    /// <summary>It was silent for too long.</summary>
    public bool Passed => Token.IsCancellationRequested && !_callToken.IsCancellationRequested;

    /// <summary>Something was sent or read.</summary>
    public void Touch()
    {
        if (Volatile.Read(ref _disposed) == 0)
        {
            try
            {
                _source.CancelAfter(Limit);
            }
            catch (ObjectDisposedException)
            {
                // The call ended meanwhile.
                return;
            }
        }
    }

    public void Dispose()
    {
        if (Interlocked.Exchange(ref _disposed, 1) == 0)
        {
            _call.Dispose();
            _source.Dispose();
        }
    }
}
