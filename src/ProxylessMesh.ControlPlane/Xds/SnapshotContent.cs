using ProxylessMesh.ControlPlane.Ca;
using ProxylessMesh.Protos.V1;
using ProxylessMesh.Spiffe;

namespace ProxylessMesh.ControlPlane.Xds;

/// <summary>What a signed snapshot holds: the resources in force under the names that a workload asks for, as its ADS stream would get them.</summary>
internal sealed class SnapshotContent(SnapshotSource snapshots, NodeResources resources) : ISnapshotContentSource
{
    private const int MaxTypes = 16;
    private const int MaxNames = 10_000;

    public Task<IReadOnlyList<SnapshotResources>> GetAsync(SpiffeId caller, string nodeId, IReadOnlyList<SubscribedResources> subscribed, CancellationToken cancellationToken)
    {
        // One snapshot for all types, so that they go together.
        var snapshot = snapshots.Current;
        return Task.FromResult<IReadOnlyList<SnapshotResources>>([.. subscribed.Take(MaxTypes).Select(type => Of(snapshot, caller, nodeId, type))]);
    }

    private SnapshotResources Of(XdsSnapshot snapshot, SpiffeId caller, string nodeId, SubscribedResources subscribed)
    {
        var content = new SnapshotResources { TypeUrl = subscribed.TypeUrl };
        var node = new AdsNode(nodeId, caller, AdsNode.NamespaceOf(caller) ?? "", "");
        foreach (var name in subscribed.Names.Distinct(StringComparer.Ordinal).Take(MaxNames))
        {
            if (resources.Find(snapshot, node, subscribed.TypeUrl, name) is { } resource)
            {
                content.Resources.Add(resource.Versioned);
            }
            else
            {
                content.Missing.Add(name);
            }
        }

        return content;
    }
}
