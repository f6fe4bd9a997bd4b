using System.Collections.Frozen;
using ProxylessMesh.ControlPlane.Translation;
using ProxylessMesh.ControlPlane.Xds;
using ProxylessMesh.Spiffe;
using ProxylessMesh.Xds;
using ProxylessMesh.Xds.Client;
using ProxylessMesh.Xds.Matching;
using ProxylessMesh.Xds.Resources;

namespace ProxylessMesh.Tool.Explain;

/// <summary>What a caller's data plane would be sent: manifests become resources, their bytes become configs, as over the wire.</summary>
internal static class RouteConfigs
{
    private static readonly TrustDomain TrustDomain = TrustDomain.Parse("mesh.local");

    /// <summary>Null: the host is no name of the mesh for this caller.</summary>
    /// <exception cref="FormatException">The data plane refuses what the control plane makes.</exception>
    public static XdsConfig? For(RouteQuestion question, string authority)
    {
        var snapshot = new MeshTranslator(TrustDomain).Translate(question.Manifests, []) with { Manifests = question.Manifests };
        var caller = new AdsNode("explain", SpiffeId.Parse($"spiffe://{TrustDomain}/ns/{question.Namespace}/sa/{question.Service}"), question.Namespace, "mesh")
        {
            ClaimedLabels = new Dictionary<string, string>(question.Labels) { ["app"] = question.Service },
        };
        var find = new NodeResources().For(caller);
        if (Decode<ListenerConfig>(find, snapshot, ResourceType.Listeners, authority) is not { Api: { } api } listener)
        {
            return null;
        }

        var routes = api.InlineRoutes ?? Decode<RouteConfig>(find, snapshot, ResourceType.Routes, api.RouteConfigName ?? "")
            ?? throw new FormatException($"The listener of '{authority}' names routes '{api.RouteConfigName}', which do not exist.");
        var clusters = VirtualHostMatcher.Find(routes.VirtualHosts, authority)?.Routes.Select(static route => route.Action).OfType<ForwardActionConfig>()
            .SelectMany(static forward => forward.Clusters.Select(static side => side.Cluster).Concat(forward.Mirrors.Select(static mirror => mirror.Cluster)))
            .Distinct()
            .ToFrozenDictionary(static name => name, name => State(find, snapshot, name)) ?? FrozenDictionary<string, ClusterState>.Empty;
        return new XdsConfig { Name = authority, Listener = listener, Routes = routes, Clusters = clusters };
    }

    private static ClusterState State(ResourceLookup find, XdsSnapshot snapshot, string name)
        => Decode<ClusterConfig>(find, snapshot, ResourceType.Clusters, name) is { } config
            ? new ClusterState { Config = config }
            : new ClusterState { Error = $"There is no cluster '{name}'." };

    private static T? Decode<T>(ResourceLookup find, XdsSnapshot snapshot, ResourceType type, string name)
        where T : class
    {
        if (find(snapshot, type.TypeUrl, name) is not { } resource)
        {
            return null;
        }

        var decoded = type.Decode(resource.Bytes, null);
        return decoded.Error is null ? (T)decoded.Config! : throw new FormatException($"The data plane refuses what was made of these manifests: {decoded.Error}");
    }
}
