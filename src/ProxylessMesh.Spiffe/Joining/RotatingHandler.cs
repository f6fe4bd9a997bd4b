namespace ProxylessMesh.Spiffe;

/// <summary>
/// Sends each request through a transport made for the identity in force when the request starts. A transport that was replaced keeps
/// its running requests and closes its connections once they are idle.
/// </summary>
internal sealed class RotatingHandler(IdentitySource source, Func<WorkloadIdentity, SocketsHttpHandler> create) : HttpMessageHandler
{
    private readonly Lock _gate = new();
    private Transport? _current;
    private bool _isDisposed;

    protected override async Task<HttpResponseMessage> SendAsync(HttpRequestMessage request, CancellationToken cancellationToken)
    {
        var identity = await source.GetAsync(cancellationToken).ConfigureAwait(false);
        return await For(identity).Invoker.SendAsync(request, cancellationToken).ConfigureAwait(false);
    }

    protected override void Dispose(bool disposing)
    {
        lock (_gate)
        {
            _isDisposed = true;
            _current?.Invoker.Dispose();
            _current = null;
        }

        base.Dispose(disposing);
    }

    private Transport For(WorkloadIdentity identity)
    {
        var current = Volatile.Read(ref _current);
        if (current is not null && ReferenceEquals(current.Identity, identity))
        {
            return current;
        }

        lock (_gate)
        {
            ObjectDisposedException.ThrowIf(_isDisposed, this);
            if (_current is null || !ReferenceEquals(_current.Identity, identity))
            {
                // The old one is not disposed: that would cut its streams. Its idle timeout closes what is left.
                _current = new Transport(identity, new HttpMessageInvoker(create(identity)));
            }

            return _current;
        }
    }

    private sealed record Transport(WorkloadIdentity Identity, HttpMessageInvoker Invoker);
}
