using ProxylessMesh.Client.Clusters;
using ProxylessMesh.Spiffe;
using ProxylessMesh.Xds.Resources;

namespace ProxylessMesh.Client.Outbound;

/// <summary>Makes the connections of one endpoint: a SocketsHttpHandler of its own, so that draining the endpoint is disposing this.</summary>
internal sealed class EndpointTransport(IdentitySource identities, TimeProvider time)
{
    public HttpMessageInvoker Create(ClusterConfig cluster, EndpointConfig endpoint, bool meshTls)
    {
        var connections = new EndpointConnections();
        var connector = new EndpointConnector(cluster, endpoint.Address, meshTls ? cluster.Tls : null, identities, time, connections);
        var handler = new SocketsHttpHandler
        {
            ConnectCallback = connector.ConnectAsync,

            // The connector has its own limit, which tells a slow connect from a caller who gave up.
            ConnectTimeout = Timeout.InfiniteTimeSpan,
            UseProxy = false,
            UseCookies = false,
            AllowAutoRedirect = false,
            EnableMultipleHttp2Connections = true,
            KeepAlivePingDelay = TimeSpan.FromSeconds(30),
            KeepAlivePingTimeout = TimeSpan.FromSeconds(10),
            KeepAlivePingPolicy = HttpKeepAlivePingPolicy.WithActiveRequests,
            PooledConnectionIdleTimeout = TimeSpan.FromMinutes(5),

            // A bound on how long a connection outlives the certificates it was made with; running calls finish.
            PooledConnectionLifetime = TimeSpan.FromHours(1),

            // Spans and trace headers are the mesh's.
            ActivityHeadersPropagator = null,
        };
        return new CountedTransport(handler, connections, cancellationToken => connector.ConnectAsync(cluster.Name, cancellationToken));
    }
}
