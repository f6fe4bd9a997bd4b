using System.Collections.Immutable;

namespace ProxylessMesh.Manifests.Kinds;

/// <summary>Routing for calls to services (Gateway API <c>HTTPRoute</c> with Service parents, GAMMA).</summary>
public sealed record HttpRouteManifest : Manifest
{
    /// <inheritdoc/>
    public override ManifestKind Kind => ManifestKind.HttpRoute;

    /// <summary>The services whose calls these rules route; with none, the route does nothing.</summary>
    public ImmutableArray<HttpRouteParent> Parents { get; init; } = [];

    /// <summary>The rules as written; which of all matching ones wins is Gateway API's precedence.</summary>
    public ImmutableArray<HttpRouteRule> Rules { get; init; } = [];
}

/// <summary>A service that a route is attached to (<c>parentRefs</c>).</summary>
public sealed record HttpRouteParent
{
    /// <summary>Name of the Service.</summary>
    public required string Name { get; init; }

    /// <summary>Namespace of the Service. Another than the route's own makes this a consumer route (GEP-1294): it is for callers of the route's namespace only.</summary>
    public required string Namespace { get; init; }

    /// <summary>Only calls to this port; null: to any.</summary>
    public int? Port { get; init; }

    /// <summary>The full name of the service.</summary>
    public string Host => HostNames.Full(Name, Namespace);
}

/// <summary>What matches and where it goes.</summary>
public sealed record HttpRouteRule
{
    /// <summary>Empty where the rule has no name.</summary>
    public string Name { get; init; } = "";

    /// <summary>One of these must match. Never empty: a rule without matches has the one for path prefix <c>/</c>.</summary>
    public ImmutableArray<HttpRouteMatch> Matches { get; init; } = [HttpRouteMatch.Everything];

    /// <summary>Filter <c>RequestHeaderModifier</c>.</summary>
    public HeaderModifier RequestHeaders { get; init; } = HeaderModifier.None;

    /// <summary>Filter <c>ResponseHeaderModifier</c>.</summary>
    public HeaderModifier ResponseHeaders { get; init; } = HeaderModifier.None;

    /// <summary>Where the calls go, by weight. Empty, or all weights 0: the call is answered with 500, as Gateway API asks.</summary>
    public ImmutableArray<HttpRouteBackend> Backends { get; init; } = [];

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
    public ImmutableArray<HttpRouteValueMatch> Headers { get; init; } = [];

    /// <summary>Each must match; names as written.</summary>
    public ImmutableArray<HttpRouteValueMatch> QueryParameters { get; init; } = [];
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

/// <summary>A header or query parameter and what its value must be.</summary>
/// <param name="Name">Its name.</param>
/// <param name="Value">The value, or an RE2 expression for the whole value.</param>
/// <param name="IsRegex"><c>type: RegularExpression</c>; otherwise <c>Exact</c>.</param>
public sealed record HttpRouteValueMatch(string Name, string Value, bool IsRegex);

/// <summary>A service that takes a share of the calls (<c>backendRefs</c>).</summary>
public sealed record HttpRouteBackend
{
    /// <summary>Name of the Service.</summary>
    public required string Name { get; init; }

    /// <summary>Namespace of the Service; the route's own where the reference names none.</summary>
    public required string Namespace { get; init; }

    /// <summary>The service's port, 1-65535.</summary>
    public required int Port { get; init; }

    /// <summary>Share among the rule's backends, 0-1000000.</summary>
    public int Weight { get; init; } = 1;

    /// <summary>Filter <c>RequestHeaderModifier</c> of this backend.</summary>
    public HeaderModifier RequestHeaders { get; init; } = HeaderModifier.None;

    /// <summary>Filter <c>ResponseHeaderModifier</c> of this backend.</summary>
    public HeaderModifier ResponseHeaders { get; init; } = HeaderModifier.None;

    /// <summary>The full name of the service.</summary>
    public string Host => HostNames.Full(Name, Namespace);
}

/// <summary>Gateway API's experimental <c>retry</c>.</summary>
public sealed record HttpRouteRetry
{
    /// <summary>Status codes (400-599) after which to try again; connection failures always are.</summary>
    public ImmutableArray<int> Codes { get; init; } = [];

    /// <summary>Attempts after the first, 1 or more; null: the mesh's default.</summary>
    public int? Attempts { get; init; }

    /// <summary>The shortest wait between attempts; null: the mesh's default.</summary>
    public TimeSpan? Backoff { get; init; }
}
