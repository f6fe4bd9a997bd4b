using System.Collections.Immutable;
using ProxylessMesh.Manifests;
using ProxylessMesh.Manifests.Kinds;

namespace ProxylessMesh.ControlPlane.Translation;

/// <summary>What the DestinationRules say of one host.</summary>
internal sealed record DestinationPolicy
{
    public static readonly DestinationPolicy None = new();

    public TrafficPolicy TrafficPolicy { get; init; } = TrafficPolicy.None;

    /// <summary>Names are unique.</summary>
    public ImmutableArray<DestinationSubset> Subsets { get; init; } = [];

    /// <summary>
    /// The rules of the service's namespace, else those of the root namespace; within one, those that name the host exactly, else the
    /// longest wildcard. Several rules for one host are one: the older wins where both speak (Istio merges them so).
    /// </summary>
    public static DestinationPolicy Of(ManifestSet manifests, string host, string serviceNamespace)
    {
        foreach (var ns in (string[])[serviceNamespace, HostNames.RootNamespace])
        {
            var rules = manifests.DestinationRules.Where(rule => rule.Namespace == ns).ToImmutableArray();
            if (HostPatterns.MostSpecific(rules.Select(rule => rule.Host), host) is { } pattern)
            {
                return Merge(rules.Where(rule => rule.Host == pattern));
            }
        }

        return None;
    }

    /// <summary>The settings for a subset; empty or unknown: the host's.</summary>
    public TrafficPolicy For(string subset)
        => Subsets.FirstOrDefault(candidate => candidate.Name == subset) is { } known ? TrafficPolicy.OverriddenBy(known.TrafficPolicy) : TrafficPolicy;

    private static DestinationPolicy Merge(IEnumerable<DestinationRuleManifest> olderFirst)
    {
        var rules = olderFirst.ToImmutableArray();
        return new DestinationPolicy
        {
            TrafficPolicy = rules.Reverse().Aggregate(TrafficPolicy.None, (policy, older) => policy.OverriddenBy(older.TrafficPolicy)),
            Subsets = [.. rules.SelectMany(rule => rule.Subsets).DistinctBy(subset => subset.Name, StringComparer.Ordinal)],
        };
    }
}
