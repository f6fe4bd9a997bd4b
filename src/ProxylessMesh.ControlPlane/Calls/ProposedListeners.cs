using System.Net;
using Envoy.Config.Listener.V3;
using Envoy.Config.Rbac.V3;
using Envoy.Extensions.Filters.Network.HttpConnectionManager.V3;
using Google.Protobuf;
using ProxylessMesh.ControlPlane.Translation;
using ProxylessMesh.ControlPlane.Workloads;
using ProxylessMesh.Manifests;
using ProxylessMesh.Protos.V1;
using RbacFilter = Envoy.Extensions.Filters.Http.Rbac.V3.RBAC;

namespace ProxylessMesh.ControlPlane.Calls;

/// <summary>
/// What a change of manifests makes of a workload's listeners, by the translator that serves xDS. Only ports whose listener changes are
/// told.
/// </summary>
/// <param name="Ports">The ports with what would be in force.</param>
/// <param name="OtherFilters">Names of filters that change too and decide by what is not foreseen here.</param>
internal sealed record ProposedListeners(IReadOnlyList<ProposedPort> Ports, IReadOnlyList<string> OtherFilters)
{
    private const string ConnectionManager = "envoy.filters.network.http_connection_manager";

    // Istio's prefix of the rules that say which calls an authorizer is asked about.
    private const string CustomPrefix = "istio_ext_authz_";

    public static ProposedListeners Compare(ManifestSet current, ManifestSet proposed, Workload workload, IReadOnlyList<string> revoked)
    {
        var ports = new List<ProposedPort>();
        var others = new SortedSet<string>(StringComparer.Ordinal);
        foreach (var port in workload.Ports)
        {
            var before = Translate(current, workload, port.Number, revoked);
            var after = Translate(proposed, workload, port.Number, revoked);
            if (before.Equals(after))
            {
                continue;
            }

            var (policiesBefore, policiesAfter) = (Policies(before), Policies(after));
            ports.Add(new ProposedPort
            {
                Port = (uint)port.Number,
                Listener = after.ToByteString(),
                ChangedPolicies = { policiesBefore.Keys.Union(policiesAfter.Keys).Where(name => !policiesBefore.TryGetValue(name, out var policy) || !policy.Equals(policiesAfter.GetValueOrDefault(name))) },
            });
            others.UnionWith(Others(before).SymmetricExceptBy(Others(after)));
            if (!ConnectionsOf(before).Equals(ConnectionsOf(after)))
            {
                others.Add(ConnectionManager);
            }
        }

        return new ProposedListeners(ports, [.. others]);
    }

    private static Listener Translate(ManifestSet manifests, Workload workload, int port, IReadOnlyList<string> revoked)
    {
        var address = new IPEndPoint(workload.Addresses[0], port);
        return InboundTranslator.Translate(manifests, workload, $"{InboundName.MeshPrefix}{address}", new InboundName(InboundDialect.Mesh, address), revoked);
    }

    // Dry runs decide nothing, so their rules do not count; those that say what an authorizer is asked do.
    private static Dictionary<string, Policy> Policies(Listener listener)
    {
        var policies = new Dictionary<string, Policy>(StringComparer.Ordinal);
        foreach (var filter in Filters(listener).Where(static filter => filter.TypedConfig.Is(RbacFilter.Descriptor)).Select(static filter => filter.TypedConfig.Unpack<RbacFilter>()))
        {
            var asking = filter.ShadowRulesStatPrefix.StartsWith(CustomPrefix, StringComparison.Ordinal) ? filter.ShadowRules?.Policies.AsEnumerable() : null;
            foreach (var (name, policy) in (filter.Rules?.Policies.AsEnumerable() ?? []).Concat(asking ?? []))
            {
                policies.TryAdd(name, policy);
            }
        }

        return policies;
    }

    // How requests are read before any filter sees them, such as how paths are written; routes are not looked at here.
    private static HttpConnectionManager ConnectionsOf(Listener listener)
    {
        var connections = Managers(listener).FirstOrDefault() ?? new HttpConnectionManager();
        connections.HttpFilters.Clear();
        connections.RouteConfig = null;
        return connections;
    }

    private static IEnumerable<HttpFilter> Others(Listener listener) => Filters(listener).Where(static filter => !filter.TypedConfig.Is(RbacFilter.Descriptor));

    // Each chain of a workload has the same filters.
    private static IEnumerable<HttpFilter> Filters(Listener listener) => Managers(listener).SelectMany(static manager => manager.HttpFilters);

    private static IEnumerable<HttpConnectionManager> Managers(Listener listener)
        => listener.FilterChains.Take(1).SelectMany(static chain => chain.Filters).Where(static filter => filter.TypedConfig.Is(HttpConnectionManager.Descriptor)).Select(static filter => filter.TypedConfig.Unpack<HttpConnectionManager>());
}

/// <summary>What differs between two lists of filters.</summary>
file static class FilterDifference
{
    public static IEnumerable<string> SymmetricExceptBy(this IEnumerable<HttpFilter> before, IEnumerable<HttpFilter> after)
    {
        var (left, right) = (before.ToList(), after.ToList());
        return left.Except(right).Concat(right.Except(left)).Select(static filter => filter.Name);
    }
}
