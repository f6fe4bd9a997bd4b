using System.Collections.Immutable;
using ProxylessMesh.ControlPlane.Workloads;
using ProxylessMesh.ControlPlane.Xds;

namespace ProxylessMesh.ControlPlane.Translation;

/// <summary>Everything that one service contributes to a snapshot.</summary>
/// <param name="Service">The service with those behind it.</param>
/// <param name="References">The clusters of it that routes name.</param>
/// <param name="Routes">Listeners and route configurations.</param>
/// <param name="Clusters">Clusters and endpoints as most callers have them.</param>
/// <param name="Variants">As the others have them; null: there are no others.</param>
internal sealed record TranslatedHost(
    MeshService Service, ImmutableArray<ClusterReference> References, TranslatedRoutes Routes, ServiceClusters Clusters, DestinationVariants? Variants)
{
    public bool IsOf(ImmutableArray<Workload> workloads, ImmutableArray<ClusterReference> references)
        => Service.Workloads.AsSpan().SequenceEqual(workloads.AsSpan(), ReferenceEqualityComparer.Instance) && References.AsSpan().SequenceEqual(references.AsSpan());

    public XdsResource? FindRoute(string name)
        => Routes.Configurations.FirstOrDefault(candidate => candidate.Name == name) ?? Routes.Variants.Select(variants => variants.Find(name)).FirstOrDefault(found => found is not null);

    public string RouteNameFor(string routeName, RouteAudience audience)
        => Routes.Variants.FirstOrDefault(variants => variants.Name == routeName)?.NameFor(audience) ?? routeName;

    public XdsResource? FindDestination(string typeUrl, string name, RouteAudience? audience)
        => (audience is null ? null : Variants?.Find(audience, typeUrl, name))
            ?? (typeUrl == Protos.XdsTypeUrls.Cluster ? Clusters.Clusters : Clusters.Endpoints).FirstOrDefault(candidate => candidate.Name == name);
}

/// <summary>The listeners and routes of one service, and the clusters that the routes name.</summary>
internal sealed record TranslatedRoutes(
    ImmutableArray<XdsResource> Listeners, ImmutableArray<XdsResource> Configurations, ImmutableArray<RouteVariants> Variants, ImmutableArray<ClusterReference> References);
