using System.Collections.Immutable;
using ProxylessMesh.ControlPlane.Workloads;
using ProxylessMesh.Manifests;

namespace ProxylessMesh.ControlPlane.Translation;

/// <summary>
/// Which services exist: those with a manifest, those that workloads joined as, and those that a route or a DestinationRule names.
/// The last keep a name alive while nobody serves it, so that callers hear "no endpoint" and not "no such host".
/// </summary>
internal sealed class ServiceCatalog
{
    private readonly ManifestSet _manifests;
    private readonly Dictionary<string, HashSet<ServiceReference>> _references;

    /// <summary>The part that depends on manifests alone: kept while only workloads change.</summary>
    public ServiceCatalog(ManifestSet manifests)
    {
        _manifests = manifests;
        _references = new(StringComparer.Ordinal);
        foreach (var service in manifests.Services)
        {
            Refer(service.Host);
        }

        foreach (var route in manifests.HttpRoutes)
        {
            foreach (var parent in route.Parents)
            {
                Refer(parent.Host);
            }

            foreach (var backend in route.Rules.SelectMany(rule => rule.Backends))
            {
                Refer(backend.Host, new ServiceReference(backend.Port, ""));
            }
        }

        foreach (var virtualService in manifests.VirtualServices)
        {
            foreach (var host in virtualService.Hosts)
            {
                Refer(host);
            }

            foreach (var destination in virtualService.Http.SelectMany(route => route.Destinations))
            {
                Refer(destination.Host, new ServiceReference(destination.Port, destination.Subset ?? ""));
            }
        }

        foreach (var rule in manifests.DestinationRules)
        {
            Refer(rule.Host);
        }
    }

    /// <summary>Every service with its workloads, by host name.</summary>
    public ImmutableArray<MeshService> Services(IEnumerable<Workload> workloads)
    {
        var byNamespace = workloads.OrderBy(workload => workload.InstanceId, StringComparer.Ordinal)
            .ToLookup(workload => workload.Namespace, StringComparer.Ordinal);
        var joined = byNamespace.SelectMany(group => group).Where(workload => !workload.Ports.IsEmpty)
            .ToLookup(workload => HostNames.Full(workload.Service, workload.Namespace), StringComparer.Ordinal);

        return [.. _references.Keys.Union(joined.Select(group => group.Key), StringComparer.Ordinal)
            .Order(StringComparer.Ordinal)
            .Select(host => Service(host, byNamespace, joined))
            .OfType<MeshService>()];
    }

    private MeshService? Service(string host, ILookup<string, Workload> byNamespace, ILookup<string, Workload> joined)
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
            Workloads = [.. manifest is { Selector.IsEmpty: false } ? byNamespace[ns].Where(workload => manifest.Selector.Selects(workload.Labels)) : joined[host]],
            References = _references.TryGetValue(host, out var references) ? [.. references.OrderBy(reference => reference.Port).ThenBy(reference => reference.Subset, StringComparer.Ordinal)] : [],
        };
    }

    private void Refer(string host, ServiceReference? reference = null)
    {
        if (!_references.TryGetValue(host, out var references))
        {
            _references.Add(host, references = []);
        }

        if (reference is { } named)
        {
            references.Add(named);
        }
    }
}
