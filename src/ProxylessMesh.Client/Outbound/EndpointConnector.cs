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
/// Opens connections to one endpoint: TCP, then TLS with the identity of this moment, so that rotation concerns new connections only.
/// The peer must prove one of the identities that its cluster may have.
/// </summary>
internal sealed class EndpointConnector(ClusterConfig cluster, IPEndPoint address, UpstreamTlsConfig? tls, IdentitySource identities, TimeProvider time, EndpointConnections connections)
{
    private static readonly List<SslApplicationProtocol> Http2Only = [SslApplicationProtocol.Http2];

    public ValueTask<Stream> ConnectAsync(SocketsHttpConnectionContext context, CancellationToken cancellationToken) => ConnectAsync(context.DnsEndPoint.Host, cancellationToken);

    /// <summary>Waits for the cluster's leave, which is not the endpoint's fault and so not within its time, then connects.</summary>
    public async ValueTask<Stream> ConnectAsync(string host, CancellationToken cancellationToken)
    {
        await connections.TakeAsync(cancellationToken).ConfigureAwait(false);
        using var limit = new CancellationTokenSource(cluster.ConnectTimeout, time);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(limit.Token, cancellationToken);
        Socket? socket = null;
        CountedNetworkStream? stream = null;
        try
        {
            socket = new Socket(address.AddressFamily, SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
            await socket.ConnectAsync(address, either.Token).ConfigureAwait(false);
            stream = new CountedNetworkStream(socket, connections);
            Stream secured = tls is null ? stream : await AuthenticateAsync(stream, tls, host, either.Token).ConfigureAwait(false);
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
            socket?.Dispose();
            if (e is OperationCanceledException && cancellationToken.IsCancellationRequested)
            {
                throw;
            }

            throw Explain(e, limit.IsCancellationRequested);
        }
    }

    private async Task<Stream> AuthenticateAsync(Stream stream, UpstreamTlsConfig expected, string host, CancellationToken cancellationToken)
    {
        var identity = identities.Current ?? throw new EndpointConnectException(
            OutcomeKind.NoIdentity,
            MeshError.NoIdentity,
            $"Cluster '{cluster.Name}' takes mTLS only, and this process has no certificate yet. Check that Mesh:ControlPlane can be reached and Mesh:JoinToken is valid.",
            null);
        var secured = new SslStream(stream, leaveInnerStreamOpen: false);
        try
        {
            var options = SpiffeTls.ForClient(identity, peer => IsExpected(expected.PeerNames, peer), expected.ServerName ?? host, Http2Only);
            await secured.AuthenticateAsClientAsync(options, cancellationToken).ConfigureAwait(false);
            return secured;
        }
        catch
        {
            await secured.DisposeAsync().ConfigureAwait(false);
            throw;
        }
    }

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
        AuthenticationException => new EndpointConnectException(
            OutcomeKind.PeerRefused,
            MeshError.PeerRefused,
            $"Endpoint {address} of cluster '{cluster.Name}' did not prove an identity that the cluster may have ({Names()}), or refused ours: {error.Message}",
            error),
        _ when timedOut => new EndpointConnectException(
            OutcomeKind.ConnectFailed, MeshError.ConnectionFailed, $"Endpoint {address} of cluster '{cluster.Name}' did not connect within {cluster.ConnectTimeout}.", error),
        _ => new EndpointConnectException(
            OutcomeKind.ConnectFailed, MeshError.ConnectionFailed, $"No connection to endpoint {address} of cluster '{cluster.Name}': {error.Message}", error),
    };

    private string Names() => tls is { PeerNames.IsEmpty: false } ? string.Join(", ", tls.PeerNames) : "any of the mesh";
}
