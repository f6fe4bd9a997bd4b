using System.Collections.Immutable;

namespace ProxylessMesh.Manifests.Kinds;

/// <summary>
/// Routing for gRPC calls to services (Gateway API <c>GRPCRoute</c> with Service parents). On a port with GRPCRoutes, HTTPRoutes have no
/// effect (GEP-1294).
/// </summary>
public sealed record GrpcRouteManifest : RouteManifest
{
    /// <inheritdoc/>
    public override ManifestKind Kind => ManifestKind.GrpcRoute;

    /// <summary>The rules as written.</summary>
    public ImmutableArray<GrpcRouteRule> Rules { get; init; } = [];

    /// <inheritdoc/>
    public override IEnumerable<RouteRule> AllRules => Rules;
}

/// <summary>What matches and where it goes.</summary>
public sealed record GrpcRouteRule : RouteRule
{
    /// <summary>One of these must match. Never empty: a rule without matches has the one for everything.</summary>
    public ImmutableArray<GrpcRouteMatch> Matches { get; init; } = [GrpcRouteMatch.Everything];
}

/// <summary>All conditions of a match must hold.</summary>
public sealed record GrpcRouteMatch
{
    /// <summary>What a rule without matches has.</summary>
    public static readonly GrpcRouteMatch Everything = new();

    /// <summary>Full name of the gRPC service, without a dot in front, or an RE2 expression for it; null: any.</summary>
    public string? Service { get; init; }

    /// <summary>Name of the method, or an RE2 expression for it; null: any.</summary>
    public string? Method { get; init; }

    /// <summary>Whether the two are expressions.</summary>
    public bool IsRegex { get; init; }

    /// <summary>Each must match; names without regard to case, in lower case here.</summary>
    public ImmutableArray<RouteValueMatch> Headers { get; init; } = [];
}
