using ProxylessMesh.Spiffe;

namespace ProxylessMesh.Client.Outbound;

/// <summary>
/// Keeps new calls off connections that are older than the identity in force: those were made with a certificate that was replaced, and
/// their peer was checked by bundles that may no longer trust it. They get a handler of their own; calls that run go on to their end.
/// </summary>
/// <remarks>
/// Looking costs a call two reads and no allocation; there is no subscription and no timer until something changes. A handler that was
/// replaced is disposed after <see cref="Grace"/>, when no call can still be waiting for its connection: SocketsHttpHandler lets calls
/// that have one end by themselves.
/// </remarks>
internal sealed class RenewingHandler(IdentitySource identities, ConnectionTerm term, Func<HttpMessageHandler> make, TimeProvider time) : HttpMessageHandler
{
    /// <summary>How long a replaced handler stays for calls that took it just before.</summary>
    public static readonly TimeSpan Grace = TimeSpan.FromMinutes(1);

    private readonly Lock _lock = new();
    private readonly List<Generation> _retired = [];
    private Generation _current = new(identities.Current, new HttpMessageInvoker(make()));
    private bool _disposed;

    protected override Task<HttpResponseMessage> SendAsync(HttpRequestMessage request, CancellationToken cancellationToken)
        => Current().Invoker.SendAsync(request, cancellationToken);

    protected override HttpResponseMessage Send(HttpRequestMessage request, CancellationToken cancellationToken)
        => Current().Invoker.Send(request, cancellationToken);

    protected override void Dispose(bool disposing)
    {
        if (disposing)
        {
            lock (_lock)
            {
                _disposed = true;
                _current.Dispose();
                _retired.ForEach(static generation => generation.Dispose());
                _retired.Clear();
            }
        }

        base.Dispose(disposing);
    }

    private Generation Current()
    {
        var current = Volatile.Read(ref _current);
        var identity = identities.Current;
        return ReferenceEquals(current.Identity, identity) && term.Includes(time.GetUtcNow()) ? current : Renew(identity);
    }

    private Generation Renew(WorkloadIdentity? identity)
    {
        lock (_lock)
        {
            ObjectDisposedException.ThrowIf(_disposed, this);
            if (ReferenceEquals(_current.Identity, identity) && term.Includes(time.GetUtcNow()))
            {
                return _current;
            }

            var old = _current;
            term.Restart();
            Volatile.Write(ref _current, new Generation(identity, new HttpMessageInvoker(make())));
            _retired.Add(old);
            using (ExecutionContext.IsFlowSuppressed() ? default(AsyncFlowControl?) : ExecutionContext.SuppressFlow())
            {
                old.Timer = time.CreateTimer(_ => Forget(old), null, Grace, Timeout.InfiniteTimeSpan);
            }

            return _current;
        }
    }

    private void Forget(Generation generation)
    {
        lock (_lock)
        {
            if (_retired.Remove(generation))
            {
                generation.Dispose();
            }
        }
    }

    private sealed class Generation(WorkloadIdentity? identity, HttpMessageInvoker invoker) : IDisposable
    {
        public WorkloadIdentity? Identity { get; } = identity;

        public HttpMessageInvoker Invoker { get; } = invoker;

        public ITimer? Timer { get; set; }

        public void Dispose()
        {
            Timer?.Dispose();
            Invoker.Dispose();
        }
    }
}
