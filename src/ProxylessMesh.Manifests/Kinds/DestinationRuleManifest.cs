using System.Collections.Immutable;

namespace ProxylessMesh.Manifests.Kinds;

/// <summary>What happens to calls for a host after routing: subsets, balancing, limits, ejection (Istio <c>DestinationRule</c>).</summary>
public sealed record DestinationRuleManifest : Manifest
{
    /// <inheritdoc/>
    public override ManifestKind Kind => ManifestKind.DestinationRule;

    /// <summary>The host as a full name, or a wildcard as written.</summary>
    public required string Host { get; init; }

    /// <summary>For all calls to the host.</summary>
    public TrafficPolicy TrafficPolicy { get; init; } = TrafficPolicy.None;

    /// <summary>Named parts of the host's workloads; names are unique.</summary>
    public ImmutableArray<DestinationSubset> Subsets { get; init; } = [];
}

/// <summary>The workloads of a host that have these labels.</summary>
public sealed record DestinationSubset
{
    /// <summary>The name that a VirtualService refers to.</summary>
    public required string Name { get; init; }

    /// <summary>What a workload must carry; empty: all.</summary>
    public ImmutableSortedDictionary<string, string> Labels { get; init; } = LabelSet.Empty;

    /// <summary>Each setting that is not null replaces the host's.</summary>
    public TrafficPolicy TrafficPolicy { get; init; } = TrafficPolicy.None;
}

/// <summary>Settings of one destination; null is not set.</summary>
public sealed record TrafficPolicy
{
    /// <summary>Nothing is set.</summary>
    public static readonly TrafficPolicy None = new();

    /// <summary><c>loadBalancer.simple</c>.</summary>
    public SimpleLoadBalancer? LoadBalancer { get; init; }

    /// <summary><c>outlierDetection</c>.</summary>
    public OutlierDetection? OutlierDetection { get; init; }

    /// <summary><c>connectionPool</c>.</summary>
    public ConnectionPool? ConnectionPool { get; init; }

    /// <summary><c>tls.mode</c>.</summary>
    public ClientTlsMode? Tls { get; init; }

    /// <summary>This policy with every setting of <paramref name="narrower"/> in place of its own.</summary>
    public TrafficPolicy OverriddenBy(TrafficPolicy narrower)
    {
        ArgumentNullException.ThrowIfNull(narrower);
        return new TrafficPolicy
        {
            LoadBalancer = narrower.LoadBalancer ?? LoadBalancer,
            OutlierDetection = narrower.OutlierDetection ?? OutlierDetection,
            ConnectionPool = narrower.ConnectionPool ?? ConnectionPool,
            Tls = narrower.Tls ?? Tls,
        };
    }
}

/// <summary>How an endpoint is picked.</summary>
public enum SimpleLoadBalancer
{
    /// <summary>One after the other.</summary>
    RoundRobin,

    /// <summary>The less busy of a few drawn at random.</summary>
    LeastRequest,

    /// <summary>Any.</summary>
    Random,
}

/// <summary>TLS towards a host.</summary>
public enum ClientTlsMode
{
    /// <summary>Plaintext.</summary>
    Disable,

    /// <summary>mTLS with the mesh's certificates.</summary>
    IstioMutual,
}

/// <summary>When an endpoint is set aside. Null thresholds and times are not set: Istio's defaults hold.</summary>
public sealed record OutlierDetection
{
    /// <summary>5xx answers in a row; 0: off; null: 5 where no threshold is set, as Istio documents.</summary>
    public int? Consecutive5xxErrors { get; init; }

    /// <summary>502, 503, 504 in a row; 0 or null: off.</summary>
    public int? ConsecutiveGatewayErrors { get; init; }

    /// <summary>Time between sweeps; default 10 s.</summary>
    public TimeSpan Interval { get; init; } = TimeSpan.FromSeconds(10);

    /// <summary>How long a first ejection lasts; default 30 s.</summary>
    public TimeSpan BaseEjectionTime { get; init; } = TimeSpan.FromSeconds(30);

    /// <summary>Percentage (0-100) that may be ejected at once.</summary>
    public int MaxEjectionPercent { get; init; } = 10;
}

/// <summary>Limits towards one host; null is not set.</summary>
public sealed record ConnectionPool
{
    /// <summary><c>tcp.maxConnections</c>.</summary>
    public int? MaxConnections { get; init; }

    /// <summary><c>tcp.connectTimeout</c>.</summary>
    public TimeSpan? ConnectTimeout { get; init; }

    /// <summary><c>http.http1MaxPendingRequests</c>: calls that wait for a connection.</summary>
    public int? MaxPendingRequests { get; init; }

    /// <summary><c>http.http2MaxRequests</c>: calls in flight.</summary>
    public int? MaxRequests { get; init; }

    /// <summary><c>http.maxRetries</c>: retries in flight.</summary>
    public int? MaxRetries { get; init; }
}
