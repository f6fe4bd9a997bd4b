using ProxylessMesh.Manifests.Kinds;

namespace ProxylessMesh.Manifests.Validation;

/// <summary>Two FederatedTrustDomains for one trust domain: its roots are replaced whole, so only one may say what they are.</summary>
internal static class FederationConflicts
{
    public static IEnumerable<ManifestError> Find(IReadOnlyList<ReadDocument> documents)
        => documents
            .Where(document => document.Manifest is FederatedTrustDomainManifest { TrustDomain.Length: > 0 })
            .GroupBy(document => ((FederatedTrustDomainManifest)document.Manifest).TrustDomain)
            .SelectMany(same => same.Skip(1).Select(document => document.Finding(
                "spec.trustDomain", $"{same.First().Manifest.DisplayName} ({same.First().Manifest.Source}) is for that trust domain already", "Remove one of the two")));
}
