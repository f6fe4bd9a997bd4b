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
            .Where(document => document.Manifest is VirtualServiceManifest { IsForMesh: true })
            .SelectMany(document => Claims((VirtualServiceManifest)document.Manifest, document));
        var ruled = documents
            .Where(document => document.Manifest is DestinationRuleManifest)
            .Select(document => (Rule: (DestinationRuleManifest)document.Manifest, Document: document))
            .Select(rule => (Key: $"{rule.Rule.Namespace}/{rule.Rule.Host}/{Selector(rule.Rule.WorkloadSelector)}", rule.Rule.Host, Path: "spec.host", rule.Document));
        var tuned = documents
            .Where(document => document.Manifest is MeshTrafficPolicyManifest)
            .Select(document => (Key: ((MeshTrafficPolicyManifest)document.Manifest).Host, ((MeshTrafficPolicyManifest)document.Manifest).Host, Path: "spec.targetRef.name", Document: document));
        return Conflicts(routed, "Put the routes of both into one")
            .Concat(Conflicts(ruled, "Put the settings of both into one"))
            .Concat(Conflicts(tuned, "Put the settings of both into one"))
            .Concat(Conflicts(Entries(documents), "Put both into one, or limit them by 'exportTo' to different namespaces"));
    }

    private static IEnumerable<(string Key, string Host, string Path, ReadDocument Document)> Claims(VirtualServiceManifest service, ReadDocument document)
        => from host in service.Hosts.Select((name, index) => (Name: name, Path: $"spec.hosts[{index}]"))
           from callers in service.ExportTo
           select ($"{host.Name} {callers} {(callers == service.Namespace ? "own" : "")}", host.Name, host.Path, document);

    // Two entries may be for one host as long as no namespace sees both.
    private static IEnumerable<(string Key, string Host, string Path, ReadDocument Document)> Entries(IReadOnlyList<ReadDocument> documents)
        => from document in documents
           let entry = document.Manifest as ServiceEntryManifest
           where entry is not null
           from host in entry.Hosts.Select((name, index) => (Name: name, Index: index))
           from ns in entry.ExportTo
           where ns != "~"
           select (Key: $"{ns}/{host.Name}", Host: host.Name, Path: $"spec.hosts[{host.Index}]", Document: document);

    private static string Selector(IEnumerable<KeyValuePair<string, string>> labels) => string.Join(',', labels.Select(label => $"{label.Key}={label.Value}"));

    private static IEnumerable<ManifestError> Conflicts(IEnumerable<(string Key, string Host, string Path, ReadDocument Document)> claims, string cure)
        => claims
            .Where(claim => claim.Host.Length > 0)
            .GroupBy(claim => claim.Key)
            .SelectMany(same => same.Skip(1).Where(claim => claim.Document != same.First().Document).Select(claim => (Claim: claim, same.First().Document)))
            .DistinctBy(conflict => (conflict.Claim.Document, conflict.Claim.Path))
            .Select(conflict => conflict.Claim.Document.Finding(
                conflict.Claim.Path, $"{conflict.Document.Manifest.DisplayName} ({conflict.Document.Manifest.Source}) is for host {conflict.Claim.Host} already", cure));
}
