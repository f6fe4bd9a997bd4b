using ProxylessMesh.Manifests.Kinds;

namespace ProxylessMesh.Manifests.Validation;

/// <summary>The service of a MeshTrafficPolicy. It may exist by workloads that joined, so that its absence only draws a warning.</summary>
internal static class TrafficPolicyTargets
{
    public static IEnumerable<ManifestError> Find(ReadDocument document, MeshTrafficPolicyManifest policy, ManifestSet all)
    {
        if (HostNames.TryParse(policy.Host, out var name, out var ns) && all.FindService(policy.Host) is null)
        {
            yield return document.Finding(
                "spec.targetRef.name", $"no Service {ns}/{name} is written; it exists once a workload joins under that name", "Check the spelling, or write the Service", ManifestErrorSeverity.Warning);
        }
    }
}
