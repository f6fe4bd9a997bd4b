using Envoy.Service.Discovery.V3;
using Grpc.Core;

namespace ProxylessMesh.Xds.Client;

/// <summary>
/// One ADS stream, from its first request to its end. It never outlives a connection: the client opens the next one.
/// Requests are made and written one at a time, when the client's loop asks; responses are decoded on the reading task and handed
/// to the loop, and the next is not read before the loop has taken the last: a fast server cannot fill memory.
/// </summary>
internal abstract class AdsStream : IAsyncDisposable
{
    /// <summary>Subscriptions and nonces of this stream. On the client's loop.</summary>
    public abstract TypeStreams Types { get; }

    /// <summary>A request was written: the connection stands.</summary>
    public bool IsUp { get; set; }

    public bool HasAnswered { get; set; }

    public long OpenedAt { get; init; }

    /// <summary>Writes the next request that is due, unless one is being written. On the client's loop.</summary>
    public abstract void Flush(long now);

    /// <summary>On the client's loop, after a write ended.</summary>
    public abstract void WriteEnded();

    public abstract ValueTask DisposeAsync();
}

/// <summary>What a stream tells its client; each is posted to the client's loop.</summary>
internal interface IAdsListener
{
    void OnWritten(AdsStream stream, ResourceType? type);

    /// <returns>Done when the update was applied.</returns>
    Task OnUpdateAsync(AdsStream stream, DiscoveryUpdate update);

    void OnEnded(AdsStream stream, Exception error);
}

/// <summary>A stream in one of the two forms.</summary>
internal sealed class AdsStream<TRequest, TResponse> : AdsStream
    where TRequest : class
{
    private readonly IAdsForm<TRequest, TResponse> _form;
    private readonly IAdsListener _listener;
    private readonly CancellationTokenSource _stop = new();
    private readonly AsyncDuplexStreamingCall<TRequest, TResponse> _call;
    private Task _reading = Task.CompletedTask;
    private Task _writing = Task.CompletedTask;
    private volatile Exception? _writeError;
    private bool _isWriting;

    public AdsStream(IAdsForm<TRequest, TResponse> form, AggregatedDiscoveryService.AggregatedDiscoveryServiceClient client, IAdsListener listener)
    {
        _form = form;
        _listener = listener;
        _call = form.Call(client, _stop.Token);
    }

    public override TypeStreams Types => _form.Types;

    /// <summary>Begins to read. Call once, before the first flush.</summary>
    public void Start() => _reading = Task.Run(ReadAsync);

    public override void Flush(long now)
    {
        if (_isWriting || _stop.IsCancellationRequested || _form.Next(now) is not { } request)
        {
            return;
        }

        _isWriting = true;
        _writing = WriteAsync(request, _form.Types.Last?.Resource);
    }

    public override void WriteEnded() => _isWriting = false;

    public override async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync().ConfigureAwait(false);
        _call.Dispose();
        await Task.WhenAll(_reading, _writing).ConfigureAwait(false);
        _stop.Dispose();
    }

    private async Task WriteAsync(TRequest request, ResourceType? type)
    {
        try
        {
            await _call.RequestStream.WriteAsync(request, _stop.Token).ConfigureAwait(false);
            _listener.OnWritten(this, type);
        }
        catch (Exception ended) when (ended is RpcException or HttpRequestException or OperationCanceledException or InvalidOperationException or IOException or ObjectDisposedException)
        {
            // The reading task sees the same end, with the call's status where there is one, and reports it.
            _writeError = ended;
        }
    }

    private async Task ReadAsync()
    {
        Exception? error = null;
        try
        {
            while (await _call.ResponseStream.MoveNext(_stop.Token).ConfigureAwait(false))
            {
                await _listener.OnUpdateAsync(this, _form.Read(_call.ResponseStream.Current)).ConfigureAwait(false);
            }
        }
        catch (Exception ended) when (ended is RpcException or HttpRequestException or OperationCanceledException or InvalidOperationException or IOException or ObjectDisposedException)
        {
            error = ended;
        }

        _listener.OnEnded(this, error ?? _writeError ?? new RpcException(new Status(StatusCode.Unavailable, "The server ended the stream.")));
    }
}
