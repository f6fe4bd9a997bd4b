using System.Collections.Frozen;
using System.Collections.Immutable;
using System.Runtime.CompilerServices;
using ProxylessMesh.Client.Clusters;
using ProxylessMesh.Client.Resilience;
using ProxylessMesh.Client.Routing;
using ProxylessMesh.Xds;
using ProxylessMesh.Xds.Resources;

namespace ProxylessMesh.Client.Snapshots;

/// <summary>Turns an accepted config into what calls run on. Cannot fail: what decodes, compiles.</summary>
internal sealed class SnapshotCompiler(EndpointTable endpoints, TimeProvider time)
{
    // By identity: a push that leaves a route alone leaves its config object alone, and so its pipeline.
    private readonly ConditionalWeakTable<RetryConfig, RetryPolicy> _policies = [];
    private readonly RetryPolicy _default = new(null, time);

    public RouteTable Compile(XdsConfig config)
    {
        var host = VirtualHostMatcher.Find(config.Routes.VirtualHosts, config.Name);
        if (host is null)
        {
            return new RouteTable(config.Name, [], []);
        }

        var clusters = new Dictionary<string, Cluster>(StringComparer.Ordinal);
        ImmutableArray<RouteRule> rules = [.. host.Routes.Select(route => CompileRule(config, host, route, clusters))];
        return new RouteTable(config.Name, rules, [.. clusters.Values]);
    }

    /// <summary>Gives back what <see cref="Compile"/> holds.</summary>
    public void Release(RouteTable routes)
    {
        foreach (var cluster in routes.Clusters)
        {
            endpoints.Release(cluster);
        }
    }

    private RouteRule CompileRule(XdsConfig config, VirtualHostConfig host, RouteRuleConfig route, Dictionary<string, Cluster> clusters)
    {
        if (route.Action is not ForwardActionConfig forward)
        {
            var reason = route.Action is UnsupportedActionConfig unsupported ? unsupported.Reason : "its action is not one for a client";
            return new RouteRule { Name = route.Name, Match = route.Match, Retry = _default, Error = reason };
        }

        var targets = new RouteTarget[forward.Clusters.Length];
        var weights = new uint[targets.Length];
        for (var i = 0; i < targets.Length; i++)
        {
            var side = forward.Clusters[i];
            weights[i] = side.Weight;
            targets[i] = CompileTarget(config, host, route, side, clusters);
        }

        return new RouteRule
        {
            Name = route.Name,
            Match = route.Match,
            Clusters = new WeightedClusters(targets, weights),
            Retry = (forward.Retry ?? host.Retry) is { } retry ? _policies.GetValue(retry, retry => new RetryPolicy(retry, time)) : _default,
            HttpTimeout = Limit(forward.Timeout),
            GrpcTimeout = Limit(forward.MaxStreamDuration ?? config.Listener.Api?.MaxStreamDuration),
        };
    }

    private RouteTarget CompileTarget(XdsConfig config, VirtualHostConfig host, RouteRuleConfig route, WeightedClusterConfig side, Dictionary<string, Cluster> clusters)
    {
        var state = config.Clusters.GetValueOrDefault(side.Cluster);
        if (!clusters.TryGetValue(side.Cluster, out var cluster) && state is not null && endpoints.Acquire(state) is { } acquired)
        {
            cluster = acquired;
            clusters.Add(side.Cluster, cluster);
        }

        var error = cluster is null ? state?.Error ?? "there is no such cluster" : null;
        return new RouteTarget(
            side.Cluster,
            cluster,
            error,
            HeaderOperations.Compile(side.Headers, route.Headers, host.Headers),
            Fault(config, side.FilterOverrides, route.FilterOverrides, host.FilterOverrides));
    }

    // The most specific override wins (gRFC A39); a fault that never happens is none.
    private static FaultConfig? Fault(XdsConfig config, params ReadOnlySpan<FrozenDictionary<string, HttpFilterConfig>> overrides)
    {
        foreach (var filter in config.Listener.Api?.Filters ?? [])
        {
            if (filter is not FaultFilterConfig { Fault: var fault })
            {
                continue;
            }

            foreach (var level in overrides)
            {
                if (level.TryGetValue(filter.Name, out var replacement) && replacement is FaultFilterConfig replaced)
                {
                    fault = replaced.Fault;
                    break;
                }
            }

            if (fault is { Delay: not null, DelayFraction.PerMillion: > 0 } || (fault.AbortFraction.PerMillion > 0 && (fault.AbortHttpStatus ?? fault.AbortGrpcStatus) is not null))
            {
                return fault;
            }
        }

        return null;
    }

    private static TimeSpan? Limit(TimeSpan? configured) => configured is { } limit && limit > TimeSpan.Zero ? limit : null;
}
