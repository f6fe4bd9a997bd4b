using System.Collections.Immutable;

namespace ProxylessMesh.Manifests.Kinds;

/// <summary>Routing with faults for calls to hosts (Istio <c>VirtualService</c>).</summary>
public sealed record VirtualServiceManifest : Manifest
{
    /// <inheritdoc/>
    public override ManifestKind Kind => ManifestKind.VirtualService;

    /// <summary>Hosts as full names, or wildcards as written. Empty: a delegate, whose routes others refer to.</summary>
    public ImmutableArray<string> Hosts { get; init; } = [];

    /// <summary>Its routes are for calls inside the mesh: <c>gateways</c> is missing or names <c>mesh</c>.</summary>
    public bool IsForMesh { get; init; } = true;

    /// <summary>The namespaces whose clients it is for; <c>*</c>: all.</summary>
    public ImmutableArray<string> ExportTo { get; init; } = ["*"];

    /// <summary>The routes: the first that matches is taken.</summary>
    public ImmutableArray<VirtualServiceRoute> Http { get; init; } = [];

    /// <summary>It has no hosts of its own: routes of others lead to it.</summary>
    public bool IsDelegate => Hosts.IsEmpty;

    /// <summary>Whether clients of <paramref name="namespace"/> may see it.</summary>
    public bool IsVisibleIn(string @namespace) => ExportTo.Contains("*") || ExportTo.Contains(@namespace);
}

/// <summary>One route.</summary>
public sealed record VirtualServiceRoute
{
    /// <summary>Empty where it has none.</summary>
    public string Name { get; init; } = "";

    /// <summary>One of these must match; empty: everything does.</summary>
    public ImmutableArray<VirtualServiceMatch> Matches { get; init; } = [];

    /// <summary>Where the calls go, by weight. A single destination has weight 100. Empty with a redirect, a direct response or a delegate.</summary>
    public ImmutableArray<VirtualServiceDestination> Destinations { get; init; } = [];

    /// <summary>Answer with another address; null: no redirect.</summary>
    public VirtualServiceRedirect? Redirect { get; init; }

    /// <summary>Answer without calling anybody; null: call.</summary>
    public VirtualServiceDirectResponse? DirectResponse { get; init; }

    /// <summary>The VirtualService whose routes stand in the place of this one; null: none.</summary>
    public DelegateReference? Delegate { get; init; }

    /// <summary>Changes of path and authority; null: none.</summary>
    public VirtualServiceRewrite? Rewrite { get; init; }

    /// <summary><c>mirror</c>: where copies of the calls go; null: nowhere.</summary>
    public VirtualServiceDestination? Mirror { get; init; }

    /// <summary>Share of the calls that <see cref="Mirror"/> gets, 0-100; null: all of them.</summary>
    public double? MirrorPercentage { get; init; }

    /// <summary><c>mirrors</c>: the same for several, each with its share.</summary>
    public ImmutableArray<VirtualServiceMirror> Mirrors { get; init; } = [];

    /// <summary>Every place where calls or copies of them can go.</summary>
    public IEnumerable<VirtualServiceDestination> AllDestinations
        => Destinations.Concat(Mirrors.Select(mirror => mirror.Destination)).Concat(Mirror is null ? [] : [Mirror]);

    /// <summary>Which pages of other origins may call; null: not said.</summary>
    public VirtualServiceCors? Cors { get; init; }

    /// <summary>Null: no fault.</summary>
    public VirtualServiceFault? Fault { get; init; }

    /// <summary>The whole call; zero or null: no limit.</summary>
    public TimeSpan? Timeout { get; init; }

    /// <summary>Null: not set.</summary>
    public VirtualServiceRetries? Retries { get; init; }

    /// <summary><c>headers.request</c>. A name of <c>:authority</c> or <c>host</c> is the authority.</summary>
    public HeaderModifier RequestHeaders { get; init; } = HeaderModifier.None;

    /// <summary><c>headers.response</c>.</summary>
    public HeaderModifier ResponseHeaders { get; init; } = HeaderModifier.None;
}

/// <summary>Another VirtualService, one without hosts.</summary>
/// <param name="Name">Its name.</param>
/// <param name="Namespace">Its namespace; where none is written, that of the route.</param>
public sealed record DelegateReference(string Name, string Namespace);

/// <summary>A host, or a subset of it, and its share.</summary>
public sealed record VirtualServiceDestination
{
    /// <summary>The host as a full name.</summary>
    public required string Host { get; init; }

    /// <summary>Name of a subset in the DestinationRule of the host; null: all workloads.</summary>
    public string? Subset { get; init; }

    /// <summary>Port of the service; null: the port the caller asked for.</summary>
    public int? Port { get; init; }

    /// <summary>Share among the route's destinations, 0 or more.</summary>
    public int Weight { get; init; }

    /// <summary><c>headers.request</c> of this destination.</summary>
    public HeaderModifier RequestHeaders { get; init; } = HeaderModifier.None;

    /// <summary><c>headers.response</c> of this destination.</summary>
    public HeaderModifier ResponseHeaders { get; init; } = HeaderModifier.None;
}

/// <summary>A destination of copies.</summary>
/// <param name="Destination">Where they go.</param>
/// <param name="Percentage">Of the calls, 0-100.</param>
public sealed record VirtualServiceMirror(VirtualServiceDestination Destination, double Percentage);
