namespace ProxylessMesh.Manifests.Kinds;

/// <summary>When an endpoint is set aside. Null thresholds and times are not set: Istio's defaults hold.</summary>
public sealed record OutlierDetection
{
    /// <summary>5xx answers in a row; 0: off; null: 5 where no threshold is set, as Istio documents.</summary>
    public int? Consecutive5xxErrors { get; init; }

    /// <summary>502, 503, 504 in a row; 0 or null: off.</summary>
    public int? ConsecutiveGatewayErrors { get; init; }

    /// <summary>Connect failures, resets and timeouts are counted apart from what the endpoint answers.</summary>
    public bool SplitExternalLocalOriginErrors { get; init; }

    /// <summary>With <see cref="SplitExternalLocalOriginErrors"/>: such failures in a row; 0: off; null: 5.</summary>
    public int? ConsecutiveLocalOriginFailures { get; init; }

    /// <summary>Time between sweeps; default 10 s.</summary>
    public TimeSpan Interval { get; init; } = TimeSpan.FromSeconds(10);

    /// <summary>How long a first ejection lasts; default 30 s.</summary>
    public TimeSpan BaseEjectionTime { get; init; } = TimeSpan.FromSeconds(30);

    /// <summary>Percentage (0-100) that may be ejected at once.</summary>
    public int MaxEjectionPercent { get; init; } = 10;

    /// <summary>Below this percentage (0-100) of healthy endpoints all are used; 0: never.</summary>
    public int MinHealthPercent { get; init; }
}
