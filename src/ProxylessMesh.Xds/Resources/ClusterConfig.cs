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

    /// <summary>For the DNS kinds: what to resolve, and how the results are used. Null otherwise.</summary>
    public DnsConfig? Dns { get; init; }

    /// <summary>For <see cref="ClusterDiscovery.Aggregate"/>: the clusters underneath in the order of their priority (gRFC A37). Empty otherwise.</summary>
    public ImmutableArray<string> AggregateOf { get; init; } = [];

    public TimeSpan ConnectTimeout { get; init; } = TimeSpan.FromSeconds(5);

    public LoadBalancerConfig LoadBalancer { get; init; } = new();

    public CircuitBreakerConfig CircuitBreaker { get; init; } = CircuitBreakerConfig.Unlimited;

    /// <summary>The thresholds of <c>priority: HIGH</c>, for routes of that priority.</summary>
    public CircuitBreakerConfig HighPriorityCircuitBreaker { get; init; } = CircuitBreakerConfig.Unlimited;

    /// <summary>Active health checks, of which every one must pass; empty: none.</summary>
    public ImmutableArray<HealthCheckConfig> HealthChecks { get; init; } = [];

    /// <summary>How connections to the endpoints are kept.</summary>
    public ConnectionConfig Connection { get; init; } = ConnectionConfig.Default;

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

    /// <summary>Every address of a name is an endpoint.</summary>
    StrictDns,

    /// <summary>A name is one endpoint, whose addresses are tried in turn (gRFC A37).</summary>
    LogicalDns,

    /// <summary>Other clusters, one after the other (gRFC A37).</summary>
    Aggregate,
}

/// <summary>What a DNS cluster resolves.</summary>
internal sealed record DnsConfig
{
    /// <summary>The names with their ports, each with the locality, weight and priority that its addresses take. Exactly one for <see cref="ClusterDiscovery.LogicalDns"/>.</summary>
    public required ImmutableArray<DnsNameConfig> Names { get; init; }

    public TimeSpan RefreshRate { get; init; } = TimeSpan.FromSeconds(5);

    public DnsFamily Family { get; init; }

    /// <summary>For the endpoints that come of it: <see cref="EndpointsConfig.OverprovisioningFactor"/>.</summary>
    public uint? OverprovisioningFactor { get; init; }
}

/// <summary>One name of a DNS cluster. <paramref name="Template"/> is the endpoint that each address becomes.</summary>
internal sealed record DnsNameConfig(string Host, int Port, LocalityConfig Locality, EndpointConfig Template);

/// <summary><c>dns_lookup_family</c>.</summary>
internal enum DnsFamily
{
    /// <summary>IPv6 where there is any, else IPv4 (Envoy's AUTO).</summary>
    Auto,
    V4Only,
    V6Only,
    V4Preferred,
    All,
}

/// <summary>Connection limits and keep-alive; null is without limit or the transport's own default.</summary>
internal sealed record ConnectionConfig
{
    public static readonly ConnectionConfig Default = new();

    /// <summary><c>common_http_protocol_options.idle_timeout</c>: a connection without calls is closed after it.</summary>
    public TimeSpan? IdleTimeout { get; init; }

    public TimeSpan? MaxConnectionDuration { get; init; }

    public uint? MaxRequestsPerConnection { get; init; }

    /// <summary>HTTP/2 streams on one connection at once.</summary>
    public uint? MaxConcurrentStreams { get; init; }

    /// <summary>HTTP/2 PING after this much silence; null: the transport's default.</summary>
    public TimeSpan? KeepAliveInterval { get; init; }

    public TimeSpan? KeepAliveTimeout { get; init; }

    /// <summary><c>upstream_connection_options.tcp_keepalive</c>; null: off.</summary>
    public TcpKeepAliveConfig? TcpKeepAlive { get; init; }
}

/// <summary><c>TcpKeepalive</c>; null is the operating system's default.</summary>
internal sealed record TcpKeepAliveConfig(uint? Probes, TimeSpan? Time, TimeSpan? Interval);

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

    /// <summary>A <c>retry_budget</c> was written: it then takes the place of <see cref="MaxRetries"/> (Envoy).</summary>
    public bool HasRetryBudget { get; init; }
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

    /// <summary>Percentage (0-100) of the ejections by each consecutive detector that are carried out.</summary>
    public int EnforcingConsecutive5xx { get; init; } = 100;

    public int EnforcingConsecutiveGatewayFailure { get; init; }

    public int EnforcingConsecutiveLocalOriginFailure { get; init; } = 100;

    /// <summary>Null: off.</summary>
    public SuccessRateConfig? SuccessRate { get; init; }

    /// <summary>Null: off.</summary>
    public FailurePercentageConfig? FailurePercentage { get; init; }

    /// <summary>The most that is added to an ejection's length, drawn anew each time.</summary>
    public TimeSpan MaxEjectionTimeJitter { get; init; }

    /// <summary>One endpoint may be ejected whatever <see cref="MaxEjectionPercent"/> says.</summary>
    public bool AlwaysEjectOneHost { get; init; }

    /// <summary>A passed active health check ends an ejection.</summary>
    public bool SuccessfulActiveHealthCheckUnejects { get; init; } = true;
}

/// <summary>Success-rate ejection (gRFC A50, Envoy "Success Rate").</summary>
internal sealed record SuccessRateConfig
{
    public int MinimumHosts { get; init; } = 5;

    public int RequestVolume { get; init; } = 100;

    /// <summary>Divided by 1000: how many standard deviations below the mean is too low.</summary>
    public int StdevFactor { get; init; } = 1900;

    public int EnforcingPercent { get; init; } = 100;

    /// <summary>For failures seen only from this side, where those are counted apart.</summary>
    public int EnforcingLocalOriginPercent { get; init; } = 100;
}

/// <summary>Failure-percentage ejection (gRFC A50, Envoy "Failure Percentage").</summary>
internal sealed record FailurePercentageConfig
{
    public int Threshold { get; init; } = 85;

    public int MinimumHosts { get; init; } = 5;

    public int RequestVolume { get; init; } = 50;

    public int EnforcingPercent { get; init; }

    public int EnforcingLocalOriginPercent { get; init; }
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

    /// <summary><c>tls_params.tls_minimum_protocol_version</c> is TLSv1_3: TLS 1.2 is refused.</summary>
    public bool RequiresTls13 { get; init; }

    /// <summary>Roots are those of the operating system (<c>system_root_certs</c>, gRFC A82): the peer is a server of the world, no mesh workload.</summary>
    public bool UsesSystemRoots { get; init; }

    /// <summary>PEM roots written into the config (<c>trusted_ca</c> inline); null: none.</summary>
    public string? TrustedCaPem { get; init; }

    /// <summary>The SNI is the host that the call is for (<c>auto_host_sni</c>, gRFC A101).</summary>
    public bool AutoHostSni { get; init; }

    /// <summary>The certificate must be for the SNI (<c>auto_sni_san_validation</c>, gRFC A101).</summary>
    public bool AutoSniSanValidation { get; init; }

    /// <summary>The peer is a mesh workload: it must prove a SPIFFE ID. False: the Web's rules (DNS names, any root above).</summary>
    public bool IsMesh => !UsesSystemRoots && TrustedCaPem is null;
}

/// <summary>A valid <c>DownstreamTlsContext</c>.</summary>
internal sealed record DownstreamTlsConfig
{
    public string? IdentityProvider { get; init; }

    public string? RootProvider { get; init; }

    public bool RequireClientCertificate { get; init; }

    /// <summary><c>tls_params.tls_minimum_protocol_version</c> is TLSv1_3: TLS 1.2 is refused.</summary>
    public bool RequiresTls13 { get; init; }
}
