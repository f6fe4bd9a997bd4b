using Envoy.Config.Route.V3;
using Envoy.Extensions.Filters.Http.Fault.V3;
using Google.Protobuf.WellKnownTypes;
using ProxylessMesh.Manifests;
using ProxylessMesh.Manifests.Kinds;

namespace ProxylessMesh.ControlPlane.Translation;

/// <summary>Where calls go: one cluster, or several by weight. Remembers each cluster that it names.</summary>
/// <param name="manifests">Tell which ports a destination has.</param>
/// <param name="calledPort">The port that callers named.</param>
internal sealed class RouteActionTranslator(ManifestSet manifests, int calledPort)
{
    private readonly HashSet<ClusterReference> _references = [];

    public IReadOnlyCollection<ClusterReference> References => _references;

    public RouteAction ToOne(ClusterReference cluster) => new() { Cluster = Refer(cluster).Name };

    /// <summary>The split over <paramref name="shares"/>, whose sum is over zero.</summary>
    public RouteAction ToShares(IReadOnlyList<ClusterShare> shares)
    {
        if (shares is [{ RequestHeaders.IsEmpty: true, ResponseHeaders.IsEmpty: true, Instead: null } only])
        {
            return ToOne(only.Cluster);
        }

        return new RouteAction
        {
            WeightedClusters = new WeightedCluster
            {
                // C-core up to 1.51 takes 100 for granted where the total is not told, and refuses other sums.
                TotalWeight = (uint)shares.Sum(share => (long)share.Weight),
                Clusters = { shares.Select(ClusterWeight) },
            },
        };
    }

    /// <summary>The cluster of a destination. <paramref name="port"/> null: the port called, or the only one that the destination has.</summary>
    public ClusterReference Destination(string host, int? port, string subset)
    {
        var declared = manifests.FindService(host)?.Ports ?? (manifests.FindEntry(host) is { } entry ? MeshService.PortsOf(entry) : []);
        var number = declared switch
        {
            [] => ListenerNames.DefaultPort,
            _ when port is { } named => named,
            [var only] => only.Port,
            _ => calledPort,
        };
        return new ClusterReference(host, number, subset);
    }

    /// <summary>Remembers a cluster that a route names in some other way.</summary>
    public ClusterReference Refer(ClusterReference cluster)
    {
        _references.Add(cluster);
        return cluster;
    }

    private WeightedCluster.Types.ClusterWeight ClusterWeight(ClusterShare share)
    {
        var weight = new WeightedCluster.Types.ClusterWeight { Name = Refer(share.Cluster).Name, Weight = (uint)share.Weight };
        HeaderTranslator.Add(share.RequestHeaders, weight.RequestHeadersToAdd, weight.RequestHeadersToRemove);
        HeaderTranslator.Add(share.ResponseHeaders, weight.ResponseHeadersToAdd, weight.ResponseHeadersToRemove);
        if (share.Instead is not null)
        {
            weight.TypedPerFilterConfig.Add(ListenerTranslator.FaultFilter, Any.Pack(share.Instead));
        }

        if (share.Authority is not null)
        {
            weight.HostRewriteLiteral = share.Authority;
        }

        return weight;
    }
}

/// <summary>One side of a split. Where its calls are answered in another way instead, the cluster only stands for one.</summary>
internal sealed record ClusterShare(ClusterReference Cluster, int Weight, HeaderModifier RequestHeaders, HeaderModifier ResponseHeaders, HTTPFault? Instead = null)
{
    /// <summary>What the authority of its calls becomes; null: it stays.</summary>
    public string? Authority { get; init; }
}
