using System.Collections.Immutable;

namespace ProxylessMesh.Admission;

/// <summary>What a route asks of a call that is authorized: tokens, and room. Compiled from the route's filters.</summary>
internal sealed record CallAdmission
{
    /// <summary>Nothing.</summary>
    public static readonly CallAdmission None = new();

    /// <summary>All must have a token.</summary>
    public ImmutableArray<CallerRateLimiter> RateLimiters { get; init; } = [];

    /// <summary>Null: no adaptive limit.</summary>
    public GradientLimit? Gradient { get; init; }

    /// <summary>Null: no fixed limit.</summary>
    public ConcurrencyLimit? Concurrency { get; init; }

    /// <summary>Answers carry a load report (gRFC A51).</summary>
    public bool ReportsLoad { get; init; }
}
