using ProxylessMesh.Manifests.Kinds;

namespace ProxylessMesh.Manifests.Validation;

/// <summary>Two Sidecars of a namespace without selector: Istio calls what then happens undefined.</summary>
internal static class SidecarConflicts
{
    public static IEnumerable<ManifestError> Find(IReadOnlyList<ReadDocument> documents)
        => documents
            .Where(document => document.Manifest is SidecarManifest { Selector.IsEmpty: true })
            .GroupBy(document => document.Manifest.Namespace)
            .SelectMany(same => same.Skip(1).Select(document => document.Finding(
                "spec", $"{same.First().Manifest.DisplayName} ({same.First().Manifest.Source}) is for every workload of the namespace already", "Put both into one, or give this one a 'workloadSelector'")));
}
