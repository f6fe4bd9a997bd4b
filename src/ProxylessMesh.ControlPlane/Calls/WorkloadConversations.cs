using System.Collections.Concurrent;
using ProxylessMesh.ControlPlane.Workloads;

namespace ProxylessMesh.ControlPlane.Calls;

/// <summary>The streams by which workloads can be asked now.</summary>
internal sealed class WorkloadConversations
{
    private readonly ConcurrentDictionary<string, WorkloadConversation> _byInstance = new(StringComparer.Ordinal);

    /// <summary>The newest stream of an instance is the one to ask, as with its lease.</summary>
    public void Begin(Workload workload, WorkloadConversation conversation) => _byInstance[workload.InstanceId] = conversation;

    public void End(Workload workload, WorkloadConversation conversation)
        => _byInstance.TryRemove(KeyValuePair.Create(workload.InstanceId, conversation));

    /// <summary>Null where no stream of the workload is open.</summary>
    public WorkloadConversation? Find(Workload workload) => _byInstance.GetValueOrDefault(workload.InstanceId);
}
