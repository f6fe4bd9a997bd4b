using ProxylessMesh.Client.Resilience;

namespace ProxylessMesh.Client.Outbound;

/// <summary>
/// Carries out what SocketsHttpHandler has no setting for: a limit of requests that a connection serves in its life, and of HTTP/2
/// streams on it at once. Connections are spread over handlers, and a handler that is full gives way to another.
/// </summary>
/// <remarks>
/// No connection ever exceeds a limit; with HTTP/1.1 and several calls at once a handler has several connections, which then retire
/// earlier than each would have to. A handler that retired is disposed when the last body of its calls has ended.
/// </remarks>
internal sealed class ConnectionLimitHandler(Func<SocketsHttpHandler> make, uint? maxRequests, uint? maxStreams, TimeProvider time) : HttpMessageHandler
{
    private readonly Lock _lock = new();
    private readonly List<Share> _shares = [];
    private bool _disposed;

    /// <summary>Handlers that are there now.</summary>
    public int Count
    {
        get
        {
            lock (_lock)
            {
                return _shares.Count;
            }
        }
    }

    protected override async Task<HttpResponseMessage> SendAsync(HttpRequestMessage request, CancellationToken cancellationToken)
    {
        var share = Take();
        try
        {
            var response = await share.Invoker.SendAsync(request, cancellationToken).ConfigureAwait(false);
            if (response.Content.Headers.ContentLength == 0)
            {
                Release(share);
            }
            else
            {
                response.Content = new FaultedContent(response.Content, new ResponseFault(null, null, time, () => Release(share)));
            }

            return response;
        }
        catch
        {
            Release(share);
            throw;
        }
    }

    protected override void Dispose(bool disposing)
    {
        if (disposing)
        {
            lock (_lock)
            {
                _disposed = true;
                _shares.ForEach(static share => share.Invoker.Dispose());
                _shares.Clear();
            }
        }

        base.Dispose(disposing);
    }

    private Share Take()
    {
        lock (_lock)
        {
            ObjectDisposedException.ThrowIf(_disposed, this);
            var share = _shares.Find(share => !IsSpent(share) && (maxStreams is not { } limit || share.Active < limit));
            if (share is null)
            {
                share = new Share(new HttpMessageInvoker(make()));
                _shares.Add(share);
            }

            share.Active++;
            share.Served++;
            return share;
        }
    }

    // The last of them stays, so that the next call finds its connection.
    private void Release(Share share)
    {
        lock (_lock)
        {
            share.Active--;
            if (share.Active == 0 && (IsSpent(share) || _shares.Exists(other => other != share && !IsSpent(other))) && _shares.Remove(share))
            {
                share.Invoker.Dispose();
            }
        }
    }

    private bool IsSpent(Share share) => share.Served >= maxRequests;

    private sealed class Share(HttpMessageInvoker invoker)
    {
        public HttpMessageInvoker Invoker { get; } = invoker;

        public long Served { get; set; }

        public long Active { get; set; }
    }
}
