using ProxylessMesh.Xds.Matching;

namespace ProxylessMesh.Xds.Resources;

/// <summary>A valid HTTP filter (gRFC A39). <see cref="Name"/> is what <c>typed_per_filter_config</c> refers to.</summary>
internal abstract record HttpFilterConfig(string Name);

/// <summary>The last filter: sends the call.</summary>
internal sealed record RouterFilterConfig(string Name) : HttpFilterConfig(Name);

/// <summary><c>envoy.filters.http.rbac</c> (gRFC A41). <see cref="Rules"/> null: everything passes.</summary>
internal sealed record RbacFilterConfig(string Name, RbacConfig? Rules, RbacConfig? ShadowRules) : HttpFilterConfig(Name);

/// <summary><c>envoy.filters.http.fault</c> (gRFC A33).</summary>
internal sealed record FaultFilterConfig(string Name, FaultConfig Fault) : HttpFilterConfig(Name);

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
}
