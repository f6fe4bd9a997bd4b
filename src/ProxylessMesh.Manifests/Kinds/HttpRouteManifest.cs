using System.Collections.Immutable;

namespace ProxylessMesh.Manifests.Kinds;

/// <summary>Routing for calls to services (Gateway API <c>HTTPRoute</c> with Service parents, GAMMA).</summary>
public sealed record HttpRouteManifest : RouteManifest
{
    /// <inheritdoc/>
    public override ManifestKind Kind => ManifestKind.HttpRoute;

    /// <summary>The rules as written.</summary>
    public ImmutableArray<HttpRouteRule> Rules { get; init; } = [];

    /// <inheritdoc/>
    public override IEnumerable<RouteRule> AllRules => Rules;
}

/// <summary>What matches and where it goes.</summary>
public sealed record HttpRouteRule : RouteRule
{
    /// <summary>One of these must match. Never empty: a rule without matches has the one for path prefix <c>/</c>.</summary>
    public ImmutableArray<HttpRouteMatch> Matches { get; init; } = [HttpRouteMatch.Everything];

    /// <summary><c>timeouts.request</c>: the whole call; zero: no limit; null: not set.</summary>
    public TimeSpan? RequestTimeout { get; init; }

    /// <summary><c>timeouts.backendRequest</c>: one attempt; zero: no limit; null: not set.</summary>
    public TimeSpan? BackendRequestTimeout { get; init; }

    /// <summary>The experimental <c>retry</c>; null: not set.</summary>
    public HttpRouteRetry? Retry { get; init; }
}

/// <summary>All conditions of a match must hold.</summary>
public sealed record HttpRouteMatch
{
    /// <summary>What a rule without matches has.</summary>
    public static readonly HttpRouteMatch Everything = new();

    /// <summary>How <see cref="Path"/> is compared.</summary>
    public HttpPathMatchType PathType { get; init; } = HttpPathMatchType.PathPrefix;

    /// <summary>Path, prefix or RE2 expression.</summary>
    public string Path { get; init; } = "/";

    /// <summary>The method in capitals; null: any.</summary>
    public string? Method { get; init; }

    /// <summary>Each must match; names without regard to case, in lower case here.</summary>
    public ImmutableArray<RouteValueMatch> Headers { get; init; } = [];

    /// <summary>Each must match; names as written.</summary>
    public ImmutableArray<RouteValueMatch> QueryParameters { get; init; } = [];
}

/// <summary>How a path is compared.</summary>
public enum HttpPathMatchType
{
    /// <summary>The same path, case included.</summary>
    Exact,

    /// <summary>By elements: <c>/a</c> takes <c>/a</c> and <c>/a/b</c>, not <c>/ab</c>.</summary>
    PathPrefix,

    /// <summary>The whole path matches an RE2 expression.</summary>
    RegularExpression,
}

/// <summary>Gateway API's experimental <c>retry</c>.</summary>
public sealed record HttpRouteRetry
{
    /// <summary>Status codes (400-599) after which to try again; connection failures always are.</summary>
    public ImmutableArray<int> Codes { get; init; } = [];

    /// <summary>Attempts after the first; 0: none; null: the mesh's default.</summary>
    public int? Attempts { get; init; }

    /// <summary>The shortest wait between attempts; null: the mesh's default.</summary>
    public TimeSpan? Backoff { get; init; }
}
