using System.Collections.Immutable;

namespace ProxylessMesh.Manifests.Kinds;

/// <summary>What Gateway API's HTTPRoute and GRPCRoute have in common: the services that they are attached to.</summary>
public abstract record RouteManifest : Manifest
{
    /// <summary>
    /// The services whose calls the rules route; with none, the route does nothing. Parents of other kinds, such as a Gateway, are not
    /// here: nothing in this mesh would attach the route to them.
    /// </summary>
    public ImmutableArray<RouteParent> Parents { get; init; } = [];

    /// <summary>The rules as written; which of all matching ones wins is Gateway API's precedence.</summary>
    public abstract IEnumerable<RouteRule> AllRules { get; }
}

/// <summary>A service that a route is attached to (<c>parentRefs</c>).</summary>
public sealed record RouteParent
{
    /// <summary>Name of the Service.</summary>
    public required string Name { get; init; }

    /// <summary>Namespace of the Service. Another than the route's own makes this a consumer route (GEP-1294): it is for callers of the route's namespace only.</summary>
    public required string Namespace { get; init; }

    /// <summary>Only calls to this port; null: to any.</summary>
    public int? Port { get; init; }

    /// <summary><c>sectionName</c>: only calls to the port of this name; null: to any.</summary>
    public string? PortName { get; init; }

    /// <summary>Place in <c>parentRefs</c>, from 0.</summary>
    public int Index { get; init; }

    /// <summary>The full name of the service.</summary>
    public string Host => HostNames.Full(Name, Namespace);
}

/// <summary>A rule of a route without its matches: what happens to a call and where it goes.</summary>
public abstract record RouteRule
{
    /// <summary>Empty where the rule has no name.</summary>
    public string Name { get; init; } = "";

    /// <summary>What is done to every call that the rule takes.</summary>
    public RouteFilters Filters { get; init; } = RouteFilters.None;

    /// <summary>Where the calls go, by weight. Empty without a redirect, or all weights 0: the call is answered with 500, as Gateway API asks.</summary>
    public ImmutableArray<RouteBackend> Backends { get; init; } = [];

    /// <summary>The experimental <c>sessionPersistence</c>; null: not set.</summary>
    public SessionPersistence? Session { get; init; }
}

/// <summary>A backend that takes a share of the calls (<c>backendRefs</c>).</summary>
public sealed record RouteBackend
{
    /// <summary>Name of the Service.</summary>
    public required string Name { get; init; }

    /// <summary>Namespace of the Service; the route's own where the reference names none.</summary>
    public required string Namespace { get; init; }

    /// <summary>The service's port, 1-65535; 0 for a backend that is no Service.</summary>
    public required int Port { get; init; }

    /// <summary>False: a kind that this mesh does not know. Its share of the calls is answered with 500, as Gateway API asks.</summary>
    public bool IsService { get; init; } = true;

    /// <summary>Share among the rule's backends, 0-1000000.</summary>
    public int Weight { get; init; } = 1;

    /// <summary>What is done to the calls of this backend alone.</summary>
    public RouteFilters Filters { get; init; } = RouteFilters.None;

    /// <summary>The full name of the service.</summary>
    public string Host => HostNames.Full(Name, Namespace);
}

/// <summary>A header or query parameter and what its value must be.</summary>
/// <param name="Name">Its name.</param>
/// <param name="Value">The value, or an RE2 expression for the whole value.</param>
/// <param name="IsRegex"><c>type: RegularExpression</c>; otherwise <c>Exact</c>.</param>
public sealed record RouteValueMatch(string Name, string Value, bool IsRegex);
