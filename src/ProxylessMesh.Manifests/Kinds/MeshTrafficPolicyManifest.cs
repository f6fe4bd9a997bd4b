using System.Collections.Immutable;

namespace ProxylessMesh.Manifests.Kinds;

/// <summary>What no standard kind can say about the calls for one service, for all of its callers. Of the namespace of its service.</summary>
public sealed record MeshTrafficPolicyManifest : Manifest
{
    /// <inheritdoc/>
    public override ManifestKind Kind => ManifestKind.MeshTrafficPolicy;

    /// <summary>The service by its full name.</summary>
    public required string Host { get; init; }

    /// <summary>Takes the place of what a DestinationRule says; null: it says nothing.</summary>
    public MeshBalancing? LoadBalancer { get; init; }

    /// <summary>Each client uses at most so many endpoints; null: all.</summary>
    public int? SubsetSize { get; init; }

    /// <summary>Eject whoever succeeds less than the others; null: off.</summary>
    public SuccessRateEjection? SuccessRate { get; init; }

    /// <summary>Eject whoever fails too often; null: off.</summary>
    public FailurePercentageEjection? FailurePercentage { get; init; }

    /// <summary>Clients ask the endpoints whether they are well; null: they do not.</summary>
    public HealthCheckSettings? HealthCheck { get; init; }

    /// <summary>Further attempts before the first has answered; null: none.</summary>
    public HedgingSettings? Hedging { get; init; }

    /// <summary>A caller stays with its endpoint; null: any.</summary>
    public SessionAffinity? SessionAffinity { get; init; }

    /// <summary>The wait before a retry is what the answer says; null: what the route says.</summary>
    public RateLimitedBackOff? RateLimitedBackOff { get; init; }
}

/// <summary>A way to pick that only this mesh, or only gRPC, knows.</summary>
public abstract record MeshBalancing;

/// <summary>The lowest latency times calls in flight, of a few drawn at random.</summary>
/// <param name="Decay">How fast a peak is forgotten; null: 10 s.</param>
public sealed record PeakEwmaBalancing(TimeSpan? Decay) : MeshBalancing;

/// <summary>By the load that endpoints report (gRFC A58); null is gRPC's default.</summary>
public sealed record WeightedRoundRobinBalancing : MeshBalancing
{
    /// <summary>Reports before this age of an endpoint do not count.</summary>
    public TimeSpan? BlackoutPeriod { get; init; }

    /// <summary>Reports older than this do not count.</summary>
    public TimeSpan? WeightExpiration { get; init; }

    /// <summary>Time between two looks at the reports.</summary>
    public TimeSpan? WeightUpdatePeriod { get; init; }

    /// <summary>How much failures count.</summary>
    public double? ErrorUtilizationPenalty { get; init; }
}

/// <summary>One endpoint until it fails.</summary>
/// <param name="Shuffles">Every client begins at another one.</param>
public sealed record PickFirstBalancing(bool Shuffles) : MeshBalancing;

/// <summary>Envoy's success rate detector.</summary>
public sealed record SuccessRateEjection
{
    /// <summary>Endpoints with enough calls that it needs to compare.</summary>
    public int MinimumHosts { get; init; } = 5;

    /// <summary>Calls of an endpoint in one interval that are enough.</summary>
    public int RequestVolume { get; init; } = 100;

    /// <summary>Thousandths of a standard deviation below the mean.</summary>
    public int StdevFactor { get; init; } = 1900;

    /// <summary>Percentage (0-100) of the ejections that are carried out.</summary>
    public int EnforcingPercent { get; init; } = 100;
}

/// <summary>Envoy's failure percentage detector.</summary>
public sealed record FailurePercentageEjection
{
    /// <summary>Percentage (0-100) of failures that is too much.</summary>
    public int Threshold { get; init; } = 85;

    /// <summary>Endpoints with enough calls that it needs.</summary>
    public int MinimumHosts { get; init; } = 5;

    /// <summary>Calls of an endpoint in one interval that are enough.</summary>
    public int RequestVolume { get; init; } = 50;

    /// <summary>Percentage (0-100) of the ejections that are carried out.</summary>
    public int EnforcingPercent { get; init; } = 100;
}

/// <summary>How clients ask an endpoint whether it is well.</summary>
public sealed record HealthCheckSettings
{
    /// <summary>What they ask.</summary>
    public required HealthCheckKind Kind { get; init; }

    /// <summary>For HTTP.</summary>
    public string Path { get; init; } = "/";

    /// <summary>For HTTP; empty: the cluster.</summary>
    public string Host { get; init; } = "";

    /// <summary>For HTTP; empty: 200.</summary>
    public ImmutableArray<int> ExpectedStatuses { get; init; } = [];

    /// <summary>For gRPC; empty: the server as a whole.</summary>
    public string GrpcService { get; init; } = "";

    /// <summary>Time between two checks.</summary>
    public TimeSpan Interval { get; init; } = TimeSpan.FromSeconds(10);

    /// <summary>Time for an answer.</summary>
    public TimeSpan Timeout { get; init; } = TimeSpan.FromSeconds(1);

    /// <summary>Passed checks in a row until it takes calls again.</summary>
    public int HealthyThreshold { get; init; } = 2;

    /// <summary>Failed checks in a row until it takes none.</summary>
    public int UnhealthyThreshold { get; init; } = 3;
}

/// <summary>What a health check asks.</summary>
public enum HealthCheckKind
{
    /// <summary>A GET and its status.</summary>
    Http,

    /// <summary>grpc.health.v1.</summary>
    Grpc,

    /// <summary>A connection.</summary>
    Tcp,
}

/// <summary>Hedged calls (gRFC A6).</summary>
public sealed record HedgingSettings
{
    /// <summary>Attempts in all, 2 to 5.</summary>
    public required int MaxAttempts { get; init; }

    /// <summary>Time between two attempts; zero: all at once.</summary>
    public TimeSpan Delay { get; init; }

    /// <summary>Numbers of the gRPC statuses after which the next attempt starts at once.</summary>
    public ImmutableArray<int> NonFatalGrpcStatuses { get; init; } = [];
}

/// <summary>A caller stays with its endpoint (gRFC A55).</summary>
public sealed record SessionAffinity
{
    /// <summary>In a cookie; false: in a header.</summary>
    public required bool IsCookie { get; init; }

    /// <summary>Of the cookie or header.</summary>
    public required string Name { get; init; }

    /// <summary>Path of the cookie.</summary>
    public string Path { get; init; } = "/";

    /// <summary>Life of the cookie; null: the session.</summary>
    public TimeSpan? Ttl { get; init; }

    /// <summary>Fail rather than go to another endpoint.</summary>
    public bool IsStrict { get; init; }
}

/// <summary>The answer tells when to come again (Envoy <c>rate_limited_retry_back_off</c>).</summary>
/// <param name="Headers">The first of them that an answer has counts.</param>
/// <param name="MaxInterval">A longer wait than this, and the route's own back-off holds.</param>
public sealed record RateLimitedBackOff(ImmutableArray<ResetHeader> Headers, TimeSpan MaxInterval);

/// <summary>A header that tells when.</summary>
/// <param name="Name">Its name.</param>
/// <param name="IsUnixTime">Seconds since 1970; false: seconds from now.</param>
public sealed record ResetHeader(string Name, bool IsUnixTime);
