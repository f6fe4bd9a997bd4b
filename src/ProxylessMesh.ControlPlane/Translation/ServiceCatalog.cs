using System.Collections.Frozen;
using System.Collections.Immutable;
using ProxylessMesh.ControlPlane.Workloads;
using ProxylessMesh.Manifests;
using ProxylessMesh.Manifests.Kinds;

namespace ProxylessMesh.ControlPlane.Translation;

/// <summary>
/// Which services exist: those with a manifest or in a ServiceEntry, those that workloads joined as, and those that a route or a
/// DestinationRule names. The last keep a name alive while nobody serves it, so that callers hear "no endpoint" and not "no such host".
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
        _selectorKeys = manifests.Services.SelectMany(service => service.Selector.Keys)
            .Concat(manifests.ServiceEntries.SelectMany(entry => entry.WorkloadSelector?.Keys ?? []))
            .ToFrozenSet(StringComparer.Ordinal);
        _named = new(StringComparer.Ordinal);
        _named.UnionWith(manifests.Services.Select(service => service.Host));
        _named.UnionWith(manifests.All.OfType<RouteManifest>().SelectMany(route => route.Parents).Select(parent => parent.Host));
        _named.UnionWith(manifests.All.OfType<RouteManifest>().SelectMany(route => route.AllRules).SelectMany(Backends).Where(backend => backend.IsService).Select(backend => backend.Host));
        var virtualServices = manifests.VirtualServices.Where(virtualService => virtualService.IsForMesh).ToList();
        _named.UnionWith(virtualServices.SelectMany(virtualService => virtualService.Hosts));
        _named.UnionWith(virtualServices.SelectMany(virtualService => virtualService.Http).SelectMany(route => route.AllDestinations).Select(destination => destination.Host));
        _named.UnionWith(manifests.Sidecars.Select(sidecar => sidecar.EgressProxy).OfType<VirtualServiceDestination>().Select(proxy => proxy.Host));
        _named.UnionWith(manifests.DestinationRules.Select(rule => rule.Host));
        _named.UnionWith(manifests.MeshTrafficPolicies.Select(policy => policy.Host));
        _named.UnionWith(manifests.ServiceEntries.SelectMany(entry => entry.Hosts.Select(host => HostNames.Resolve(host, entry.Namespace))));
        _named.RemoveWhere(host => host.Contains('*', StringComparison.Ordinal));
    }

    /// <summary>Every service with those behind it, by host name.</summary>
    public ImmutableArray<MeshService> Services(IEnumerable<Workload> workloads)
    {
        var index = new WorkloadIndex(workloads, _selectorKeys);
        return [.. _named.Union(index.Hosts, StringComparer.Ordinal)
            .Order(StringComparer.Ordinal)
            .Select(host => Service(host, index))
            .OfType<MeshService>()];
    }

    /// <summary>The hosts that wildcards of ServiceEntries cover, each known when somebody calls it.</summary>
    public WildcardHosts Wildcards(IEnumerable<Workload> workloads, Func<MeshService, TranslatedHost> translate)
    {
        var index = new WorkloadIndex(workloads, _selectorKeys);
        var patterns = from entry in _manifests.ServiceEntries
                       from host in entry.Hosts
                       where host.StartsWith('*')
                       select OfEntry(host, entry, index);
        return new WildcardHosts(patterns, translate);
    }

    private static IEnumerable<RouteBackend> Backends(RouteRule rule)
        => rule.Backends.Concat(rule.Backends.Select(backend => backend.Filters).Prepend(rule.Filters).SelectMany(filters => filters.Mirrors).Select(mirror => mirror.Backend));

    private MeshService? Service(string host, WorkloadIndex index)
    {
        var isMeshName = HostNames.TryParse(host, out var name, out var ns);
        var manifest = _manifests.FindService(host);
        var joined = index.JoinedAs(host);
        if (manifest is null && joined.IsEmpty && _manifests.FindEntry(host) is { } entry)
        {
            return OfEntry(host, entry, index);
        }

        return !isMeshName ? null : new MeshService
        {
            Host = host,
            Name = name,
            Namespace = ns,
            Manifest = manifest,
            Sidecars = _sidecars,
            Workloads = manifest is { Selector.IsEmpty: false } ? index.Selected(ns, manifest.Selector) : joined,
            Endpoints = manifest is { Selector.IsEmpty: false } ? Written(ns, manifest.Selector) : [],
        };
    }

    private MeshService OfEntry(string host, ServiceEntryManifest entry, WorkloadIndex index) => new()
    {
        Host = host,
        Name = host,
        Namespace = entry.Namespace,
        Entry = entry,
        Sidecars = _sidecars,
        Workloads = IsSelecting(entry) ? index.Selected(entry.Namespace, entry.WorkloadSelector!) : [],
        Endpoints = IsSelecting(entry) ? Written(entry.Namespace, entry.WorkloadSelector!) : entry.Endpoints,
    };

    // As in Istio, a selector without labels selects nobody, and with resolution NONE the called name is all there is.
    private static bool IsSelecting(ServiceEntryManifest entry) => entry is { WorkloadSelector.IsEmpty: false, Resolution: not ServiceEntryResolution.None };

    private ImmutableArray<EntryEndpoint> Written(string ns, ImmutableSortedDictionary<string, string> selector)
        => [.. _manifests.WorkloadEntries.Where(entry => entry.Namespace == ns && (selector.Selects(entry.Endpoint.Labels) || selector.Selects(entry.Labels))).Select(entry => entry.Endpoint)];
}
