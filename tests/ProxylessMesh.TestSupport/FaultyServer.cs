using System.Net;
using System.Net.Sockets;

namespace ProxylessMesh.TestSupport;

/// <summary>
/// A small server on a free loopback port that breaks the first request in one way and answers the rest. It speaks bytes, because a
/// real server does not do such things.
/// </summary>
internal sealed class FaultyServer : IAsyncDisposable
{
    private readonly TcpListener _listener = new(IPAddress.Loopback, 0);
    private readonly CancellationTokenSource _end = new();
    private readonly TaskCompletionSource _asked = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly TaskCompletionSource _headersSeen = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly Func<FaultyServer, NetworkStream, CancellationToken, Task> _serve;
    private readonly Task _accepting;
    private readonly bool _breaksAll;
    private int _requests;

    private FaultyServer(TransportFault fault, bool breaksAll, Func<FaultyServer, NetworkStream, CancellationToken, Task> serve)
    {
        Fault = fault;
        _breaksAll = breaksAll;
        _serve = serve;
        _listener.Start();
        Address = (IPEndPoint)_listener.LocalEndpoint;
        _accepting = AcceptAsync();
    }

    public IPEndPoint Address { get; }

    public TransportFault Fault { get; }

    /// <summary>Requests whose beginning came, the broken one included.</summary>
    public int Requests => Volatile.Read(ref _requests);

    /// <summary>The first request is there.</summary>
    public Task Asked => _asked.Task;

    /// <summary>For servers: ends when the client says that it has the headers of the first answer.</summary>
    public Task HeadersSeen => _headersSeen.Task;

    /// <param name="fault">What becomes of the first request.</param>
    /// <param name="http2">HTTP/2 with prior knowledge, otherwise HTTP/1.1.</param>
    /// <param name="breaksAll">Every request is broken, not only the first.</param>
    public static FaultyServer Start(TransportFault fault, bool http2, bool breaksAll = false) => new(fault, breaksAll, http2 ? FaultyHttp2.ServeAsync : FaultyHttp1.ServeAsync);

    /// <summary>The client has the headers: what was to come after them may come.</summary>
    public void SawHeaders() => _headersSeen.TrySetResult();

    /// <returns>What to do to this request.</returns>
    public TransportFault Next()
    {
        var fault = Interlocked.Increment(ref _requests) == 1 || _breaksAll ? Fault : TransportFault.None;
        return fault;
    }

    /// <summary>A request came to its end, as far as the server waits for it.</summary>
    public void Took() => _asked.TrySetResult();

    public async ValueTask DisposeAsync()
    {
        await _end.CancelAsync();
        _listener.Dispose();
        await _accepting;
        _end.Dispose();
    }

    private async Task AcceptAsync()
    {
        var connections = new List<Task>();
        try
        {
            while (true)
            {
                connections.Add(ServeAsync(await _listener.AcceptSocketAsync(_end.Token)));
            }
        }
        catch (Exception e) when (e is OperationCanceledException or SocketException or InvalidOperationException)
        {
            await Task.WhenAll(connections);
        }
    }

    private async Task ServeAsync(Socket socket)
    {
        await using var stream = new NetworkStream(socket, ownsSocket: true);
        try
        {
            await _serve(this, stream, _end.Token);
        }
        catch (Exception e) when (e is IOException or OperationCanceledException or ObjectDisposedException or EndOfStreamException or SocketException)
        {
            // The client went away, or the test is over.
            return;
        }
    }
}
