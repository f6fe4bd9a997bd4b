using System.Collections.Immutable;
using System.Net;
using System.Net.Security;
using System.Net.Sockets;
using System.Security.Authentication;
using ProxylessMesh.Client.Clusters;
using ProxylessMesh.Client.Resilience;
using ProxylessMesh.Spiffe;
using ProxylessMesh.Xds.Matching;
using ProxylessMesh.Xds.Resources;

namespace ProxylessMesh.Client.Outbound;

/// <summary>
/// Opens connections to one endpoint: TCP to the first of its addresses that answers, then TLS with the identity of this moment, so that
/// rotation concerns new connections only. A peer of the mesh must prove one of the identities that its cluster may have; a server of
/// the world must show a certificate for its name.
/// </summary>
internal sealed class EndpointConnector(ClusterConfig cluster, EndpointConfig endpoint, UpstreamTlsConfig? tls, IdentitySource identities, TimeProvider time, EndpointConnections connections)
{
    private static readonly List<SslApplicationProtocol> Http2Only = [SslApplicationProtocol.Http2];

    private readonly ImmutableArray<IPEndPoint> _addresses = AddressRace.InTurn(endpoint.Address, endpoint.AdditionalAddresses);
    private readonly WebTls? _web = tls is { IsMesh: false } ? new WebTls(tls) : null;

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
            Stream secured = tls is null ? stream : await AuthenticateAsync(stream, Options(tls, host, first), either.Token).ConfigureAwait(false);
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

    private static async Task<Stream> AuthenticateAsync(Stream stream, SslClientAuthenticationOptions options, CancellationToken cancellationToken)
    {
        var secured = new SslStream(stream, leaveInnerStreamOpen: false);
        try
        {
            await secured.AuthenticateAsClientAsync(options, cancellationToken).ConfigureAwait(false);
            return secured;
        }
        catch
        {
            await secured.DisposeAsync().ConfigureAwait(false);
            throw;
        }
    }

    private SslClientAuthenticationOptions Options(UpstreamTlsConfig expected, string host, HttpRequestMessage? first)
    {
        var serverName = expected.AutoHostSni && endpoint.Hostname.Length > 0 ? endpoint.Hostname : expected.ServerName ?? host;
        return _web is not null
            ? _web.For(serverName, expected.IdentityProvider is null ? null : Identity(), first)
            : SpiffeTls.ForClient(Identity(), peer => IsExpected(expected.PeerNames, peer), serverName, Http2Only);
    }

    private WorkloadIdentity Identity() => identities.Current ?? throw new EndpointConnectException(
        OutcomeKind.NoIdentity,
        MeshError.NoIdentity,
        $"Cluster '{cluster.Name}' takes mTLS only, and this process has no certificate yet. Check that Mesh:ControlPlane can be reached and Mesh:JoinToken is valid.",
        null);

    /// <summary>Without names any identity under the roots will do, as gRFC A29 has it.</summary>
    private static bool IsExpected(ImmutableArray<StringMatcher> names, SpiffeId peer)
    {
        var id = peer.ToString();
        foreach (var name in names)
        {
            if (name.Matches(id))
            {
                return true;
            }
        }

        return names.IsEmpty;
    }

    private EndpointConnectException Explain(Exception error, bool timedOut) => error switch
    {
        EndpointConnectException already => already,
        AuthenticationException when _web is not null => new EndpointConnectException(
            OutcomeKind.PeerRefused,
            MeshError.PeerRefused,
            $"Server {endpoint.Address} of cluster '{cluster.Name}' did not show a certificate that is valid for {Names("the name that was called")}, or refused ours: {error.Message}",
            error),
        AuthenticationException => new EndpointConnectException(
            OutcomeKind.PeerRefused,
            MeshError.PeerRefused,
            $"Endpoint {endpoint.Address} of cluster '{cluster.Name}' did not prove an identity that the cluster may have ({Names("any of the mesh")}), or refused ours: {error.Message}",
            error),
        _ when timedOut => new EndpointConnectException(
            OutcomeKind.ConnectFailed, MeshError.ConnectionFailed, $"Endpoint {endpoint.Address} of cluster '{cluster.Name}' did not connect within {cluster.ConnectTimeout}.", error),
        _ => new EndpointConnectException(
            OutcomeKind.ConnectFailed, MeshError.ConnectionFailed, $"No connection to endpoint {endpoint.Address} of cluster '{cluster.Name}': {error.Message}", error),
    };

    private string Names(string otherwise) => tls is { PeerNames.IsEmpty: false } ? string.Join(", ", tls.PeerNames) : otherwise;
}
