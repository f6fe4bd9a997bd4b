using ProxylessMesh.Manifests.Kinds;

namespace ProxylessMesh.Manifests.Validation;

/// <summary>
/// References of HTTPRoutes and GRPCRoutes to services. A service without manifest may exist by workloads that joined, so that only
/// draws a warning; a port that the manifest of the service does not have is an error.
/// </summary>
internal static class ServiceReferences
{
    public static IEnumerable<ManifestError> Find(ReadDocument document, RouteManifest route, ManifestSet all)
    {
        foreach (var parent in route.Parents)
        {
            var path = $"spec.parentRefs[{parent.Index}]";
            foreach (var finding in Check(document, path, parent.Host, parent.Port, all).Concat(CheckPortName(document, path, parent, all)))
            {
                yield return finding;
            }
        }

        foreach (var (rule, ruleIndex) in route.AllRules.Select((rule, index) => (rule, index)))
        {
            var path = $"spec.rules[{ruleIndex}]";
            foreach (var finding in CheckMirrors(document, path, rule.Filters, all))
            {
                yield return finding;
            }

            foreach (var (backend, index) in rule.Backends.Select((backend, index) => (backend, index)).Where(backend => backend.backend.IsService))
            {
                foreach (var finding in Check(document, $"{path}.backendRefs[{index}]", backend.Host, backend.Port, all).Concat(CheckMirrors(document, $"{path}.backendRefs[{index}]", backend.Filters, all)))
                {
                    yield return finding;
                }
            }
        }
    }

    private static IEnumerable<ManifestError> CheckMirrors(ReadDocument document, string owner, RouteFilters filters, ManifestSet all)
        => filters.Mirrors.Where(mirror => mirror.Backend.IsService).SelectMany(mirror => Check(document, $"{owner}.filters", mirror.Backend.Host, mirror.Backend.Port, all));

    private static IEnumerable<ManifestError> CheckPortName(ReadDocument document, string path, RouteParent parent, ManifestSet all)
    {
        if (parent.PortName is { } name && all.FindService(parent.Host) is { } service
            && !service.Ports.Any(port => port.Name == name && (parent.Port is null || parent.Port == port.Port)))
        {
            var names = service.Ports.Select(port => port.Name).Where(known => known.Length > 0).ToList();
            yield return document.Finding(
                $"{path}.sectionName", $"{service.DisplayName} has no such port", names.Count == 0 ? "Remove it: the service's port has no name" : $"Write one of {string.Join(", ", names)}");
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
