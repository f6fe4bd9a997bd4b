using System.Collections.Immutable;
using ProxylessMesh.Xds.Matching;

namespace ProxylessMesh.Xds.Resources;

/// <summary>A valid <c>envoy.config.cluster.v3.Cluster</c>.</summary>
internal sealed record ClusterConfig
{
    public required string Name { get; init; }

    public ClusterDiscovery Discovery { get; init; } = ClusterDiscovery.Eds;

    /// <summary>The <c>ClusterLoadAssignment</c> to ask for; the cluster's own name where <c>service_name</c> is empty.</summary>
    public string EdsName { get; init; } = "";

    /// <summary>For <see cref="ClusterDiscovery.Static"/>: <c>load_assignment</c>.</summary>
    public EndpointsConfig? InlineEndpoints { get; init; }

    public TimeSpan ConnectTimeout { get; init; } = TimeSpan.FromSeconds(5);

    public LoadBalancerConfig LoadBalancer { get; init; } = new();

    public CircuitBreakerConfig CircuitBreaker { get; init; } = CircuitBreakerConfig.Unlimited;

    /// <summary>Null: nobody is ejected.</summary>
    public OutlierDetectionConfig? OutlierDetection { get; init; }

    /// <summary>Null: plaintext.</summary>
    public UpstreamTlsConfig? Tls { get; init; }

    /// <summary>The endpoints speak HTTP/2 without being asked (<c>explicit_http_config.http2_protocol_options</c>).</summary>
    public bool Http2 { get; init; }
}

internal enum ClusterDiscovery
{
    Eds,
    Static,
}

/// <summary>How a cluster picks.</summary>
internal sealed record LoadBalancerConfig
{
    public LoadBalancerKind Kind { get; init; } = LoadBalancerKind.RoundRobin;

    /// <summary>For least request: endpoints drawn per pick, 2 to 10 (gRFC A48).</summary>
    public int ChoiceCount { get; init; } = 2;
}

internal enum LoadBalancerKind
{
    RoundRobin,
    LeastRequest,
    Random,
}

/// <summary><c>CircuitBreakers.Thresholds</c> of the default priority; null is without limit.</summary>
internal sealed record CircuitBreakerConfig
{
    public static readonly CircuitBreakerConfig Unlimited = new();

    public uint? MaxConnections { get; init; }

    public uint? MaxPendingRequests { get; init; }

    public uint? MaxRequests { get; init; }

    public uint? MaxRetries { get; init; }

    /// <summary>Percentage (0-100) of the calls in flight that may be retries.</summary>
    public double RetryBudgetPercent { get; init; } = 20;

    /// <summary>Retries in flight that are always allowed.</summary>
    public int RetryBudgetMinConcurrency { get; init; } = 3;
}

/// <summary>A valid <c>OutlierDetection</c>. Null thresholds are off. Times as in gRFC A50.</summary>
internal sealed record OutlierDetectionConfig
{
    public TimeSpan Interval { get; init; } = TimeSpan.FromSeconds(10);

    /// <summary>How long a first ejection lasts; the n-th in a row lasts n times as long.</summary>
    public TimeSpan BaseEjectionTime { get; init; } = TimeSpan.FromSeconds(30);

    /// <summary>The longest an ejection may last, unless <see cref="BaseEjectionTime"/> is longer.</summary>
    public TimeSpan MaxEjectionTime { get; init; } = TimeSpan.FromSeconds(300);

    /// <summary>Percentage (0-100) of the cluster that may be ejected at once; one endpoint may always be.</summary>
    public int MaxEjectionPercent { get; init; } = 10;

    /// <summary>5xx answers (and local failures) in a row that eject; null: off.</summary>
    public int? Consecutive5xx { get; init; }

    /// <summary>502, 503 and 504 in a row that eject; null: off.</summary>
    public int? ConsecutiveGatewayFailure { get; init; }

    /// <summary>Connect failures, resets and timeouts in a row that eject, where local failures are counted apart; null: off.</summary>
    public int? ConsecutiveLocalOriginFailure { get; init; }

    public bool SplitLocalOriginErrors { get; init; }
}

/// <summary>A valid <c>UpstreamTlsContext</c> (gRFC A29).</summary>
internal sealed record UpstreamTlsConfig
{
    /// <summary>Certificate provider instance for our own certificate; null: present none.</summary>
    public string? IdentityProvider { get; init; }

    /// <summary>Certificate provider instance of the roots.</summary>
    public string? RootProvider { get; init; }

    /// <summary>The peer's URI or DNS SAN must match one; empty: any identity under the roots.</summary>
    public ImmutableArray<StringMatcher> PeerNames { get; init; } = [];

    public string? ServerName { get; init; }

    public ImmutableArray<string> AlpnProtocols { get; init; } = [];
}

/// <summary>A valid <c>DownstreamTlsContext</c>.</summary>
internal sealed record DownstreamTlsConfig
{
    public string? IdentityProvider { get; init; }

    public string? RootProvider { get; init; }

    public bool RequireClientCertificate { get; init; }
}
