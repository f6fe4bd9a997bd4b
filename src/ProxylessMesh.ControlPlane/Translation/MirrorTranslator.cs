using Envoy.Config.Core.V3;
using Envoy.Config.Route.V3;
using ProxylessMesh.Manifests.Kinds;

namespace ProxylessMesh.ControlPlane.Translation;

/// <summary>Where copies of a route's calls go: <c>mirror</c> and <c>mirrors</c> of a VirtualService.</summary>
internal static class MirrorTranslator
{
    public static IEnumerable<RouteAction.Types.RequestMirrorPolicy> Translate(
        VirtualServiceRoute route, Func<VirtualServiceDestination, ClusterReference> cluster, RouteActionTranslator actions)
    {
        if (route.Mirror is { } mirror && route.MirrorPercentage is null or > 0)
        {
            yield return Policy(actions.Refer(cluster(mirror)), route.MirrorPercentage ?? 100);
        }

        foreach (var entry in route.Mirrors.Where(entry => entry.Percentage > 0))
        {
            yield return Policy(actions.Refer(cluster(entry.Destination)), entry.Percentage);
        }
    }

    /// <summary>Copies for a share of the calls, 0-100.</summary>
    public static RouteAction.Types.RequestMirrorPolicy Policy(ClusterReference cluster, double percentage) => new()
    {
        Cluster = cluster.Name,
        RuntimeFraction = new RuntimeFractionalPercent { DefaultValue = FaultTranslator.Percentage(percentage) },
    };
}
