namespace ProxylessMesh.ControlPlane.Workloads;

/// <summary>
/// A stream's hold on its workload. Without effect once a newer stream of the same instance has taken over. End it exactly one way:
/// <see cref="Leave"/> or <see cref="Break"/>.
/// </summary>
internal sealed class WorkloadLease(WorkloadRegistry registry, string instanceId)
{
    public string InstanceId { get; } = instanceId;

    /// <returns>The version of the workload set that has the change.</returns>
    public long Report(WorkloadHealth health) => registry.Update(this, health);

    /// <summary>The workload said goodbye: gone at once.</summary>
    public void Leave() => registry.End(this, broken: false);

    /// <summary>The stream broke: gone after the grace period.</summary>
    public void Break() => registry.End(this, broken: true);
}
