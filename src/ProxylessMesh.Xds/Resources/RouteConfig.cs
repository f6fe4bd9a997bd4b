using System.Collections.Frozen;
using System.Collections.Immutable;
using ProxylessMesh.Xds.Matching;

namespace ProxylessMesh.Xds.Resources;

/// <summary>A valid <c>envoy.config.route.v3.RouteConfiguration</c>.</summary>
internal sealed record RouteConfig
{
    public required string Name { get; init; }

    public ImmutableArray<VirtualHostConfig> VirtualHosts { get; init; } = [];

    /// <summary>
    /// Header changes go from the virtual host inward, so that the side of a split has the last word
    /// (<c>most_specific_header_mutations_wins</c>); false: outward, as Envoy does of its own.
    /// </summary>
    public bool MostSpecificHeadersWin { get; init; }
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

/// <summary>Answers with the address to go to instead (<c>RedirectAction</c>).</summary>
internal sealed record RedirectActionConfig : RouteActionConfig
{
    /// <summary>301, 302, 303, 307 or 308.</summary>
    public int Status { get; init; } = 301;

    /// <summary>Null: the host that was called.</summary>
    public string? Host { get; init; }

    /// <summary>Null: the port that was called, or none where <see cref="Scheme"/> changes and it was the old scheme's own.</summary>
    public int? Port { get; init; }

    /// <summary><c>http</c> or <c>https</c>; null: as called.</summary>
    public string? Scheme { get; init; }

    /// <summary>Null: the path that was called.</summary>
    public PathRewriteConfig? Path { get; init; }

    public bool StripQuery { get; init; }
}

/// <summary>Answers without calling anybody (<c>DirectResponseAction</c>).</summary>
internal sealed record DirectResponseActionConfig(int Status, ReadOnlyMemory<byte> Body) : RouteActionConfig;

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

    /// <summary>Null: no hedging.</summary>
    public HedgeConfig? Hedge { get; init; }

    /// <summary>Longest silence on the stream; zero: no limit; null: not set.</summary>
    public TimeSpan? IdleTimeout { get; init; }

    /// <summary>Null: the path stays.</summary>
    public PathRewriteConfig? PathRewrite { get; init; }

    /// <summary>Null: the authority stays.</summary>
    public HostRewriteConfig? HostRewrite { get; init; }

    /// <summary>What the hash of a call is made of, in order (gRFC A42); empty: no hash.</summary>
    public ImmutableArray<HashPolicyConfig> HashPolicies { get; init; } = [];

    /// <summary>The hash chooses the side of the split, so that a caller stays on one (<c>weighted_clusters.use_hash_policy</c>).</summary>
    public bool SplitByHash { get; init; }

    /// <summary>Where copies of the calls go.</summary>
    public ImmutableArray<MirrorConfig> Mirrors { get; init; } = [];

    /// <summary><c>priority: HIGH</c>: the other thresholds of the circuit breaker.</summary>
    public bool IsHighPriority { get; init; }
}


/// <summary>One side of a split.</summary>
internal sealed record WeightedClusterConfig
{
    public required string Cluster { get; init; }

    public uint Weight { get; init; } = 1;

    /// <summary>Before the action's own; null: the action's.</summary>
    public HostRewriteConfig? HostRewrite { get; init; }

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
