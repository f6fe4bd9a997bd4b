using System.Net;

namespace ProxylessMesh.Client.Clusters;

/// <summary>One address of a cluster, with the state that outlives any single config: its connections, its calls, its ejection.</summary>
/// <remarks>
/// Removed endpoints drain: calls that run go on to their end, then the transport is disposed. A call that picked the endpoint just
/// before is told by <see cref="TryStart"/> and picks again, so no call ever meets a disposed transport.
/// </remarks>
internal sealed class ClusterEndpoint(string cluster, IPEndPoint address, bool meshTls, HttpMessageInvoker transport)
{
    // The calls in flight, and one bit that says that the transport is gone.
    private const long Closed = 1L << 62;

    private long _calls;
    private volatile bool _removed;
    private volatile bool _backingOff;
    private int _connectFailures;

    public string Cluster { get; } = cluster;

    public IPEndPoint Address { get; } = address;

    /// <summary>Its address as telemetry names it, built once.</summary>
    public string Name { get; } = address.ToString();

    /// <summary>Its own host name, for routes that put it in place of the one called; empty: none. The newest config's.</summary>
    public string Hostname { get; set; } = "";

    /// <summary>It speaks HTTP/2 without being asked. The newest config's.</summary>
    public bool SpeaksHttp2 { get; set; }

    /// <summary>Calls go over TLS: mesh mTLS, or that of a server of the world.</summary>
    public bool IsTls { get; init; } = meshTls;

    /// <summary>For <see cref="EndpointTable"/> alone: what it is found by.</summary>
    internal EndpointKey Key { get; init; }

    /// <summary>Calls go over mTLS and HTTP/2.</summary>
    public bool MeshTls { get; } = meshTls;

    /// <summary>Connections to this address and for this cluster only.</summary>
    public HttpMessageInvoker Transport { get; } = transport;

    /// <summary>Its connections, as far as its transport counts them.</summary>
    public EndpointConnections Connections { get; } = (transport as CountedTransport)?.Connections ?? new EndpointConnections();

    /// <summary>Calls that one connection carries at once: one with HTTP/1.1; with HTTP/2 as many as configured, else any number.</summary>
    public long CallsPerConnection { get; init; } = 1;

    /// <summary>
    /// Calls that wait for a connection: those that are more than its connections carry. With HTTP/2 that is, as in Envoy, while the
    /// first connection is being made, or where <c>max_concurrent_streams</c> is configured.
    /// </summary>
    public long Pending => Connections.Ready is var ready && ready > 0 && CallsPerConnection == long.MaxValue ? 0 : Math.Max(0, ActiveCalls - (ready * CallsPerConnection));

    public OutlierState Outlier { get; } = new();

    /// <summary>The cluster that it belongs to: under an aggregate cluster the one underneath.</summary>
    public required ClusterMembers Owner { get; init; }

    /// <summary>When it came, as a timestamp of the cluster's clock: its slow start begins then.</summary>
    public long JoinedAt { get; init; }

    /// <summary>For peak EWMA.</summary>
    public PeakLatency Latency { get; } = new();

    /// <summary>For weights by load reports.</summary>
    public ReportedWeight ReportedWeight { get; } = new();

    /// <summary>For pick first: the larger, the later calls began to stay here; 0: never.</summary>
    public long ChosenAt { get; set; }

    /// <summary>Calls sent whose answer's body has not ended: the load that least request compares.</summary>
    public long ActiveCalls => Volatile.Read(ref _calls) & ~Closed;

    /// <summary>It left its cluster: nothing new comes here.</summary>
    public bool IsRemoved => _removed;

    /// <summary>What active checks say of it; without checks nothing.</summary>
    public ActiveHealth Health { get; } = new();

    /// <summary>It takes part in balancing: not ejected, not failing its checks and not waiting after a failed connect.</summary>
    public bool IsAvailable => !Outlier.IsEjected && !Health.IsFailing && !_backingOff;

    /// <returns>False when it was removed and closed: pick again.</returns>
    public bool TryStart()
    {
        if ((Interlocked.Increment(ref _calls) & Closed) == 0)
        {
            return true;
        }

        Interlocked.Decrement(ref _calls);
        return false;
    }

    public void Finish()
    {
        if (Interlocked.Decrement(ref _calls) == 0 && _removed)
        {
            CloseIfIdle();
        }
    }

    public void Remove()
    {
        _removed = true;
        CloseIfIdle();
    }

    /// <summary>Leaves balancing after a failed connect, as a gRPC subchannel in TRANSIENT_FAILURE does.</summary>
    /// <returns>How many connects failed in a row; 0 when it already is out.</returns>
    public int BackOff()
    {
        if (_backingOff)
        {
            return 0;
        }

        _backingOff = true;
        return Interlocked.Increment(ref _connectFailures);
    }

    public void EndBackOff()
    {
        _backingOff = false;
        ReportedWeight.Restart();
    }

    /// <summary>An answer came: the next failed connect is a first one.</summary>
    public void Connected()
    {
        if (Volatile.Read(ref _connectFailures) != 0)
        {
            Volatile.Write(ref _connectFailures, 0);
        }
    }

    private void CloseIfIdle()
    {
        if (Interlocked.CompareExchange(ref _calls, Closed, 0) == 0)
        {
            Transport.Dispose();
        }
    }
}
