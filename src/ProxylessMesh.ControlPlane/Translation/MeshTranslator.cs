using System.Collections.Frozen;
using System.Collections.Immutable;
using ProxylessMesh.ControlPlane.Workloads;
using ProxylessMesh.ControlPlane.Xds;
using ProxylessMesh.Manifests;
using ProxylessMesh.Spiffe;

namespace ProxylessMesh.ControlPlane.Translation;

/// <summary>
/// Manifests and workloads become resources. The result depends on the arguments alone. What the last call made is kept, service by
/// service: while the manifests are the same object, only services whose workloads changed are translated again, and a resource whose
/// content did not change is the same object as before. One caller at a time.
/// </summary>
/// <param name="trustDomain">The trust domain of the mesh's identities.</param>
internal sealed class MeshTranslator(TrustDomain trustDomain)
{
    private ManifestSet _manifests = ManifestSet.Empty;
    private ServiceCatalog _catalog = new(ManifestSet.Empty);
    private RouteTranslator _routes = new(ManifestSet.Empty);
    private SidecarScopes _sidecars = SidecarScopes.None;
    private Dictionary<string, TranslatedHost> _services = [];
    private XdsSnapshot _last = XdsSnapshot.Empty;

    /// <summary>The snapshot after the last one.</summary>
    public XdsSnapshot Translate(ManifestSet manifests, IReadOnlyCollection<Workload> workloads)
    {
        if (!ReferenceEquals(manifests, _manifests))
        {
            (_manifests, _catalog, _routes, _sidecars, _services) = (manifests, new ServiceCatalog(manifests), new RouteTranslator(manifests), new SidecarScopes(manifests), []);
        }

        var services = _catalog.Services(workloads);
        var routes = services.ToDictionary(service => service.Host, Routes, StringComparer.Ordinal);
        var references = routes.Values.SelectMany(route => route.References).Concat(_sidecars.References).Distinct().ToLookup(reference => reference.Host, StringComparer.Ordinal);
        _services = services.ToDictionary(service => service.Host, service => Translated(service, routes[service.Host], InOrder(references[service.Host])), StringComparer.Ordinal);
        var wildcards = Wildcards(_manifests, _routes, workloads);
        var unknown = Unknown(references.Where(group => !_services.ContainsKey(group.Key)), wildcards);

        return _last = new XdsSnapshot
        {
            Number = _last.Number + 1,
            Names = new ListenerNames(services, wildcards),
            Sidecars = _sidecars,
            Listeners = Collect(_services.Values.SelectMany(service => service.Routes.Listeners), _last.Listeners),
            Routes = Collect(_services.Values.SelectMany(service => service.Routes.Configurations), _last.Routes),
            Variants = _services.Values.SelectMany(service => service.Routes.Variants).ToFrozenDictionary(variants => variants.Name, StringComparer.Ordinal),
            Clusters = Collect(_services.Values.SelectMany(service => service.Clusters.Clusters).Concat(unknown.Clusters), _last.Clusters),
            Endpoints = Collect(_services.Values.SelectMany(service => service.Clusters.Endpoints).Concat(unknown.Endpoints), _last.Endpoints),
            Destinations = Destinations(_services.Values),
            Wildcards = wildcards,
        };
    }

    private static FrozenDictionary<string, DestinationVariants> Destinations(IEnumerable<TranslatedHost> services)
        => (from service in services
            where service.Variants is not null
            from cluster in service.Clusters.Clusters
            select KeyValuePair.Create(cluster.Name, service.Variants)).ToFrozenDictionary(StringComparer.Ordinal);

    private static ImmutableArray<ClusterReference> InOrder(IEnumerable<ClusterReference> references) => [.. references.OrderBy(reference => reference.Name, StringComparer.Ordinal)];

    // Routes depend on the manifests and the service's ports, and those are the manifests' too.
    private TranslatedRoutes Routes(MeshService service)
        => _services.TryGetValue(service.Host, out var known) ? known.Routes : Routes(_routes, service);

    private static TranslatedRoutes Routes(RouteTranslator translator, MeshService service)
    {
        var ports = service.ListenerPorts.Select(port => (Number: port, Name: ClusterNames.Route(service.Host, port))).ToImmutableArray();
        return new TranslatedRoutes(
            [.. ports.Select(port => XdsResource.Create(port.Name, ListenerTranslator.Outbound(port.Name, port.Name)))],
            [.. ports.Select(port => XdsResource.Create(port.Name, translator.Translate(service, port.Number, port.Name, CallerClass.Plain)))],
            [.. ports.Select(port => Variants(translator, service, port.Number, port.Name)).OfType<RouteVariants>()],
            [.. ports.SelectMany(port => translator.References(service, port.Number)).Distinct()]);
    }

    private static RouteVariants? Variants(RouteTranslator translator, MeshService service, int port, string name)
        => translator.Facts(service, port) is { IsEmpty: false } facts
            ? new RouteVariants(name, facts, (variantName, callers) => translator.Translate(service, port, variantName, callers))
            : null;

    private TranslatedHost Translated(MeshService service, TranslatedRoutes routes, ImmutableArray<ClusterReference> references)
        => _services.TryGetValue(service.Host, out var known) && known.IsOf(service.Workloads, references) ? known : Translated(_manifests, service, routes, references);

    private TranslatedHost Translated(ManifestSet manifests, MeshService service, TranslatedRoutes routes, ImmutableArray<ClusterReference> references)
    {
        var translator = new ServiceTranslator(manifests, trustDomain);
        var clusters = translator.Translate(service, references, CallerClass.Plain, CallerPlace.Unknown);
        return new TranslatedHost(service, references, routes, clusters, translator.Variants(service, references));
    }

    // They are made later, on the threads of streams, so nothing of this object is used that changes.
    private WildcardHosts Wildcards(ManifestSet manifests, RouteTranslator translator, IReadOnlyCollection<Workload> workloads)
        => _catalog.Wildcards(workloads, service =>
        {
            var routes = Routes(translator, service);
            return Translated(manifests, service, routes, InOrder(routes.References.Where(reference => reference.Host == service.Host)));
        });

    // What routes name beside the services: hosts that a wildcard covers, and names of nobody. The first are found like any such host.
    private static ServiceClusters Unknown(IEnumerable<IGrouping<string, ClusterReference>> references, WildcardHosts wildcards)
        => ServiceTranslator.Nowhere(references.Where(group => wildcards.Covering(group.Key) is null).SelectMany(group => group));

    private static Dictionary<string, XdsResource> Collect(IEnumerable<XdsResource> resources, IReadOnlyDictionary<string, XdsResource> last)
        => resources.ToDictionary(
            resource => resource.Name,
            resource => last.TryGetValue(resource.Name, out var before) && before.Version == resource.Version ? before : resource,
            StringComparer.Ordinal);
}
