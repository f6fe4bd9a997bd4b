using System.Collections.Immutable;
using ProxylessMesh.Xds.Matching;

namespace ProxylessMesh.Xds.Resources;

/// <summary>A valid HTTP filter (gRFC A39). <see cref="Name"/> is what <c>typed_per_filter_config</c> refers to.</summary>
internal abstract record HttpFilterConfig(string Name);

/// <summary>The last filter: sends the call.</summary>
internal sealed record RouterFilterConfig(string Name) : HttpFilterConfig(Name);

/// <summary><c>envoy.filters.http.rbac</c> (gRFC A41). <see cref="Rules"/> null: everything passes.</summary>
internal sealed record RbacFilterConfig(string Name, RbacConfig? Rules, RbacConfig? ShadowRules) : HttpFilterConfig(Name)
{
    /// <summary>Stands before what the shadow rules write for later filters (<c>shadow_rules_stat_prefix</c>).</summary>
    public string ShadowPrefix { get; init; } = "";
}

/// <summary><c>envoy.filters.http.fault</c> (gRFC A33).</summary>
internal sealed record FaultFilterConfig(string Name, FaultConfig Fault) : HttpFilterConfig(Name);

/// <summary><c>envoy.filters.http.cors</c>: <see cref="Policy"/> null in the filter itself; routes and hosts carry the policy as an override.</summary>
internal sealed record CorsFilterConfig(string Name, CorsConfig? Policy) : HttpFilterConfig(Name);

/// <summary><c>envoy.filters.http.stateful_session</c> (gRFC A55): calls of one session go to one endpoint. Null: off.</summary>
internal sealed record StatefulSessionFilterConfig(string Name, SessionConfig? Session) : HttpFilterConfig(Name);

/// <summary><c>envoy.filters.http.local_ratelimit</c>, or ours with buckets by caller.</summary>
internal sealed record LocalRateLimitFilterConfig(string Name, RateLimitConfig Limit) : HttpFilterConfig(Name);

/// <summary><c>envoy.filters.http.adaptive_concurrency</c>.</summary>
internal sealed record AdaptiveConcurrencyFilterConfig(string Name, AdaptiveConcurrencyConfig Limit) : HttpFilterConfig(Name);

/// <summary>At most so many calls at once. Ours.</summary>
internal sealed record ConcurrencyLimitFilterConfig(string Name, int MaxCalls) : HttpFilterConfig(Name);

/// <summary>At most so many connections to the port at once, and from one caller; null: any number. Ours.</summary>
internal sealed record ConnectionLimitFilterConfig(string Name, int? Max, int? MaxPerCaller) : HttpFilterConfig(Name);

/// <summary>Answers tell how busy the server is (gRFC A51). Ours.</summary>
internal sealed record LoadReportFilterConfig(string Name) : HttpFilterConfig(Name);

/// <summary>As an override: the filter of that name does nothing here (<c>FilterConfig.disabled</c>).</summary>
internal sealed record DisabledFilterConfig(string Name) : HttpFilterConfig(Name);

/// <summary>What the fault filter does to a matching call: waits, then may end it.</summary>
internal sealed record FaultConfig
{
    public static readonly FaultConfig None = new();

    public TimeSpan? Delay { get; init; }

    public FractionMatcher DelayFraction { get; init; }

    /// <summary>200-599.</summary>
    public int? AbortHttpStatus { get; init; }

    /// <summary>gRPC status, 0-16.</summary>
    public int? AbortGrpcStatus { get; init; }

    public FractionMatcher AbortFraction { get; init; }

    /// <summary>Faults in flight at once in this process; null: no limit.</summary>
    public long? MaxActiveFaults { get; init; }

    /// <summary>Only calls that match all of these (Envoy <c>headers</c>); empty: all calls.</summary>
    public ImmutableArray<HeaderMatcher> Headers { get; init; } = [];

    /// <summary>The call itself says the delay (<c>x-envoy-fault-delay-request</c>, in ms; gRFC A33 <c>header_delay</c>).</summary>
    public bool DelayByHeader { get; init; }

    /// <summary>Millionths that one unit of <c>x-envoy-fault-delay-request-percentage</c> is: the denominator is the filter's (A33).</summary>
    public int DelayHeaderScale { get; init; } = 10_000;

    /// <summary>The call itself says the status (<c>x-envoy-fault-abort-request</c>, <c>x-envoy-fault-abort-grpc-request</c>).</summary>
    public bool AbortByHeader { get; init; }

    /// <summary>Millionths that one unit of <c>x-envoy-fault-abort-request-percentage</c> is.</summary>
    public int AbortHeaderScale { get; init; } = 10_000;

    /// <summary>Bytes per second at which the answer's body arrives (<c>response_rate_limit</c>); null: as it comes.</summary>
    public long? ResponseBytesPerSecond { get; init; }

    public FractionMatcher ResponseFraction { get; init; }

    /// <summary>The answer's body breaks after this many bytes; null: it does not. Ours.</summary>
    public long? CutAfterBytes { get; init; }

    public FractionMatcher CutFraction { get; init; }

    /// <summary>The exception that the call ends with instead of a status. Ours.</summary>
    public FaultException? Exception { get; init; }

    public FractionMatcher ExceptionFraction { get; init; }

    /// <summary>After this moment the fault does nothing (experiments have a mandatory end). Ours.</summary>
    public DateTimeOffset? Until { get; init; }
}

/// <summary>What an application sees of a network that fails.</summary>
internal enum FaultException
{
    /// <summary><see cref="System.Net.Http.HttpRequestError.ConnectionError"/>.</summary>
    ConnectionRefused,

    /// <summary><see cref="System.Net.Http.HttpRequestError.NameResolutionError"/>.</summary>
    NameResolution,

    /// <summary><see cref="System.Net.Http.HttpRequestError.SecureConnectionError"/>.</summary>
    Tls,

    /// <summary><see cref="System.Net.Http.HttpRequestError.ResponseEnded"/>.</summary>
    ResponseEnded,

    /// <summary>A <see cref="TaskCanceledException"/> as of a timeout.</summary>
    Timeout,
}
