using System.Collections.Immutable;
using ProxylessMesh.Client.Resilience;
using ProxylessMesh.Xds.Matching;
using ProxylessMesh.Xds.Resources;

namespace ProxylessMesh.Client.Routing;

/// <summary>One compiled route: which calls it is for and what happens to them.</summary>
internal sealed class RouteRule
{
    public required string Name { get; init; }

    public required RequestMatcher Match { get; init; }

    /// <summary>Null where <see cref="Error"/> says why calls on this route cannot be sent.</summary>
    public WeightedClusters? Clusters { get; init; }

    public string? Error { get; init; }

    /// <summary>What is answered without calling anybody; <see cref="Clusters"/> is null then.</summary>
    public RouteAnswer? Answer { get; init; }

    /// <summary>What makes the hash of a call; null: calls have none.</summary>
    public RequestHash? Hash { get; init; }

    /// <summary>The hash chooses the side of the split.</summary>
    public bool SplitByHash { get; init; }

    /// <summary>Where copies of the calls go; empty: nowhere.</summary>
    public ImmutableArray<RouteMirror> Mirrors { get; init; } = [];

    /// <summary>The longest silence of a call; null: no limit.</summary>
    public TimeSpan? IdleTimeout { get; init; }

    /// <summary>Calls need more than a draw and header changes: a <c>CallPlan</c> is made for each. Known when compiled, so that other calls pay nothing.</summary>
    public bool NeedsPlan { get; init; }

    public required RetryPolicy Retry { get; init; }

    /// <summary>Limit of an HTTP call with its retries, to the end of the answer's body. Null: none.</summary>
    public TimeSpan? HttpTimeout
    {
        get;
        init
        {
            field = value;
            ExpectedTimeout = value is { } limit ? new ExpectedTimeout(limit) : null;
        }
    }

    /// <summary><see cref="HttpTimeout"/> as the next hop is told. Null: it is not limited.</summary>
    public ExpectedTimeout? ExpectedTimeout { get; private init; }

    /// <summary>The same for gRPC, where the route's <c>timeout</c> does not count (gRFC A31). Null: none.</summary>
    public TimeSpan? GrpcTimeout { get; init; }

    /// <summary>Its calls go by the circuit breaker of <c>priority: HIGH</c>.</summary>
    public bool IsHighPriority { get; init; }

    /// <summary>Attempts overlap; null: they do not.</summary>
    public HedgeConfig? Hedge { get; init; }
}
