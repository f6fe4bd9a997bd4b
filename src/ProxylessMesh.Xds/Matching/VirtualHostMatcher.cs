using System.Collections.Immutable;
using ProxylessMesh.Xds.Resources;

namespace ProxylessMesh.Xds.Matching;

/// <summary>Finds the virtual host of an authority: exact, then the longest suffix, then the longest prefix, then <c>*</c> (Envoy).</summary>
internal static class VirtualHostMatcher
{
    public static VirtualHostConfig? Find(ImmutableArray<VirtualHostConfig> hosts, string authority)
    {
        VirtualHostConfig? best = null;
        var bestRank = (Kind: 0, Length: 0);
        foreach (var host in hosts)
        {
            foreach (var domain in host.Domains)
            {
                var rank = Rank(domain, authority);
                if (rank.CompareTo(bestRank) > 0)
                {
                    best = host;
                    bestRank = rank;
                }
            }
        }

        return best;
    }

    private static (int Kind, int Length) Rank(string domain, string authority)
    {
        const StringComparison IgnoreCase = StringComparison.OrdinalIgnoreCase;
        if (domain == "*")
        {
            return (1, 1);
        }

        // The star stands for at least one character.
        if (domain.StartsWith('*'))
        {
            return authority.Length >= domain.Length && authority.AsSpan().EndsWith(domain.AsSpan(1), IgnoreCase) ? (3, domain.Length) : default;
        }

        if (domain.EndsWith('*'))
        {
            return authority.Length >= domain.Length && authority.AsSpan().StartsWith(domain.AsSpan(0, domain.Length - 1), IgnoreCase) ? (2, domain.Length) : default;
        }

        return string.Equals(domain, authority, IgnoreCase) ? (4, domain.Length) : default;
    }
}
