namespace ProxylessMesh.Xds.Resources;

/// <summary>How a cluster picks: the policy for endpoints and what surrounds it.</summary>
internal sealed record LoadBalancerConfig
{
    public LoadBalancerKind Kind { get; init; } = LoadBalancerKind.RoundRobin;

    /// <summary>For least request and peak EWMA: endpoints drawn per pick, 2 to 10 (gRFC A48).</summary>
    public int ChoiceCount { get; init; } = 2;

    /// <summary>For least request: how much the load of unequally weighted endpoints counts (Envoy <c>active_request_bias</c>), 0 or more.</summary>
    public double ActiveRequestBias { get; init; } = 1;

    /// <summary>For <see cref="LoadBalancerKind.RingHash"/>.</summary>
    public RingHashConfig RingHash { get; init; } = RingHashConfig.Default;

    /// <summary>For <see cref="LoadBalancerKind.Maglev"/>: entries of the table, a prime up to 5,000,011.</summary>
    public int MaglevTableSize { get; init; } = 65_537;

    /// <summary>For <see cref="LoadBalancerKind.WeightedRoundRobin"/> (gRFC A58).</summary>
    public WeightedRoundRobinConfig WeightedRoundRobin { get; init; } = WeightedRoundRobinConfig.Default;

    /// <summary>For <see cref="LoadBalancerKind.PeakEwma"/>: how fast a latency peak is forgotten; more than zero.</summary>
    public TimeSpan PeakEwmaDecay { get; init; } = TimeSpan.FromSeconds(10);

    /// <summary>For <see cref="LoadBalancerKind.PickFirst"/>: the addresses are shuffled once (gRFC A62).</summary>
    public bool PickFirstShuffles { get; init; }

    /// <summary>Endpoints that one client uses at most, chosen by rendezvous hashing (gRFC A68); null: all.</summary>
    public int? SubsetSize { get; init; }

    /// <summary>Null: an endpoint that comes gets its full share at once.</summary>
    public SlowStartConfig? SlowStart { get; init; }

    /// <summary>Localities share the calls by <c>load_balancing_weight</c>; false: all endpoints of a priority are one group (Envoy without locality weighting).</summary>
    public bool ByLocalityWeight { get; init; } = true;

    /// <summary>Prefer this client's own zone as far as capacity allows (Envoy <c>zone_aware_lb_config</c>); null: no.</summary>
    public ZoneAwareConfig? ZoneAware { get; init; }

    /// <summary>Percentage (0-100) of healthy endpoints below which all are used (<c>healthy_panic_threshold</c>); null: only when none is left (gRPC).</summary>
    public double? PanicThreshold { get; init; }

    /// <summary>To which endpoints a session may lead (<c>common_lb_config.override_host_status</c>, gRFC A55).</summary>
    public SessionHosts Sessions { get; init; } = SessionHosts.Healthy;
}

/// <summary>Endpoints by what the control plane says of their health.</summary>
[Flags]
internal enum SessionHosts
{
    None = 0,

    /// <summary>HEALTHY and UNKNOWN.</summary>
    Healthy = 1 << 0,

    /// <summary>Takes no new sessions, but finishes those it has.</summary>
    Draining = 1 << 1,
}

/// <summary>How endpoints of one group are picked.</summary>
internal enum LoadBalancerKind
{
    RoundRobin,
    LeastRequest,
    Random,
    RingHash,
    Maglev,
    WeightedRoundRobin,
    PeakEwma,
    PickFirst,
}

/// <summary>Ring hash (gRFC A42).</summary>
internal sealed record RingHashConfig(int MinimumRingSize, int MaximumRingSize)
{
    public static readonly RingHashConfig Default = new(1024, 4096);
}

/// <summary>Client-side weighted round robin by ORCA reports (gRFC A58).</summary>
internal sealed record WeightedRoundRobinConfig
{
    public static readonly WeightedRoundRobinConfig Default = new();

    public bool OutOfBandReports { get; init; }

    public TimeSpan OutOfBandPeriod { get; init; } = TimeSpan.FromSeconds(10);

    public TimeSpan BlackoutPeriod { get; init; } = TimeSpan.FromSeconds(10);

    public TimeSpan WeightExpiration { get; init; } = TimeSpan.FromMinutes(3);

    /// <summary>At least 100 ms.</summary>
    public TimeSpan WeightUpdatePeriod { get; init; } = TimeSpan.FromSeconds(1);

    public double ErrorUtilizationPenalty { get; init; } = 1;
}

/// <summary>A new endpoint's weight grows over a window (Envoy <c>slow_start_config</c>).</summary>
internal sealed record SlowStartConfig(TimeSpan Window, double Aggression, double MinWeightPercent);

/// <summary>Envoy's zone aware routing.</summary>
/// <param name="MinClusterSize">Fewer endpoints than this: zones are not looked at.</param>
/// <param name="RoutingEnabledPercent">Percentage (0-100) of calls that prefer the zone.</param>
internal sealed record ZoneAwareConfig(int MinClusterSize = 6, double RoutingEnabledPercent = 100);
