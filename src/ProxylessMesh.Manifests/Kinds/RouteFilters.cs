using System.Collections.Immutable;

namespace ProxylessMesh.Manifests.Kinds;

/// <summary><c>filters</c> of a rule or of a backend, each at its place; the order in which they are written does not count.</summary>
public sealed record RouteFilters
{
    /// <summary>Nothing is done.</summary>
    public static readonly RouteFilters None = new();

    /// <summary><c>RequestHeaderModifier</c>.</summary>
    public HeaderModifier RequestHeaders { get; init; } = HeaderModifier.None;

    /// <summary><c>ResponseHeaderModifier</c>.</summary>
    public HeaderModifier ResponseHeaders { get; init; } = HeaderModifier.None;

    /// <summary><c>RequestRedirect</c>; null: none.</summary>
    public RequestRedirect? Redirect { get; init; }

    /// <summary><c>URLRewrite</c>; null: none.</summary>
    public UrlRewrite? Rewrite { get; init; }

    /// <summary>Each <c>RequestMirror</c>.</summary>
    public ImmutableArray<RequestMirror> Mirrors { get; init; } = [];

    /// <summary><c>CORS</c>; null: none.</summary>
    public RouteCors? Cors { get; init; }

    /// <summary>There is an <c>ExtensionRef</c>, which nothing here resolves: calls are answered with 500 and the filter is never skipped.</summary>
    public bool HasUnresolved { get; init; }

    /// <summary>There is more than changes of headers.</summary>
    public bool ChangeMoreThanHeaders => Redirect is not null || Rewrite is not null || !Mirrors.IsEmpty || Cors is not null || HasUnresolved;
}

/// <summary>Answers with the address to go to instead.</summary>
public sealed record RequestRedirect
{
    /// <summary><c>http</c> or <c>https</c>; null: as called.</summary>
    public string? Scheme { get; init; }

    /// <summary>Null: as called.</summary>
    public string? Host { get; init; }

    /// <summary>Null: the well-known one of <see cref="Scheme"/>, or without one the port that was called.</summary>
    public int? Port { get; init; }

    /// <summary>Null: as called.</summary>
    public PathModifier? Path { get; init; }

    /// <summary>301, 302, 303, 307 or 308.</summary>
    public int Status { get; init; } = 302;
}

/// <summary>Changes host and path before the call goes to a backend.</summary>
public sealed record UrlRewrite
{
    /// <summary>Null: the host stays.</summary>
    public string? Host { get; init; }

    /// <summary>Null: the path stays.</summary>
    public PathModifier? Path { get; init; }
}

/// <summary>A new path.</summary>
/// <param name="IsPrefix"><c>ReplacePrefixMatch</c>: only the part that the path prefix matched is replaced, by whole elements. Otherwise <c>ReplaceFullPath</c>.</param>
/// <param name="Replacement">What stands there instead; as written, so it may be empty or lack the leading slash.</param>
public sealed record PathModifier(bool IsPrefix, string Replacement);

/// <summary>Sends copies of calls to a backend; nobody waits for its answers.</summary>
public sealed record RequestMirror
{
    /// <summary>Where the copies go; nowhere if it is no Service.</summary>
    public required RouteBackend Backend { get; init; }

    /// <summary>Copies per <see cref="Denominator"/> calls.</summary>
    public int Numerator { get; init; } = 100;

    /// <summary>1 or more.</summary>
    public int Denominator { get; init; } = 100;
}

/// <summary>Which browsers may call across origins (Gateway API's <c>cors</c>).</summary>
public sealed record RouteCors
{
    /// <summary><c>scheme://host[:port]</c> with <c>*</c> in front of a host, or <c>*</c> alone.</summary>
    public ImmutableArray<string> AllowOrigins { get; init; } = [];

    /// <summary>Methods, or <c>*</c> alone.</summary>
    public ImmutableArray<string> AllowMethods { get; init; } = [];

    /// <summary>Names of request headers, or <c>*</c> alone.</summary>
    public ImmutableArray<string> AllowHeaders { get; init; } = [];

    /// <summary>Names of response headers that scripts may read, or <c>*</c>.</summary>
    public ImmutableArray<string> ExposeHeaders { get; init; } = [];

    /// <summary>Whether calls may carry credentials.</summary>
    public bool AllowCredentials { get; init; }

    /// <summary>How long a browser may remember the answer to a preflight, in seconds.</summary>
    public int MaxAgeSeconds { get; init; } = 5;
}

/// <summary>Calls of one session go to one endpoint while that is healthy (GEP-1619).</summary>
public sealed record SessionPersistence
{
    /// <summary>A cookie; otherwise a header.</summary>
    public bool IsCookie { get; init; } = true;

    /// <summary>Name of the cookie or header.</summary>
    public required string Name { get; init; }

    /// <summary>The cookie's life; null: as long as the client's session.</summary>
    public TimeSpan? AbsoluteTimeout { get; init; }
}
