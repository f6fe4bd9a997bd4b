using System.Collections.Frozen;
using System.Collections.Immutable;
using ProxylessMesh.ControlPlane.Workloads;
using ProxylessMesh.Manifests;
using ProxylessMesh.Manifests.Kinds;

namespace ProxylessMesh.ControlPlane.Translation;

/// <summary>
/// Which services exist: those with a manifest, those that workloads joined as, and those that a route or a DestinationRule names.
/// The last keep a name alive while nobody serves it, so that callers hear "no endpoint" and not "no such host".
/// </summary>
internal sealed class ServiceCatalog
{
    private readonly ManifestSet _manifests;
    private readonly HashSet<string> _named;
    private readonly SidecarScopes _sidecars;
    private readonly FrozenSet<string> _selectorKeys;

    /// <summary>The part that depends on manifests alone: kept while only workloads change.</summary>
    public ServiceCatalog(ManifestSet manifests)
    {
        _manifests = manifests;
        _sidecars = new SidecarScopes(manifests);
        _selectorKeys = manifests.Services.SelectMany(service => service.Selector.Keys).ToFrozenSet(StringComparer.Ordinal);
        _named = new(StringComparer.Ordinal);
        _named.UnionWith(manifests.Services.Select(service => service.Host));
        _named.UnionWith(manifests.All.OfType<RouteManifest>().SelectMany(route => route.Parents).Select(parent => parent.Host));
        _named.UnionWith(manifests.All.OfType<RouteManifest>().SelectMany(route => route.AllRules).SelectMany(Backends).Where(backend => backend.IsService).Select(backend => backend.Host));
        var virtualServices = manifests.VirtualServices.Where(virtualService => virtualService.IsForMesh).ToList();
        _named.UnionWith(virtualServices.SelectMany(virtualService => virtualService.Hosts));
        _named.UnionWith(virtualServices.SelectMany(virtualService => virtualService.Http).SelectMany(route => route.AllDestinations).Select(destination => destination.Host));
        _named.UnionWith(manifests.Sidecars.Select(sidecar => sidecar.EgressProxy).OfType<VirtualServiceDestination>().Select(proxy => proxy.Host));
        _named.UnionWith(manifests.DestinationRules.Select(rule => rule.Host));
        _named.RemoveWhere(host => host.Contains('*', StringComparison.Ordinal));
    }

    /// <summary>Every service with its workloads, by host name.</summary>
    public ImmutableArray<MeshService> Services(IEnumerable<Workload> workloads)
    {
        var index = new WorkloadIndex(workloads, _selectorKeys);
        return [.. _named.Union(index.Hosts, StringComparer.Ordinal)
            .Order(StringComparer.Ordinal)
            .Select(host => Service(host, index))
            .OfType<MeshService>()];
    }

    private static IEnumerable<RouteBackend> Backends(RouteRule rule)
        => rule.Backends.Concat(rule.Backends.Select(backend => backend.Filters).Prepend(rule.Filters).SelectMany(filters => filters.Mirrors).Select(mirror => mirror.Backend));

    private MeshService? Service(string host, WorkloadIndex index)
    {
        if (!HostNames.TryParse(host, out var name, out var ns))
        {
            return null;
        }

        var manifest = _manifests.FindService(host);
        return new MeshService
        {
            Host = host,
            Name = name,
            Namespace = ns,
            Manifest = manifest,
            Sidecars = _sidecars,
            Workloads = manifest is { Selector.IsEmpty: false } ? index.Selected(ns, manifest.Selector) : index.JoinedAs(host),
        };
    }
}
