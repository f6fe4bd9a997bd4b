using System.Collections.Immutable;
using ProxylessMesh.ControlPlane.Workloads;
using ProxylessMesh.Manifests;
using ProxylessMesh.Manifests.Kinds;

namespace ProxylessMesh.ControlPlane.Translation;

/// <summary>Which workloads Istio's security policies are for: those of their namespace, or of all in the root namespace, by labels or by the services that they name.</summary>
internal static class PolicySelection
{
    public static bool Selects(Manifest policy, ImmutableSortedDictionary<string, string> selector, ImmutableArray<PolicyTarget> targets, Workload workload, ManifestSet manifests)
        => (policy.Namespace == workload.Namespace || policy.Namespace == HostNames.RootNamespace)
            && (targets.IsEmpty ? selector.Selects(workload.Labels) : targets.Any(target => Serves(workload, policy.Namespace, target, manifests)));

    private static bool Serves(Workload workload, string ns, PolicyTarget target, ManifestSet manifests) => workload.Namespace == ns && manifests.Find(target.Kind, ns, target.Name) switch
    {
        ServiceManifest { Selector.IsEmpty: false } service => service.Selector.Selects(workload.Labels),
        ServiceEntryManifest { WorkloadSelector: { IsEmpty: false } selector } => selector.Selects(workload.Labels),
        _ => target.Kind == ManifestKind.Service && workload.Service == target.Name,
    };
}
