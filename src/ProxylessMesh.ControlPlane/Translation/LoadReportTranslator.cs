using Envoy.Extensions.Filters.Network.HttpConnectionManager.V3;
using ProxylessMesh.ControlPlane.Workloads;
using ProxylessMesh.Manifests;
using ProxylessMesh.Manifests.Kinds;
using ProxylessMesh.Protos.V1;

namespace ProxylessMesh.ControlPlane.Translation;

/// <summary>
/// Has a server say how busy it is with each answer (gRFC A51), where callers of a service that it stands behind weigh endpoints by that:
/// a <c>MeshTrafficPolicy</c> with <c>weightedRoundRobin</c>. Nobody else pays for it.
/// </summary>
internal static class LoadReportTranslator
{
    public static IEnumerable<HttpFilter> Filters(ManifestSet manifests, Workload workload)
    {
        var weighted = manifests.MeshTrafficPolicies.Where(static policy => policy.LoadBalancer is WeightedRoundRobinBalancing).ToList();
        if (weighted.Exists(policy => IsBehind(manifests, policy.Host, workload)))
        {
            // gRPC servers refuse a filter that they do not know, unless it is optional.
            var filter = ListenerTranslator.Filter("proxylessmesh.load_report", new LoadReports());
            filter.IsOptional = true;
            yield return filter;
        }
    }

    private static bool IsBehind(ManifestSet manifests, string host, Workload workload)
        => manifests.FindService(host) is { Selector.IsEmpty: false } service
            ? service.Namespace == workload.Namespace && service.Selector.Selects(workload.Labels)
            : host == HostNames.Full(workload.Service, workload.Namespace);
}
