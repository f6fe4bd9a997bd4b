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
    private Dictionary<string, TranslatedService> _services = [];
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
        var translator = new ServiceTranslator(_manifests, trustDomain);
        _services = services.ToDictionary(
            service => service.Host,
            service => Translated(translator, service, routes[service.Host], [.. references[service.Host].OrderBy(reference => reference.Name, StringComparer.Ordinal)]),
            StringComparer.Ordinal);

        var unknown = ServiceTranslator.Nowhere(references.Where(group => !_services.ContainsKey(group.Key)).SelectMany(group => group));

        return _last = new XdsSnapshot
        {
            Number = _last.Number + 1,
            Names = new ListenerNames(services),
            Sidecars = _sidecars,
            Listeners = Collect(_services.Values.SelectMany(service => service.Routes.Listeners), _last.Listeners),
            Routes = Collect(_services.Values.SelectMany(service => service.Routes.Configurations), _last.Routes),
            Variants = _services.Values.SelectMany(service => service.Routes.Variants).ToFrozenDictionary(variants => variants.Name, StringComparer.Ordinal),
            Clusters = Collect(_services.Values.SelectMany(service => service.Clusters.Clusters).Concat(unknown.Clusters), _last.Clusters),
            Endpoints = Collect(_services.Values.SelectMany(service => service.Clusters.Endpoints).Concat(unknown.Endpoints), _last.Endpoints),
        };
    }

    // Routes depend on the manifests and the service's ports, and those are the manifests' too.
    private TranslatedRoutes Routes(MeshService service)
    {
        if (_services.TryGetValue(service.Host, out var known))
        {
            return known.Routes;
        }

        var translator = _routes;
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

    private TranslatedService Translated(ServiceTranslator translator, MeshService service, TranslatedRoutes routes, ImmutableArray<ClusterReference> references)
        => _services.TryGetValue(service.Host, out var known) && known.IsOf(service.Workloads, references)
            ? known
            : new TranslatedService(service.Workloads, references, routes, translator.Translate(service, references));

    private static Dictionary<string, XdsResource> Collect(IEnumerable<XdsResource> resources, IReadOnlyDictionary<string, XdsResource> last)
        => resources.ToDictionary(
            resource => resource.Name,
            resource => last.TryGetValue(resource.Name, out var before) && before.Version == resource.Version ? before : resource,
            StringComparer.Ordinal);

    private sealed record TranslatedRoutes(
        ImmutableArray<XdsResource> Listeners, ImmutableArray<XdsResource> Configurations, ImmutableArray<RouteVariants> Variants, ImmutableArray<ClusterReference> References);

    private sealed record TranslatedService(ImmutableArray<Workload> Workloads, ImmutableArray<ClusterReference> References, TranslatedRoutes Routes, ServiceClusters Clusters)
    {
        public bool IsOf(ImmutableArray<Workload> workloads, ImmutableArray<ClusterReference> references)
            => Workloads.AsSpan().SequenceEqual(workloads.AsSpan(), ReferenceEqualityComparer.Instance) && References.AsSpan().SequenceEqual(references.AsSpan());
    }
}
