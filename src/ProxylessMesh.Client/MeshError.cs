namespace ProxylessMesh;

/// <summary>Why the mesh could not carry out a call. Stable across versions: branch on it rather than on a message.</summary>
public enum MeshError
{
    /// <summary>The mesh does not know the host, and <c>Mesh:Outbound:UnknownHosts</c> says to refuse such calls.</summary>
    UnknownHost,

    /// <summary>Nothing is known of the host yet: the control plane cannot be reached and nothing was kept from before.</summary>
    ConfigUnavailable,

    /// <summary>The host is known, but none of its routes matches the call, or the one that does cannot be carried out.</summary>
    NoRoute,

    /// <summary>The route leads to a cluster that does not exist or whose configuration was never valid.</summary>
    ClusterUnavailable,

    /// <summary>The cluster has no endpoint that takes calls.</summary>
    NoHealthyEndpoint,

    /// <summary>The cluster's circuit breaker is full.</summary>
    CircuitBreakerOpen,

    /// <summary>The cluster asks for mTLS and this process has no certificate (yet).</summary>
    NoIdentity,

    /// <summary>No connection could be made, or it broke before an answer came.</summary>
    ConnectionFailed,

    /// <summary>The endpoint could not prove an identity that the cluster may have, or it refused ours.</summary>
    PeerRefused,

    /// <summary>The route's timeout or the caller's own deadline passed.</summary>
    DeadlineExceeded,

    /// <summary>Another failure of the exchange with the endpoint.</summary>
    ExchangeFailed,

    /// <summary>The control plane asks clients to drop a share of the cluster's calls, and this was one.</summary>
    DropOverload,
}
