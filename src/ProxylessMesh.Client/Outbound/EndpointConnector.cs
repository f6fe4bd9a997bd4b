using System.Collections.Immutable;
using System.Net;
using System.Net.Sockets;
using ProxylessMesh.Client.Clusters;
using ProxylessMesh.Client.Resilience;
using ProxylessMesh.Xds.Resources;

namespace ProxylessMesh.Client.Outbound;

/// <summary>
/// Opens connections to one endpoint: TCP to the first of its addresses that answers, then its TLS.
/// </summary>
internal sealed class EndpointConnector(ClusterConfig cluster, EndpointConfig endpoint, EndpointTls? tls, TimeProvider time, EndpointConnections connections)
{
    private readonly ImmutableArray<IPEndPoint> _addresses = AddressRace.InTurn(endpoint.Address, endpoint.AdditionalAddresses);

    public ValueTask<Stream> ConnectAsync(SocketsHttpConnectionContext context, CancellationToken cancellationToken)
        => ConnectAsync(context.DnsEndPoint.Host, context.InitialRequestMessage, cancellationToken);

    /// <summary>Waits for the cluster's leave, which is not the endpoint's fault and so not within its time, then connects.</summary>
    /// <param name="host">The host that is called.</param>
    /// <param name="first">The request that waits for the connection, for the protocol; null: none.</param>
    /// <param name="cancellationToken">Gives it up.</param>
    public async ValueTask<Stream> ConnectAsync(string host, HttpRequestMessage? first, CancellationToken cancellationToken)
    {
        if (first is null || first.Options.TryGetValue(HealthProbe.Mark, out _))
        {
            connections.TakeBeyondLimit();
        }
        else
        {
            await connections.TakeAsync(cancellationToken).ConfigureAwait(false);
        }

        using var limit = new CancellationTokenSource(cluster.ConnectTimeout, time);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(limit.Token, cancellationToken);
        CountedNetworkStream? stream = null;
        try
        {
            var socket = await AddressRace.ConnectAsync(_addresses, ConnectAsync, time, either.Token).ConfigureAwait(false);
            stream = new CountedNetworkStream(socket, connections);
            Stream secured = tls is null ? stream : await tls.AuthenticateAsync(stream, host, first, either.Token).ConfigureAwait(false);
            stream.Opened();
            return secured;
        }
        catch (Exception e)
        {
            if (stream is null)
            {
                connections.Closed(wasReady: false);
            }

            stream?.Dispose();
            if (e is OperationCanceledException && cancellationToken.IsCancellationRequested)
            {
                throw;
            }

            throw Explain(e, limit.IsCancellationRequested);
        }
    }

    private async Task<Socket> ConnectAsync(IPEndPoint address, CancellationToken cancellationToken)
    {
        var socket = new Socket(address.AddressFamily, SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
        try
        {
            KeepAlive(socket);
            await socket.ConnectAsync(address, cancellationToken).ConfigureAwait(false);
            return socket;
        }
        catch
        {
            socket.Dispose();
            throw;
        }
    }

    private void KeepAlive(Socket socket)
    {
        if (cluster.Connection.TcpKeepAlive is not { } keepAlive)
        {
            return;
        }

        socket.SetSocketOption(SocketOptionLevel.Socket, SocketOptionName.KeepAlive, true);
        if (keepAlive.Probes is { } probes)
        {
            socket.SetSocketOption(SocketOptionLevel.Tcp, SocketOptionName.TcpKeepAliveRetryCount, (int)Math.Min(probes, 127));
        }

        if (keepAlive.Time is { } idle)
        {
            socket.SetSocketOption(SocketOptionLevel.Tcp, SocketOptionName.TcpKeepAliveTime, Seconds(idle));
        }

        if (keepAlive.Interval is { } interval)
        {
            socket.SetSocketOption(SocketOptionLevel.Tcp, SocketOptionName.TcpKeepAliveInterval, Seconds(interval));
        }
    }

    // The operating system counts whole seconds, up to its own limit.
    private static int Seconds(TimeSpan time) => (int)Math.Clamp(Math.Ceiling(time.TotalSeconds), 1, short.MaxValue);

    private EndpointConnectException Explain(Exception error, bool timedOut) => error switch
    {
        EndpointConnectException already => already,
        _ when timedOut => new EndpointConnectException(
            OutcomeKind.ConnectFailed, MeshError.ConnectionFailed, $"Endpoint {endpoint.Address} of cluster '{cluster.Name}' did not connect within {cluster.ConnectTimeout}.", error),
        _ => new EndpointConnectException(
            OutcomeKind.ConnectFailed, MeshError.ConnectionFailed, $"No connection to endpoint {endpoint.Address} of cluster '{cluster.Name}': {error.Message}", error),
    };
}
