using ProxylessMesh.Manifests.Kinds;

namespace ProxylessMesh.Manifests.Validation;

/// <summary>
/// The ConfigMaps and Services of a BackendTLSPolicy. What is missing is legal and may come later; until then calls to the targets fail,
/// as the standard asks, which somebody should know.
/// </summary>
internal static class CertificateReferences
{
    public static IEnumerable<ManifestError> Find(ReadDocument document, BackendTlsPolicyManifest policy, ManifestSet all)
    {
        foreach (var name in policy.CaConfigMaps.Where(name => (all.Find(ManifestKind.ConfigMap, policy.Namespace, name) as ConfigMapManifest)?.Roots() is null))
        {
            yield return document.Finding(
                "spec.validation.caCertificateRefs",
                $"there is no ConfigMap {policy.Namespace}/{name} with certificates in PEM under '{ConfigMapManifest.CaKey}' (InvalidCACertificateRef); with no others, calls to the targets fail",
                "Write it", ManifestErrorSeverity.Warning);
        }

        var others = all.BackendTlsPolicies.Where(other => other.Namespace == policy.Namespace && other.Order < policy.Order).SelectMany(other => other.Targets.Select(target => (Policy: other, Target: target))).ToList();
        foreach (var target in policy.Targets)
        {
            if (others.FirstOrDefault(other => other.Target == target).Policy is { } older)
            {
                yield return document.Finding("spec.targetRefs", $"{older.DisplayName} is for Service {target.Name} already and counts (Conflicted)", "Keep one of the two", ManifestErrorSeverity.Warning);
            }
            else if (target.PortName is { } port && all.FindService(HostNames.Full(target.Name, policy.Namespace)) is { } service && service.Ports.All(known => known.Name != port))
            {
                yield return document.Finding("spec.targetRefs", $"{service.DisplayName} has no port '{port}'", "Correct 'sectionName', or remove it");
            }
        }
    }
}
