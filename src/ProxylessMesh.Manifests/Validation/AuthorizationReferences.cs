using ProxylessMesh.Manifests.Kinds;

namespace ProxylessMesh.Manifests.Validation;

/// <summary>What an AuthorizationPolicy refers to: the authorizer that it asks, and the services that it is for.</summary>
internal static class AuthorizationReferences
{
    public static IEnumerable<ManifestError> Find(ReadDocument document, AuthorizationPolicyManifest policy, ManifestSet all)
    {
        var providers = all.MeshConfig.ExtensionProviders;
        if (policy is { Action: AuthorizationAction.Custom, Provider.Length: > 0 } && !providers.Any(provider => provider.Name == policy.Provider))
        {
            // As in Istio: until it is there, what the policy matches is denied.
            yield return document.Finding(
                "spec.provider.name", "MeshConfig has no such provider, so every call that the policy matches is denied",
                providers.IsEmpty ? "Add it to MeshConfig's 'extensionProviders'" : $"Write one of {string.Join(", ", providers.Select(static provider => provider.Name))}", ManifestErrorSeverity.Warning);
        }

        foreach (var target in policy.Targets)
        {
            if (target.Kind == ManifestKind.Service)
            {
                if (all.Find(ManifestKind.Service, policy.Namespace, target.Name) is null)
                {
                    yield return document.Finding(
                        "spec", $"no Service '{target.Name}' is written in namespace {policy.Namespace}; it exists once a workload joins under it", "Check the spelling, or write the Service",
                        ManifestErrorSeverity.Warning);
                }
            }
            else if (all.Find(ManifestKind.ServiceEntry, policy.Namespace, target.Name) is not ServiceEntryManifest entry)
            {
                yield return document.Finding("spec", $"there is no ServiceEntry '{target.Name}' in namespace {policy.Namespace}", "Check the spelling, or write the ServiceEntry");
            }
            else if (entry.WorkloadSelector is null or { IsEmpty: true })
            {
                yield return document.Finding(
                    "spec", $"{entry.DisplayName} selects no workloads of the mesh, and nobody could carry the policy out at hosts outside", "Name a Service, or give the ServiceEntry a 'workloadSelector'");
            }
        }
    }
}
