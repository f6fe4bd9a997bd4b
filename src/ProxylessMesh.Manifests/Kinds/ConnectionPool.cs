namespace ProxylessMesh.Manifests.Kinds;

/// <summary>Limits and keep-alive towards one host; null is not set.</summary>
public sealed record ConnectionPool
{
    /// <summary><c>tcp.maxConnections</c>.</summary>
    public int? MaxConnections { get; init; }

    /// <summary><c>tcp.connectTimeout</c>.</summary>
    public TimeSpan? ConnectTimeout { get; init; }

    /// <summary><c>tcp.tcpKeepalive</c>; null: off.</summary>
    public TcpKeepalive? TcpKeepalive { get; init; }

    /// <summary><c>tcp.maxConnectionDuration</c>: a connection takes no calls after it.</summary>
    public TimeSpan? MaxConnectionDuration { get; init; }

    /// <summary><c>http.http1MaxPendingRequests</c>: calls that wait for a connection.</summary>
    public int? MaxPendingRequests { get; init; }

    /// <summary><c>http.http2MaxRequests</c>: calls in flight.</summary>
    public int? MaxRequests { get; init; }

    /// <summary><c>http.maxRetries</c>: retries in flight.</summary>
    public int? MaxRetries { get; init; }

    /// <summary><c>http.maxRequestsPerConnection</c>.</summary>
    public int? MaxRequestsPerConnection { get; init; }

    /// <summary><c>http.maxConcurrentStreams</c>: calls at once on one HTTP/2 connection.</summary>
    public int? MaxConcurrentStreams { get; init; }

    /// <summary><c>http.idleTimeout</c>: a connection without calls is closed after it.</summary>
    public TimeSpan? IdleTimeout { get; init; }

    /// <summary><c>http.http2KeepAlive</c>; null: the data plane's own.</summary>
    public Http2KeepAlive? Http2KeepAlive { get; init; }

    /// <summary><c>http.h2UpgradePolicy</c>: true: HTTP/2 always; false: only where the endpoint asks for it; null: the default.</summary>
    public bool? UpgradesToHttp2 { get; init; }

    /// <summary><c>http.useClientProtocol</c>: the version that the application asked for.</summary>
    public bool UsesClientProtocol { get; init; }
}

/// <summary>TCP keep-alive probes; null is the operating system's default.</summary>
/// <param name="Probes">Unanswered ones after which the connection is dead.</param>
/// <param name="Time">Silence before the first.</param>
/// <param name="Interval">Time between two.</param>
public sealed record TcpKeepalive(int? Probes, TimeSpan? Time, TimeSpan? Interval);

/// <summary>HTTP/2 PINGs.</summary>
/// <param name="Interval">Time between two.</param>
/// <param name="Timeout">Time to answer one.</param>
public sealed record Http2KeepAlive(TimeSpan Interval, TimeSpan Timeout);
