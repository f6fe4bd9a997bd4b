using ProxylessMesh.Manifests.Kinds;

namespace ProxylessMesh.Manifests.Validation;

/// <summary>Hosts of ServiceEntries that a Service has already: the Service counts, and of the entry only the names that peers may prove.</summary>
internal static class ServiceEntryHosts
{
    public static IEnumerable<ManifestError> Find(ReadDocument document, ServiceEntryManifest entry, ManifestSet all)
    {
        for (var i = 0; i < entry.Hosts.Length; i++)
        {
            if (all.FindService(HostNames.Resolve(entry.Hosts[i], entry.Namespace)) is { } service)
            {
                yield return document.Finding(
                    $"spec.hosts[{i}]", $"{service.DisplayName} has this name; of the entry only 'subjectAltNames' counts for it", "Remove the host, or call it by another name", ManifestErrorSeverity.Warning);
            }
        }
    }
}
