using System.Collections.Immutable;
using ProxylessMesh.Xds.Matching;

namespace ProxylessMesh.Xds.Resources;

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

    /// <summary>Longest wait for the headers of one attempt (<c>per_try_idle_timeout</c>); null: no limit.</summary>
    public TimeSpan? PerTryIdleTimeout { get; init; }

    /// <summary>How often the pick is repeated to find an endpoint that was not tried (<c>host_selection_retry_max_attempts</c>), where the policy has a host predicate.</summary>
    public int HostSelectionAttempts { get; init; } = 3;

    /// <summary>With <see cref="RetryConditions.RetriableHeaders"/>: an answer that has one of these.</summary>
    public ImmutableArray<HeaderMatcher> RetriableHeaders { get; init; } = [];

    /// <summary>Only calls that match one of these are retried by this policy; empty: all.</summary>
    public ImmutableArray<HeaderMatcher> RetriableRequestHeaders { get; init; } = [];

    /// <summary>Headers of an answer that say how long to wait; empty: only <c>Retry-After</c>.</summary>
    public ImmutableArray<ResetHeaderConfig> ResetHeaders { get; init; } = [];

    /// <summary>The longest that a server may ask for; longer: the ordinary back-off.</summary>
    public TimeSpan MaxResetInterval { get; init; } = TimeSpan.FromSeconds(300);
}

/// <summary>A header by which a server says when to come back (<c>rate_limited_retry_back_off</c>).</summary>
internal sealed record ResetHeaderConfig(string Name, bool IsUnixTime);

/// <summary>Further attempts while earlier ones have not answered (Envoy <c>hedge_policy</c>, gRFC A6).</summary>
internal sealed record HedgeConfig
{
    /// <summary>Attempts in all, 2 to 5.</summary>
    public int MaxAttempts { get; init; } = 2;

    /// <summary>Time between attempts; zero: all at once.</summary>
    public TimeSpan Delay { get; init; }

    /// <summary>A per-try timeout starts another attempt and lets the slow one go on.</summary>
    public bool OnPerTryTimeout { get; init; }

    /// <summary>gRPC statuses after which the next attempt starts at once; any other ends the call (gRFC A6).</summary>
    public ImmutableArray<int> NonFatalGrpcStatuses { get; init; } = [];
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
    EnvoyRateLimited = 1 << 13,
    RetriableHeaders = 1 << 14,
}
