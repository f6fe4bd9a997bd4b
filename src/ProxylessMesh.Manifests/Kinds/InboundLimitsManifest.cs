using System.Collections.Immutable;

namespace ProxylessMesh.Manifests.Kinds;

/// <summary>
/// How much the selected workloads take at once, and from whom. Of several for one workload the one with a selector counts, then the
/// namespace's, then the mesh's (root namespace, no selector); of equal ones the older.
/// </summary>
public sealed record InboundLimitsManifest : Manifest
{
    /// <inheritdoc/>
    public override ManifestKind Kind => ManifestKind.InboundLimits;

    /// <summary>Labels of the workloads; empty: all of the namespace, or of the mesh in the root namespace.</summary>
    public ImmutableSortedDictionary<string, string> Selector { get; init; } = LabelSet.Empty;

    /// <summary>Calls over time; null: no limit.</summary>
    public InboundRateLimit? RateLimit { get; init; }

    /// <summary>Calls at once, 1 or more; null: no limit.</summary>
    public int? MaxConcurrentCalls { get; init; }

    /// <summary>Calls at once by what their latency shows; null: no such limit.</summary>
    public AdaptiveConcurrency? AdaptiveConcurrency { get; init; }

    /// <summary>Connections to one port at once, 1 or more; null: no limit.</summary>
    public int? MaxConnections { get; init; }

    /// <summary>Connections of one caller to one port at once, 1 or more; null: no limit.</summary>
    public int? MaxConnectionsPerCaller { get; init; }
}

/// <summary>Token buckets. Null: no limit of that kind.</summary>
public sealed record InboundRateLimit
{
    /// <summary>For all callers together.</summary>
    public TokenBucket? Total { get; init; }

    /// <summary>For each caller.</summary>
    public TokenBucket? PerCaller { get; init; }

    /// <summary>For the callers named, instead of <see cref="PerCaller"/>; the first that matches.</summary>
    public ImmutableArray<CallerTokenBucket> Callers { get; init; } = [];

    /// <summary>The HTTP status of the refusal, 400 to 599.</summary>
    public int Status { get; init; } = 429;
}

/// <summary>A bucket that holds at most <see cref="Burst"/> tokens and gets <see cref="Calls"/> more each <see cref="Per"/>.</summary>
public sealed record TokenBucket
{
    /// <summary>Calls per <see cref="Per"/> in the long run, 1 or more.</summary>
    public required int Calls { get; init; }

    /// <summary>50 ms to 1 h.</summary>
    public required TimeSpan Per { get; init; }

    /// <summary>Calls at once after a quiet time, at least <see cref="Calls"/>.</summary>
    public required int Burst { get; init; }
}

/// <summary>The bucket of some callers.</summary>
public sealed record CallerTokenBucket
{
    /// <summary>As in AuthorizationPolicy: <c>trust-domain/ns/NAMESPACE/sa/ACCOUNT</c>, exact, <c>prefix*</c> or <c>*suffix</c>.</summary>
    public required string Principal { get; init; }

    /// <summary>Each caller that matches has its own.</summary>
    public required TokenBucket Bucket { get; init; }
}

/// <summary>Envoy's gradient controller: the limit follows how latency compares with the best that was measured.</summary>
public sealed record AdaptiveConcurrency
{
    /// <summary>Percentile (0-100) of latencies that is compared.</summary>
    public double Percentile { get; init; } = 50;

    /// <summary>Never fewer calls at once, 1 or more.</summary>
    public int MinConcurrency { get; init; } = 3;

    /// <summary>Never more calls at once.</summary>
    public int MaxConcurrency { get; init; } = 1000;

    /// <summary>How often the limit is computed anew.</summary>
    public TimeSpan UpdateInterval { get; init; } = TimeSpan.FromMilliseconds(100);

    /// <summary>How often the best latency is measured anew.</summary>
    public TimeSpan MeasureInterval { get; init; } = TimeSpan.FromMinutes(1);

    /// <summary>Calls in one measurement.</summary>
    public int MeasureCalls { get; init; } = 50;

    /// <summary>Percentage (0-1000) over the best latency that still counts as good.</summary>
    public double BufferPercent { get; init; } = 25;
}
