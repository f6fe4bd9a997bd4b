using System.Collections.Immutable;
using System.Runtime.CompilerServices;
using ProxylessMesh.Client.Clusters;
using ProxylessMesh.Client.Resilience;
using ProxylessMesh.Client.Routing;
using ProxylessMesh.Xds;
using ProxylessMesh.Xds.Matching;
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
        if (Answer(config.Routes, host, route) is { } answer)
        {
            return new RouteRule { Name = route.Name, Match = route.Match, Retry = _default, Answer = answer };
        }

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
            targets[i] = CompileTarget(config, host, route, forward, side, clusters);
        }

        ImmutableArray<RouteMirror> mirrors = [.. forward.Mirrors.Select(mirror => new RouteMirror(mirror.Cluster, Acquire(config, mirror.Cluster, clusters), mirror.Fraction))];

        return new RouteRule
        {
            Name = route.Name,
            Match = route.Match,
            Clusters = new WeightedClusters(targets, weights),
            Hash = RequestHash.Compile(forward.HashPolicies),
            SplitByHash = forward.SplitByHash,
            Mirrors = mirrors,
            IdleTimeout = Limit(forward.IdleTimeout),
            NeedsPlan = Limit(forward.IdleTimeout) is not null || !forward.HashPolicies.IsEmpty || !mirrors.IsEmpty
                || Array.Exists(targets, static target => target.PathRewrite is not null || target.HostRewrite is not null || target.Session is not null || FilterSettings.FaultsAnswers(target.Fault)),
            Retry = (forward.Retry ?? host.Retry) is { } retry ? _policies.GetValue(retry, retry => new RetryPolicy(retry, time)) : _default,
            HttpTimeout = Limit(forward.Timeout),
            IsHighPriority = forward.IsHighPriority,
            Hedge = forward.Hedge,
            GrpcTimeout = Limit(forward.MaxStreamDuration ?? config.Listener.Api?.MaxStreamDuration),
        };
    }

    private static RouteAnswer? Answer(RouteConfig routes, VirtualHostConfig host, RouteRuleConfig route) => route.Action switch
    {
        DirectResponseActionConfig direct => RouteAnswer.Direct(direct, Headers(routes, route.Headers, host.Headers)),
        RedirectActionConfig redirect => RouteAnswer.Redirect(redirect, route.Match.Path, Headers(routes, route.Headers, host.Headers)),
        _ => null,
    };

    private Cluster? Acquire(XdsConfig config, string name, Dictionary<string, Cluster> clusters)
    {
        if (!clusters.TryGetValue(name, out var cluster) && config.Clusters.GetValueOrDefault(name) is { } state && endpoints.Acquire(state, config.Clusters) is { } acquired)
        {
            cluster = acquired;
            clusters.Add(name, cluster);
        }

        return cluster;
    }

    private RouteTarget CompileTarget(XdsConfig config, VirtualHostConfig host, RouteRuleConfig route, ForwardActionConfig forward, WeightedClusterConfig side, Dictionary<string, Cluster> clusters)
    {
        var cluster = Acquire(config, side.Cluster, clusters);
        var error = cluster is null ? config.Clusters.GetValueOrDefault(side.Cluster)?.Error ?? "there is no such cluster" : null;
        return new RouteTarget(
            side.Cluster,
            cluster,
            error,
            Headers(config.Routes, side.Headers, route.Headers, host.Headers),
            FilterSettings.Fault(config, side.FilterOverrides, route.FilterOverrides, host.FilterOverrides))
        {
            PathRewrite = PathRewrite.Compile(forward.PathRewrite, route.Match.Path),
            HostRewrite = side.HostRewrite ?? forward.HostRewrite,
            Session = FilterSettings.Session(config, side.FilterOverrides, route.FilterOverrides, host.FilterOverrides) is { } session ? new SessionAffinity(session) : null,
        };
    }

    /// <summary>From the inside out, unless the most specific is to have the last word.</summary>
    private static HeaderOperations? Headers(RouteConfig routes, params Span<HeaderOperationsConfig> fromTheInside)
    {
        if (routes.MostSpecificHeadersWin)
        {
            fromTheInside.Reverse();
        }

        return HeaderOperations.Compile(fromTheInside);
    }

    private static TimeSpan? Limit(TimeSpan? configured) => configured is { } limit && limit > TimeSpan.Zero ? limit : null;
}
