namespace ProxylessMesh.Manifests.Kinds;

/// <summary>How an endpoint is picked (Istio <c>LoadBalancerSettings</c>); null is not set.</summary>
public sealed record LoadBalancerSettings
{
    /// <summary>Null with <see cref="ConsistentHash"/>, or for the default, the less busy of two.</summary>
    public SimpleLoadBalancer? Simple { get; init; }

    /// <summary>The same caller, the same endpoint.</summary>
    public ConsistentHash? ConsistentHash { get; init; }

    /// <summary><c>localityLbSetting</c>, or <c>zoneAwareLbSetting</c>.</summary>
    public LocalitySettings? Locality { get; init; }

    /// <summary>New endpoints get their share little by little.</summary>
    public WarmupSettings? Warmup { get; init; }
}

/// <summary>How an endpoint is picked.</summary>
public enum SimpleLoadBalancer
{
    /// <summary>One after the other.</summary>
    RoundRobin,

    /// <summary>The less busy of a few drawn at random.</summary>
    LeastRequest,

    /// <summary>Any.</summary>
    Random,
}

/// <summary>Equal hashes lead to the same endpoint while it is there.</summary>
public sealed record ConsistentHash
{
    /// <summary>What is hashed.</summary>
    public required HashKey Key { get; init; }

    /// <summary>The name of the header, cookie or query parameter; empty for the address.</summary>
    public string Name { get; init; } = "";

    /// <summary>Path of a cookie that is made; empty: none.</summary>
    public string CookiePath { get; init; } = "";

    /// <summary>Null: a missing cookie is not made. Zero: it ends with the session.</summary>
    public TimeSpan? CookieTtl { get; init; }

    /// <summary>A Maglev table; false: a ring.</summary>
    public bool IsMaglev { get; init; }

    /// <summary>The least number of places on the ring; null: 1024.</summary>
    public int? MinimumRingSize { get; init; }

    /// <summary>Entries of the Maglev table, a prime; null: 65,537.</summary>
    public int? TableSize { get; init; }
}

/// <summary>What a consistent hash looks at.</summary>
public enum HashKey
{
    /// <summary>A request header.</summary>
    Header,

    /// <summary>A cookie.</summary>
    Cookie,

    /// <summary>The caller's address.</summary>
    SourceIp,

    /// <summary>A query parameter.</summary>
    QueryParameter,
}

/// <summary>A new endpoint's share grows (Istio <c>warmup</c>, Envoy slow start).</summary>
/// <param name="Duration">Until the full share.</param>
/// <param name="MinimumPercent">Percentage (0-100) of the share to begin with; null: 10.</param>
/// <param name="Aggression">Over 1: faster at first; null: 1.</param>
public sealed record WarmupSettings(TimeSpan Duration, double? MinimumPercent, double? Aggression);
