using ProxylessMesh.Protos.V1;
using ProxylessMesh.Spiffe;

namespace ProxylessMesh.ControlPlane.Ca;

/// <summary>Gives what a workload's signed snapshot holds, from the control plane's own state (implemented over the xDS resources).</summary>
internal interface ISnapshotContentSource
{
    /// <summary>The resources the caller may have of those it asked for.</summary>
    /// <param name="caller">Proved by its certificate.</param>
    /// <param name="nodeId">Of its ADS stream, as it claims: resources of a node that belongs to another workload are not for it.</param>
    /// <param name="subscribed">Names by type URL, as it claims.</param>
    /// <param name="cancellationToken">The call went away.</param>
    Task<IReadOnlyList<SnapshotResources>> GetAsync(SpiffeId caller, string nodeId, IReadOnlyList<SubscribedResources> subscribed, CancellationToken cancellationToken);
}
