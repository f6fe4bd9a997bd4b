using System.Diagnostics.CodeAnalysis;
using ProxylessMesh.ControlPlane.Translation;
using ProxylessMesh.ControlPlane.Workloads;
using ProxylessMesh.Manifests;
using ProxylessMesh.Protos;

namespace ProxylessMesh.ControlPlane.Xds;

/// <summary>
/// Everything that can be asked for at one moment. Immutable. Resources that did not change are the same objects as in the snapshot
/// before. Listeners stand here under their canonical names; sessions resolve the names that clients use.
/// </summary>
internal sealed record XdsSnapshot
{
    private static readonly IReadOnlyDictionary<string, XdsResource> None = new Dictionary<string, XdsResource>();
    private static readonly IReadOnlyDictionary<string, RouteVariants> NoVariants = new Dictionary<string, RouteVariants>();

    private static readonly IReadOnlyDictionary<string, DestinationVariants> NoDestinations = new Dictionary<string, DestinationVariants>();

    public static XdsSnapshot Empty { get; } = new();

    /// <summary>Grows by one with each snapshot of this process.</summary>
    public long Number { get; init; }

    /// <summary>What the names mean that clients ask listeners by.</summary>
    public ListenerNames Names { get; init; } = ListenerNames.None;

    /// <summary>What of it each client sees.</summary>
    public SidecarScopes Sidecars { get; init; } = SidecarScopes.None;

    /// <summary>The manifest revision it was made from.</summary>
    public long Revision { get; init; }

    /// <summary>The manifests it was made from: a server's listener is made when it is asked for.</summary>
    public ManifestSet Manifests { get; init; } = ManifestSet.Empty;

    /// <summary>The workloads it was made from.</summary>
    public WorkloadSet Workloads { get; init; } = WorkloadSet.Empty;

    /// <summary>SPIFFE IDs that no server takes.</summary>
    public IReadOnlyList<string> Revoked { get; init; } = [];

    public IReadOnlyDictionary<string, XdsResource> Listeners { get; init; } = None;

    public IReadOnlyDictionary<string, XdsResource> Routes { get; init; } = None;

    /// <summary>By the name of the route configuration that they are variants of: those that depend on the caller.</summary>
    public IReadOnlyDictionary<string, RouteVariants> Variants { get; init; } = NoVariants;

    /// <summary>By the names of clusters: those that depend on the caller.</summary>
    public IReadOnlyDictionary<string, DestinationVariants> Destinations { get; init; } = NoDestinations;

    /// <summary>Hosts that exist because a wildcard covers them.</summary>
    public WildcardHosts Wildcards { get; init; } = WildcardHosts.None;

    public IReadOnlyDictionary<string, XdsResource> Clusters { get; init; } = None;

    public IReadOnlyDictionary<string, XdsResource> Endpoints { get; init; } = None;

    /// <summary>The resources of a type by name; none for a type that is not served.</summary>
    public IReadOnlyDictionary<string, XdsResource> OfType(string typeUrl) => typeUrl switch
    {
        XdsTypeUrls.Listener => Listeners,
        XdsTypeUrls.RouteConfiguration => Routes,
        XdsTypeUrls.Cluster => Clusters,
        XdsTypeUrls.ClusterLoadAssignment => Endpoints,
        _ => None,
    };

    public bool TryGet(string typeUrl, string name, [NotNullWhen(true)] out XdsResource? resource)
    {
        if (OfType(typeUrl).TryGetValue(name, out resource))
        {
            return true;
        }

        resource = (typeUrl == XdsTypeUrls.RouteConfiguration ? Variant(name) : null) ?? Wildcards.Find(typeUrl, name, null);
        return resource is not null;
    }

    /// <summary>A cluster or its endpoints as a caller has them.</summary>
    public XdsResource? FindDestination(string typeUrl, string name, RouteAudience audience)
    {
        var special = Destinations.TryGetValue(name, out var variants) ? variants.Find(audience, typeUrl, name) : null;
        return special ?? (OfType(typeUrl).TryGetValue(name, out var everyones) ? everyones : Wildcards.Find(typeUrl, name, audience));
    }

    /// <summary>The name of the route configuration for a caller.</summary>
    /// <param name="routeName">That of everybody else's.</param>
    /// <param name="audience">The caller.</param>
    public string RouteNameFor(string routeName, RouteAudience audience)
        => Variants.TryGetValue(routeName, out var variants) ? variants.NameFor(audience) : Wildcards.RouteNameFor(routeName, audience);

    private XdsResource? Variant(string name)
    {
        var end = name.IndexOf(RouteVariants.Separator, StringComparison.Ordinal);
        return end > 0 && Variants.TryGetValue(name[..end], out var variants) ? variants.Find(name) : null;
    }
}
