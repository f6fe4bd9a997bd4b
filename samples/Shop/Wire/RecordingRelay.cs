using System.Net;
using System.Net.Sockets;

namespace Shop.Wire;

/// <summary>
/// Stands on the wire before a service, passes every byte on as it is and writes down what it could read: what somebody with a packet
/// sniffer would see.
/// </summary>
internal sealed class RecordingRelay : IAsyncDisposable
{
    // TLS 1.0 to 1.3: a handshake record, then the version 3.x (RFC 8446, section 5.1).
    private const byte TlsHandshakeRecord = 0x16;
    private const byte TlsMajorVersion = 0x03;

    private readonly TcpListener _listener = new(IPAddress.Loopback, 0);
    private readonly CancellationTokenSource _stop = new();
    private readonly Task _accepting;
    private IPEndPoint? _target;
    private long _connections;
    private long _tlsConnections;
    private long _bytes;
    private int _secrets;

    public RecordingRelay()
    {
        _listener.Start();
        Address = new Uri($"http://{_listener.LocalEndpoint}");
        _accepting = AcceptAsync();
    }

    /// <summary>Where callers connect.</summary>
    public Uri Address { get; }

    /// <summary>Connections that have sent at least one byte.</summary>
    public long Connections => Interlocked.Read(ref _connections);

    /// <summary>Those of them that began with a TLS handshake.</summary>
    public long TlsConnections => Interlocked.Read(ref _tlsConnections);

    public long Bytes => Interlocked.Read(ref _bytes);

    /// <summary>Connections on which the secret could be read.</summary>
    public int SecretsRead => Volatile.Read(ref _secrets);

    /// <summary>Passes connections on to this address from now on.</summary>
    public void PointTo(Uri target) => Volatile.Write(ref _target, IPEndPoint.Parse(target.Authority));

    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync();
        _listener.Dispose();
        await _accepting;
        _stop.Dispose();
    }

    private async Task AcceptAsync()
    {
        try
        {
            while (true)
            {
                _ = PassOnAsync(await _listener.AcceptTcpClientAsync(_stop.Token));
            }
        }
        catch (Exception e) when (e is OperationCanceledException or SocketException or ObjectDisposedException)
        {
            // The show is over.
        }
    }

    private async Task PassOnAsync(TcpClient caller)
    {
        using var fromCaller = caller;
        using var toTarget = new TcpClient { NoDelay = true };
        caller.NoDelay = true;
        try
        {
            await toTarget.ConnectAsync(Volatile.Read(ref _target)!, _stop.Token);
            var up = PumpAsync(caller, toTarget, isFromCaller: true);
            var down = PumpAsync(toTarget, caller, isFromCaller: false);

            // A side that has finished in good order leaves the other to finish too; a side that broke takes the other with it.
            await await Task.WhenAny(up, down);
            await Task.WhenAll(up, down);
        }
        catch (Exception e) when (e is IOException or SocketException or OperationCanceledException)
        {
            // One side has gone; disposing passes that on to the other.
        }
    }

    private async Task PumpAsync(TcpClient from, TcpClient to, bool isFromCaller)
    {
        var buffer = new byte[16 * 1024];
        var scanner = new SecretScanner();
        var isFirst = true;
        int count;
        while ((count = await from.GetStream().ReadAsync(buffer, _stop.Token)) > 0)
        {
            Record(buffer.AsSpan(0, count), scanner, isFirst && isFromCaller);
            isFirst = false;
            await to.GetStream().WriteAsync(buffer.AsMemory(0, count), _stop.Token);
        }

        to.Client.Shutdown(SocketShutdown.Send);
    }

    private void Record(ReadOnlySpan<byte> bytes, SecretScanner scanner, bool opensConnection)
    {
        Interlocked.Add(ref _bytes, bytes.Length);
        if (opensConnection)
        {
            Interlocked.Increment(ref _connections);
            if (bytes is [TlsHandshakeRecord, TlsMajorVersion, ..])
            {
                Interlocked.Increment(ref _tlsConnections);
            }
        }

        var foundBefore = scanner.Found;
        scanner.Add(bytes);
        if (scanner.Found && !foundBefore)
        {
            Interlocked.Increment(ref _secrets);
        }
    }
}
