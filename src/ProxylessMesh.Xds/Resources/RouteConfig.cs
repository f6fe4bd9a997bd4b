using System.Collections.Frozen;
using System.Collections.Immutable;
using ProxylessMesh.Xds.Matching;

namespace ProxylessMesh.Xds.Resources;

/// <summary>A valid <c>envoy.config.route.v3.RouteConfiguration</c>.</summary>
internal sealed record RouteConfig
{
    public required string Name { get; init; }

    public ImmutableArray<VirtualHostConfig> VirtualHosts { get; init; } = [];
}

/// <summary>Domains (exact, <c>*.suffix</c>, <c>prefix.*</c>, <c>*</c>) and their routes in order.</summary>
internal sealed record VirtualHostConfig
{
    public required string Name { get; init; }

    public ImmutableArray<string> Domains { get; init; } = [];

    public ImmutableArray<RouteRuleConfig> Routes { get; init; } = [];

    public HeaderOperationsConfig Headers { get; init; } = HeaderOperationsConfig.None;

    /// <summary>For routes that have none of their own.</summary>
    public RetryConfig? Retry { get; init; }

    /// <summary>By filter name; <see cref="HttpFilterConfig"/> with the override's content.</summary>
    public FrozenDictionary<string, HttpFilterConfig> FilterOverrides { get; init; } = FrozenDictionary<string, HttpFilterConfig>.Empty;
}

/// <summary>One route: the first that matches is taken (gRFC A28).</summary>
internal sealed record RouteRuleConfig
{
    public string Name { get; init; } = "";

    public required RequestMatcher Match { get; init; }

    public required RouteActionConfig Action { get; init; }

    public HeaderOperationsConfig Headers { get; init; } = HeaderOperationsConfig.None;

    public FrozenDictionary<string, HttpFilterConfig> FilterOverrides { get; init; } = FrozenDictionary<string, HttpFilterConfig>.Empty;
}

/// <summary>What a route does.</summary>
internal abstract record RouteActionConfig;

/// <summary>Server side: the call is for this process.</summary>
internal sealed record NonForwardingActionConfig : RouteActionConfig;

/// <summary>A feature of the action that this version does not carry out: the route exists, calls on it fail with this reason (A28).</summary>
internal sealed record UnsupportedActionConfig(string Reason) : RouteActionConfig;

/// <summary>Sends the call to one of the clusters.</summary>
internal sealed record ForwardActionConfig : RouteActionConfig
{
    /// <summary>At least one; the sum of weights is 1 to 2^32-1. A single cluster has weight 1.</summary>
    public required ImmutableArray<WeightedClusterConfig> Clusters { get; init; }

    /// <summary>
    /// Limit of the whole call with its retries: <c>max_stream_duration</c> for gRPC (A31), <c>timeout</c> for HTTP. Zero: no limit.
    /// Null: not set.
    /// </summary>
    public TimeSpan? Timeout { get; init; }

    /// <summary><c>max_stream_duration.grpc_timeout_header_max</c> or <c>max_stream_duration</c>; zero: no limit; null: not set.</summary>
    public TimeSpan? MaxStreamDuration { get; init; }

    public RetryConfig? Retry { get; init; }
}

/// <summary>One side of a split.</summary>
internal sealed record WeightedClusterConfig
{
    public required string Cluster { get; init; }

    public uint Weight { get; init; } = 1;

    public HeaderOperationsConfig Headers { get; init; } = HeaderOperationsConfig.None;

    public FrozenDictionary<string, HttpFilterConfig> FilterOverrides { get; init; } = FrozenDictionary<string, HttpFilterConfig>.Empty;
}

/// <summary>Header changes, carried out in this order: remove, set, add.</summary>
internal sealed record HeaderOperationsConfig
{
    public static readonly HeaderOperationsConfig None = new();

    public ImmutableArray<string> RequestRemove { get; init; } = [];

    public ImmutableArray<KeyValuePair<string, string>> RequestSet { get; init; } = [];

    public ImmutableArray<KeyValuePair<string, string>> RequestAdd { get; init; } = [];

    public ImmutableArray<string> ResponseRemove { get; init; } = [];

    public ImmutableArray<KeyValuePair<string, string>> ResponseSet { get; init; } = [];

    public ImmutableArray<KeyValuePair<string, string>> ResponseAdd { get; init; } = [];

    public bool IsEmpty => RequestRemove.IsEmpty && RequestSet.IsEmpty && RequestAdd.IsEmpty && ResponseRemove.IsEmpty && ResponseSet.IsEmpty && ResponseAdd.IsEmpty;
}

/// <summary>A valid <c>RetryPolicy</c> (gRFC A44, Envoy's retry conditions).</summary>
internal sealed record RetryConfig
{
    public RetryConditions On { get; init; }

    /// <summary>With <see cref="RetryConditions.RetriableStatusCodes"/>.</summary>
    public ImmutableArray<int> StatusCodes { get; init; } = [];

    /// <summary>Attempts after the first, 1 or more.</summary>
    public int MaxRetries { get; init; } = 1;

    /// <summary>Null or zero: an attempt may take as long as the call.</summary>
    public TimeSpan? PerTryTimeout { get; init; }

    public TimeSpan BaseInterval { get; init; } = TimeSpan.FromMilliseconds(25);

    public TimeSpan MaxInterval { get; init; } = TimeSpan.FromMilliseconds(250);
}

/// <summary><c>retry_on</c>: Envoy's words and gRPC's status names.</summary>
[Flags]
internal enum RetryConditions
{
    None = 0,
    ServerError = 1 << 0,
    GatewayError = 1 << 1,
    Reset = 1 << 2,
    ResetBeforeRequest = 1 << 3,
    ConnectFailure = 1 << 4,
    RefusedStream = 1 << 5,
    Retriable4xx = 1 << 6,
    RetriableStatusCodes = 1 << 7,
    Cancelled = 1 << 8,
    DeadlineExceeded = 1 << 9,
    Internal = 1 << 10,
    ResourceExhausted = 1 << 11,
    Unavailable = 1 << 12,
}
