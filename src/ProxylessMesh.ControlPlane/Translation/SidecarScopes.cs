using System.Collections.Immutable;
using ProxylessMesh.ControlPlane.Workloads;
using ProxylessMesh.Manifests;
using ProxylessMesh.Manifests.Kinds;

namespace ProxylessMesh.ControlPlane.Translation;

/// <summary>
/// What of the mesh each client sees. Its Sidecar is the oldest of its namespace that selects it by labels, else the one of its namespace
/// without selector, else that of the root namespace; without any, it sees everything.
/// </summary>
internal sealed class SidecarScopes(ManifestSet manifests)
{
    public static readonly SidecarScopes None = new(ManifestSet.Empty);

    private readonly ILookup<string, SidecarManifest> _byNamespace = manifests.Sidecars.ToLookup(sidecar => sidecar.Namespace, StringComparer.Ordinal);

    /// <summary>Null: the client has none.</summary>
    public SidecarManifest? For(string @namespace, IReadOnlyDictionary<string, string> labels)
        => _byNamespace[@namespace].Where(sidecar => sidecar.Selector.Selects(labels)).MinBy(sidecar => sidecar.Selector.IsEmpty)
            ?? _byNamespace[HostNames.RootNamespace].FirstOrDefault(sidecar => sidecar.Selector.IsEmpty);

    /// <summary>The port of the application that serves <paramref name="port"/>; null: the workload's Sidecar says nothing of it.</summary>
    public int? IngressPort(Workload workload, int port)
        => For(workload.Namespace, workload.Labels)?.Ingress.FirstOrDefault(entry => entry.Port == port)?.TargetPort;

    /// <summary>The clusters that calls to unknown hosts may be sent to.</summary>
    public IEnumerable<ClusterReference> References
        => manifests.Sidecars.Select(sidecar => sidecar.EgressProxy).OfType<VirtualServiceDestination>().Select(Cluster).Distinct();

    public ClusterReference Cluster(VirtualServiceDestination proxy)
        => new RouteActionTranslator(manifests, ListenerNames.DefaultPort).Destination(proxy.Host, proxy.Port, proxy.Subset ?? "");

    /// <summary>Whether a client with this Sidecar sees a port of a host.</summary>
    /// <param name="sidecar">Null: it sees everything.</param>
    /// <param name="host">The full name.</param>
    /// <param name="hostNamespace">The namespace of the manifest that the host comes from.</param>
    /// <param name="port">The port that is called.</param>
    public static bool Sees(SidecarManifest? sidecar, string host, string hostNamespace, int port)
    {
        if (sidecar is null || sidecar.Egress.IsEmpty)
        {
            return true;
        }

        var hosts = (sidecar.Egress.FirstOrDefault(entry => entry.Port == port) ?? sidecar.Egress.FirstOrDefault(entry => entry.Port is null))?.Hosts ?? [];
        var matching = hosts.Where(entry => (entry.Namespace == "*" || entry.Namespace == hostNamespace) && HostPatterns.Matches(entry.Host, host)).ToImmutableArray();
        return !matching.IsEmpty && matching.All(entry => !entry.IsExcluded);
    }
}
