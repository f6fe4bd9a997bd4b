using ProxylessMesh.Manifests.Kinds;

namespace ProxylessMesh.Manifests.Validation;

/// <summary>
/// References of HTTPRoutes to services. A service without manifest may exist by workloads that joined, so that only draws a warning; a
/// port that the manifest of the service does not have is an error.
/// </summary>
internal static class ServiceReferences
{
    public static IEnumerable<ManifestError> Find(ReadDocument document, HttpRouteManifest route, ManifestSet all)
    {
        foreach (var (parent, index) in route.Parents.Select((parent, index) => (parent, index)))
        {
            foreach (var finding in Check(document, $"spec.parentRefs[{index}]", parent.Host, parent.Port, all))
            {
                yield return finding;
            }
        }

        foreach (var (rule, ruleIndex) in route.Rules.Select((rule, index) => (rule, index)))
        {
            foreach (var (backend, index) in rule.Backends.Select((backend, index) => (backend, index)))
            {
                foreach (var finding in Check(document, $"spec.rules[{ruleIndex}].backendRefs[{index}]", backend.Host, backend.Port, all))
                {
                    yield return finding;
                }
            }
        }
    }

    private static IEnumerable<ManifestError> Check(ReadDocument document, string path, string host, int? port, ManifestSet all)
    {
        if (!HostNames.TryParse(host, out var name, out var ns))
        {
            yield break;
        }

        if (all.FindService(host) is not { } service)
        {
            yield return document.Finding(
                $"{path}.name", $"no Service {ns}/{name} is written; it exists once a workload joins under that name",
                "Check the spelling, or write the Service", ManifestErrorSeverity.Warning);
        }
        else if (port > 0 && !service.Ports.IsEmpty && service.Ports.All(known => known.Port != port))
        {
            yield return document.Finding(
                $"{path}.port", $"Service {ns}/{name} has no such port", $"Write one of {string.Join(", ", service.Ports.Select(known => known.Port))}");
        }
    }
}
