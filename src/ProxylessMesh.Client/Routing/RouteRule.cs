using ProxylessMesh.Client.Resilience;
using ProxylessMesh.Xds.Matching;

namespace ProxylessMesh.Client.Routing;

/// <summary>One compiled route: which calls it is for and what happens to them.</summary>
internal sealed class RouteRule
{
    public required string Name { get; init; }

    public required RequestMatcher Match { get; init; }

    /// <summary>Null where <see cref="Error"/> says why calls on this route cannot be sent.</summary>
    public WeightedClusters? Clusters { get; init; }

    public string? Error { get; init; }

    public required RetryPolicy Retry { get; init; }

    /// <summary>Limit of an HTTP call with its retries, to the end of the answer's body. Null: none.</summary>
    public TimeSpan? HttpTimeout { get; init; }

    /// <summary>The same for gRPC, where the route's <c>timeout</c> does not count (gRFC A31). Null: none.</summary>
    public TimeSpan? GrpcTimeout { get; init; }
}
