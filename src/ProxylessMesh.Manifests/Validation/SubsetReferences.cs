using ProxylessMesh.Manifests.Kinds;

namespace ProxylessMesh.Manifests.Validation;

/// <summary>Every subset that a VirtualService sends calls to must be in a DestinationRule for the host: without one, nobody would take them.</summary>
internal static class SubsetReferences
{
    public static IEnumerable<ManifestError> Find(ReadDocument document, VirtualServiceManifest service, ManifestSet all)
    {
        foreach (var (path, destination) in Destinations(service))
        {
            if (destination.Subset is { } subset && destination.Host.Length > 0 && Check(all, destination.Host, subset) is var (problem, cure))
            {
                yield return document.Finding($"{path}.subset", problem, cure);
            }
        }
    }

    private static IEnumerable<(string Path, VirtualServiceDestination Destination)> Destinations(VirtualServiceManifest service)
        => service.Http.SelectMany((route, i) => route.Destinations.Select((destination, j) => ($"spec.http[{i}].route[{j}].destination", destination))
            .Concat(route.Mirrors.Select((mirror, j) => ($"spec.http[{i}].mirrors[{j}].destination", mirror.Destination)))
            .Concat(route.Mirror is { } only ? [($"spec.http[{i}].mirror", only)] : []));

    private static (string Problem, string Cure)? Check(ManifestSet all, string host, string subset)
    {
        var rules = RulesFor(all, host);
        if (rules.Length == 0)
        {
            return ($"no DestinationRule is for host {host}", $"Write one with the subset '{subset}' in the service's namespace, or remove 'subset'");
        }

        var subsets = rules.SelectMany(rule => rule.Subsets).Select(known => known.Name).ToArray();
        if (subsets.Contains(subset))
        {
            return null;
        }

        var names = subsets.Length == 0 ? "none" : string.Join(", ", subsets);
        return ($"{rules[0].DisplayName} has no such subset (it has {names})", Reading.NearestWord.To(subset, subsets) is { } nearest ? $"Write '{nearest}'" : "Add it there");
    }

    // For most callers those of the service's namespace, else of the root namespace; for callers of another namespace its own, so that a
    // subset of any of these may be meant. Within one, the exact host comes before the longest wildcard.
    private static DestinationRuleManifest[] RulesFor(ManifestSet all, string host)
    {
        var ns = HostNames.TryParse(host, out _, out var parsed) ? parsed : HostNames.RootNamespace;
        var matching = all.DestinationRules.Where(rule => Matches(rule.Host, host)).GroupBy(rule => rule.Namespace).ToArray();
        var common = Array.Find(matching, group => group.Key == ns) ?? Array.Find(matching, group => group.Key == HostNames.RootNamespace);
        return
        [
            .. matching.Where(group => group == common || (group.Key != ns && group.Key != HostNames.RootNamespace))
                .OrderByDescending(group => group == common)
                .SelectMany(group => group.GroupBy(rule => rule.Host).MaxBy(same => same.Key == host ? int.MaxValue : same.Key.Length)!),
        ];
    }

    private static bool Matches(string pattern, string host)
        => pattern.StartsWith('*') ? host.Length >= pattern.Length && host.EndsWith(pattern[1..], StringComparison.Ordinal) : pattern == host;
}
