using ProxylessMesh.Client.Clusters;
using ProxylessMesh.Xds.Resources;

namespace ProxylessMesh.Client.Outbound;

/// <summary>Makes the connections of one endpoint: a SocketsHttpHandler of its own, so that draining the endpoint is disposing this.</summary>
internal sealed class EndpointTransport(EndpointTlsServices tlsServices, TimeProvider time)
{
    // The least that SocketsHttpHandler takes.
    private static readonly TimeSpan ShortestPing = TimeSpan.FromSeconds(1);

    /// <param name="cluster">How connections are kept.</param>
    /// <param name="endpoint">Where they go.</param>
    /// <param name="isTls">They are TLS, as the cluster says.</param>
    public HttpMessageInvoker Create(ClusterConfig cluster, EndpointConfig endpoint, bool isTls)
    {
        var connections = new EndpointConnections();
        var tls = isTls && cluster.Tls is { } config ? new EndpointTls(cluster, endpoint, config, tlsServices) : null;
        var connector = new EndpointConnector(cluster, endpoint, tls, time, connections);
        var provesIdentity = tls is not null && (cluster.Tls!.IsMesh || cluster.Tls.IdentityProvider is not null);
        var handler = provesIdentity ? new RenewingHandler(tlsServices.Identities, tls!.Term, () => Limited(connector, cluster.Connection), time) : Limited(connector, cluster.Connection);
        return new CountedTransport(handler, connections, cancellationToken => connector.ConnectAsync(cluster.Name, null, cancellationToken));
    }

    private HttpMessageHandler Limited(EndpointConnector connector, ConnectionConfig limits)
        => limits.MaxRequestsPerConnection is null && limits.MaxConcurrentStreams is null
            ? Handler(connector, limits)
            : new ConnectionLimitHandler(() => Handler(connector, limits), limits.MaxRequestsPerConnection, limits.MaxConcurrentStreams, time);

    private static SocketsHttpHandler Handler(EndpointConnector connector, ConnectionConfig limits) => new()
    {
        ConnectCallback = connector.ConnectAsync,

        // The connector has its own limit, which tells a slow connect from a caller who gave up.
        ConnectTimeout = Timeout.InfiniteTimeSpan,
        UseProxy = false,
        UseCookies = false,
        AllowAutoRedirect = false,

        // With a limit of streams each connection has a handler of its own, which must not open others.
        EnableMultipleHttp2Connections = limits.MaxConcurrentStreams is null,
        KeepAlivePingDelay = Ping(limits.KeepAliveInterval, TimeSpan.FromSeconds(30)),
        KeepAlivePingTimeout = Ping(limits.KeepAliveTimeout, TimeSpan.FromSeconds(10)),

        // Who asks for pings means idle connections too (Envoy).
        KeepAlivePingPolicy = limits.KeepAliveInterval is null ? HttpKeepAlivePingPolicy.WithActiveRequests : HttpKeepAlivePingPolicy.Always,
        PooledConnectionIdleTimeout = Limit(limits.IdleTimeout, TimeSpan.FromMinutes(5)),

        // Endpoints and their certificates change without a word here; running calls finish. Our own certificate: RenewingHandler.
        PooledConnectionLifetime = Limit(limits.MaxConnectionDuration, TimeSpan.FromHours(1)),

        // Spans and trace headers are the mesh's.
        ActivityHeadersPropagator = null,
    };

    private static TimeSpan Ping(TimeSpan? configured, TimeSpan otherwise)
        => configured is { } time ? time < ShortestPing ? ShortestPing : time : otherwise;

    // Zero is Envoy's word for no limit.
    private static TimeSpan Limit(TimeSpan? configured, TimeSpan otherwise)
        => configured is { } time ? time == TimeSpan.Zero ? Timeout.InfiniteTimeSpan : time : otherwise;
}
