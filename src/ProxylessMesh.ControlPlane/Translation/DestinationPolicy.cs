using System.Collections.Immutable;
using ProxylessMesh.Manifests;
using ProxylessMesh.Manifests.Kinds;

namespace ProxylessMesh.ControlPlane.Translation;

/// <summary>What the DestinationRules say of one host to one class of callers.</summary>
internal sealed record DestinationPolicy
{
    public static readonly DestinationPolicy None = new();

    public TrafficPolicy TrafficPolicy { get; init; } = TrafficPolicy.None;

    /// <summary>Names are unique.</summary>
    public ImmutableArray<DestinationSubset> Subsets { get; init; } = [];

    /// <summary>
    /// Istio's order: the rules of the caller's namespace, else those of the service's namespace, else those of the root namespace. Within
    /// one, a rule that selects the caller by its labels, else one for all; that names the host exactly, else by the longest wildcard.
    /// </summary>
    public static DestinationPolicy Of(ManifestSet manifests, string host, string serviceNamespace, CallerClass callers)
    {
        var rules = About(manifests, host).Where(rule => IsFor(rule, serviceNamespace, callers)).ToLookup(rule => rule.Namespace, StringComparer.Ordinal);
        var callersOwn = rules.Select(group => group.Key).Where(ns => ns != HostNames.RootNamespace && callers.IsIn(ns)).Order(StringComparer.Ordinal).FirstOrDefault();
        foreach (var ns in (string?[])[callersOwn, serviceNamespace, HostNames.RootNamespace])
        {
            if (ns is not null && rules.Contains(ns))
            {
                return Nearest([.. rules[ns]], host);
            }
        }

        return None;
    }

    /// <summary>What the rules about a host ask of callers.</summary>
    public static IEnumerable<CallerFact> Facts(ManifestSet manifests, string host, string serviceNamespace)
        => About(manifests, host).SelectMany(rule => Facts(rule, serviceNamespace)).Distinct();

    /// <summary>Every rule that any caller may be under for a host.</summary>
    public static IEnumerable<DestinationRuleManifest> About(ManifestSet manifests, string host)
        => manifests.DestinationRules.Where(rule => HostPatterns.Matches(rule.Host, host));

    /// <summary>The settings for a port of the whole host or of a subset; an unknown subset has the host's.</summary>
    public TrafficPolicy For(string subset, int port)
    {
        var host = TrafficPolicy.For(port);
        if (Subsets.FirstOrDefault(candidate => candidate.Name == subset)?.TrafficPolicy is not { } own)
        {
            return host;
        }

        // Settings of the subset for the port replace everything, the host's included.
        return own.Ports.Any(candidate => candidate.Port == port)
            ? own.For(port) with { RetryBudget = own.RetryBudget ?? host.RetryBudget }
            : host.OverriddenBy(own with { Ports = [] });
    }

    private static IEnumerable<CallerFact> Facts(DestinationRuleManifest rule, string serviceNamespace)
    {
        var isForAll = rule.IsVisibleIn("*") && rule.WorkloadSelector.IsEmpty && (rule.Namespace == serviceNamespace || rule.Namespace == HostNames.RootNamespace);
        return isForAll ? [] : rule.ExportTo.Where(ns => ns != "*").Append(rule.Namespace).Select(CallerFact.Namespace).Concat(CallerFact.Labels(rule.WorkloadSelector));
    }

    // A selector does not reach beyond its namespace.
    private static bool IsFor(DestinationRuleManifest rule, string serviceNamespace, CallerClass callers)
    {
        if (!rule.WorkloadSelector.IsEmpty)
        {
            return callers.IsIn(rule.Namespace) && callers.Has(rule.WorkloadSelector);
        }

        if (rule.Namespace != serviceNamespace && rule.Namespace != HostNames.RootNamespace)
        {
            return callers.IsIn(rule.Namespace);
        }

        return rule.IsVisibleIn("*") || callers.IsIn(rule.Namespace) || rule.ExportTo.Any(callers.IsIn);
    }

    // Several rules for one host are one: the older wins where both speak (Istio merges them so).
    private static DestinationPolicy Nearest(ImmutableArray<DestinationRuleManifest> rules, string host)
    {
        var selecting = rules.Where(rule => !rule.WorkloadSelector.IsEmpty).ToImmutableArray();
        var candidates = selecting.IsEmpty ? rules : selecting;
        var pattern = HostPatterns.MostSpecific(candidates.Select(rule => rule.Host), host);
        var nearest = candidates.Where(rule => rule.Host == pattern).ToImmutableArray();
        return new DestinationPolicy
        {
            TrafficPolicy = nearest.Reverse().Aggregate(TrafficPolicy.None, (policy, older) => policy.OverriddenBy(older.TrafficPolicy)),
            Subsets = [.. nearest.SelectMany(rule => rule.Subsets).DistinctBy(subset => subset.Name, StringComparer.Ordinal)],
        };
    }
}
