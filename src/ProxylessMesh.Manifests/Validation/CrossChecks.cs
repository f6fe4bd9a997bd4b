using ProxylessMesh.Manifests.Kinds;

namespace ProxylessMesh.Manifests.Validation;

/// <summary>
/// What can only be seen over all manifests. A document with mistakes of its own still counts as a target of references, so that one
/// mistake is reported once.
/// </summary>
internal static class CrossChecks
{
    public static List<ManifestError> Run(IReadOnlyList<ReadDocument> documents)
    {
        var findings = new List<ManifestError>();
        findings.AddRange(DuplicateNames(documents));
        findings.AddRange(HostConflicts.Find(documents));
        findings.AddRange(SidecarConflicts.Find(documents));
        findings.AddRange(SecondMeshConfigs(documents));
        findings.AddRange(FederationConflicts.Find(documents));

        var all = new ManifestSet(documents.Select(document => document.Manifest));
        foreach (var document in documents)
        {
            findings.AddRange(document.Manifest switch
            {
                AuthorizationPolicyManifest policy => AuthorizationReferences.Find(document, policy, all),
                BackendTlsPolicyManifest policy => CertificateReferences.Find(document, policy, all),
                RouteManifest route => ServiceReferences.Find(document, route, all).Concat(RouteConflicts.Find(document, route, all)),
                VirtualServiceManifest service => SubsetReferences.Find(document, service, all).Concat(DelegateReferences.Find(document, service, all)),
                FaultExperimentManifest experiment => ExperimentChecks.Find(document, experiment, all),
                MeshTrafficPolicyManifest policy => TrafficPolicyTargets.Find(document, policy, all),
                ServiceEntryManifest entry => ServiceEntryHosts.Find(document, entry, all),
                _ => [],
            });
        }

        return findings;
    }

    private static IEnumerable<ManifestError> SecondMeshConfigs(IReadOnlyList<ReadDocument> documents)
    {
        var configs = documents.Where(static document => document.Manifest is MeshConfigManifest).ToList();
        return configs.Skip(1).Select(document => document.Finding(
            "metadata.name", $"a mesh has one, and {configs[0].Manifest.DisplayName} ({configs[0].Manifest.Source}) is written already", "Put both into one"));
    }

    private static IEnumerable<ManifestError> DuplicateNames(IReadOnlyList<ReadDocument> documents)
        => documents
            .GroupBy(document => (document.Manifest.Kind, document.Manifest.Namespace, document.Manifest.Name))
            .SelectMany(same => same.Skip(1).Select(document => document.Finding(
                "metadata.name", $"{same.First().Manifest.DisplayName} is written already at {same.First().Manifest.Source}", "Remove one of the two, or give it another name")));
}
