using System.Collections.Immutable;

namespace ProxylessMesh.ControlPlane.Workloads;

/// <summary>Every workload known at one moment, by instance id. Immutable.</summary>
/// <param name="Version">Grows by one with each change in this process.</param>
/// <param name="ByInstance">The workloads.</param>
internal sealed record WorkloadSet(long Version, ImmutableDictionary<string, Workload> ByInstance)
{
    public static WorkloadSet Empty { get; } = new(0, ImmutableDictionary.Create<string, Workload>(StringComparer.Ordinal));
}
