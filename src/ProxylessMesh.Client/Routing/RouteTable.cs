using System.Collections.Immutable;
using ProxylessMesh.Client.Clusters;
using ProxylessMesh.Xds.Matching;

namespace ProxylessMesh.Client.Routing;

/// <summary>The routes of one authority, compiled from one accepted config. Never changes once built.</summary>
/// <param name="authority">What the application calls.</param>
/// <param name="rules">In order: the first that matches is taken (gRFC A28).</param>
/// <param name="clusters">Every cluster the rules lead to, held until this table goes.</param>
internal sealed class RouteTable(string authority, ImmutableArray<RouteRule> rules, ImmutableArray<Cluster> clusters)
{
    public string Authority { get; } = authority;

    public ImmutableArray<RouteRule> Rules { get; } = rules;

    public ImmutableArray<Cluster> Clusters { get; } = clusters;

    /// <summary>The cluster of a name, as it is in this config.</summary>
    public Cluster? Find(string name)
    {
        foreach (var cluster in Clusters)
        {
            if (cluster.Name == name)
            {
                return cluster;
            }
        }

        return null;
    }

    public RouteRule? Match<TRequest>(in TRequest request)
        where TRequest : struct, IMatchInput
    {
        foreach (var rule in Rules)
        {
            if (rule.Match.Matches(request))
            {
                return rule;
            }
        }

        return null;
    }
}
