using System.Net.Sockets;
using ProxylessMesh.Client.Clusters;

namespace ProxylessMesh.Client.Outbound;

/// <summary>The TCP stream of one connection to an endpoint; its disposal ends the connection's count. Reading and writing are the plain stream's own.</summary>
internal sealed class CountedNetworkStream : NetworkStream
{
    private readonly EndpointConnections _connections;
    private bool _ready;
    private bool _closed;

    /// <summary>The place was taken by <see cref="EndpointConnections.TakeAsync"/>.</summary>
    public CountedNetworkStream(Socket socket, EndpointConnections connections)
        : base(socket, ownsSocket: true) => _connections = connections;

    /// <summary>Calls can be sent from now on.</summary>
    public void Opened()
    {
        _ready = true;
        _connections.Opened();
    }

    protected override void Dispose(bool disposing)
    {
        base.Dispose(disposing);
        if (!Interlocked.Exchange(ref _closed, true))
        {
            _connections.Closed(_ready);
        }
    }
}
