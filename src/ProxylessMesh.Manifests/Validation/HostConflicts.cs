using ProxylessMesh.Manifests.Kinds;

namespace ProxylessMesh.Manifests.Validation;

/// <summary>
/// Two VirtualServices for one host, or two DestinationRules of one namespace for one host: Istio would take one or merge them by age,
/// which files do not have.
/// </summary>
internal static class HostConflicts
{
    public static IEnumerable<ManifestError> Find(IReadOnlyList<ReadDocument> documents)
    {
        var routed = documents
            .Where(document => document.Manifest is VirtualServiceManifest)
            .SelectMany(document => ((VirtualServiceManifest)document.Manifest).Hosts.Select((host, index) => (Key: host, Host: host, Path: $"spec.hosts[{index}]", Document: document)));
        var ruled = documents
            .Where(document => document.Manifest is DestinationRuleManifest)
            .Select(document => (Rule: (DestinationRuleManifest)document.Manifest, Document: document))
            .Select(rule => (Key: $"{rule.Rule.Namespace}/{rule.Rule.Host}", rule.Rule.Host, Path: "spec.host", rule.Document));
        return Conflicts(routed, "Put the routes of both into one").Concat(Conflicts(ruled, "Put the settings of both into one"));
    }

    private static IEnumerable<ManifestError> Conflicts(IEnumerable<(string Key, string Host, string Path, ReadDocument Document)> claims, string cure)
        => claims
            .Where(claim => claim.Host.Length > 0)
            .GroupBy(claim => claim.Key)
            .SelectMany(same => same.Skip(1).Where(claim => claim.Document != same.First().Document).Select(claim => claim.Document.Finding(
                claim.Path, $"{same.First().Document.Manifest.DisplayName} ({same.First().Document.Manifest.Source}) is for host {claim.Host} already", cure)));
}
