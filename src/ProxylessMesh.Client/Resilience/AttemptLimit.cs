namespace ProxylessMesh.Client.Resilience;

/// <summary>The per-try timeout of one attempt, until its answer's headers: an attempt that has answered is not retried any more.</summary>
internal sealed class AttemptLimit : IDisposable
{
    private readonly CancellationTokenSource _source;
    private readonly CancellationTokenRegistration _call;
    private readonly CancellationToken _callToken;

    public AttemptLimit(TimeSpan limit, TimeProvider time, CancellationToken call)
    {
        _source = new CancellationTokenSource(limit, time);
        _callToken = call;
        _call = call.UnsafeRegister(static source => ((CancellationTokenSource)source!).Cancel(), _source);
    }

    public CancellationToken Token => _source.Token;

    public bool Passed => _source.IsCancellationRequested && !_callToken.IsCancellationRequested;

    public void Dispose()
    {
        _call.Dispose();
        _source.Dispose();
    }
}
