using System.Collections.Frozen;
using ProxylessMesh.Xds.Client;
using ProxylessMesh.Xds.Resources;

namespace ProxylessMesh.Xds;

/// <summary>
/// Walks from a listener to everything that it leads to (gRFC A74). Each walk notes the names that it needs and says what watchers
/// should hear: a whole config, or why there is none, or null: something is still on its way.
/// </summary>
internal sealed class DependencyTracker(ResourceCache cache)
{
    private readonly HashSet<CacheEntry> _needed = [];
    private bool _isComplete = true;

    /// <summary>What the last walk needed.</summary>
    public IReadOnlySet<CacheEntry> Needed => _needed;

    /// <summary>Names that were not in the cache before the last walk.</summary>
    public List<CacheEntry> Added { get; } = [];

    /// <summary>A client's listener, its routes, their clusters, their endpoints.</summary>
    public XdsUpdate<XdsConfig>? Target(string name)
    {
        var entry = Need(ResourceType.Listeners, name);
        if (entry.Config is not ListenerConfig listener)
        {
            return Absent<XdsConfig>(entry);
        }

        if (listener.Api is not { } api)
        {
            return new XdsUpdate<XdsConfig>.Failed($"The listener '{name}' is one for servers: it has no api_listener.");
        }

        var routes = api.InlineRoutes;
        if (routes is null)
        {
            var routesEntry = Need(ResourceType.Routes, api.RouteConfigName ?? "");
            routes = routesEntry.Config as RouteConfig;
            if (routes is null)
            {
                // The name exists, so it must not count as unknown: an unknown host may be called without the mesh.
                return routesEntry.Problem is { } problem ? new XdsUpdate<XdsConfig>.Failed(problem) : null;
            }
        }

        var clusters = Clusters(routes);
        return _isComplete
            ? new XdsUpdate<XdsConfig>.Ready(new XdsConfig { Name = name, Listener = listener, Routes = routes, Clusters = clusters })
            : null;
    }

    /// <summary>A server's listener, with the routes of its filter chains put in.</summary>
    public XdsUpdate<InboundConfig>? Inbound(string name)
    {
        var entry = Need(ResourceType.Listeners, name);
        if (entry.Config is not ListenerConfig listener)
        {
            return Absent<InboundConfig>(entry);
        }

        if (listener.Address is null)
        {
            return new XdsUpdate<InboundConfig>.Failed($"The listener '{name}' is one for clients: it has no address.");
        }

        if (listener.FilterChains.Any(static chain => chain.Match != FilterChainMatchConfig.Any))
        {
            // Nobody here picks chains by address yet; to take one for every caller could let in the wrong ones.
            return new XdsUpdate<InboundConfig>.Failed($"The listener '{name}' has filter chains that match by address or source, which this version does not support.");
        }

        var whole = listener with
        {
            FilterChains = [.. listener.FilterChains.Select(WithRoutes)],
            DefaultFilterChain = listener.DefaultFilterChain is { } fallback ? WithRoutes(fallback) : null,
        };
        return _isComplete ? new XdsUpdate<InboundConfig>.Ready(new InboundConfig { Name = name, Listener = whole }) : null;
    }

    private static XdsUpdate<T>? Absent<T>(CacheEntry entry)
        => entry.Problem is not { } problem ? null
            : entry.IsMissing ? new XdsUpdate<T>.Missing(problem)
            : new XdsUpdate<T>.Failed(problem);

    private FilterChainConfig WithRoutes(FilterChainConfig chain)
    {
        if (chain.Http.InlineRoutes is not null)
        {
            return chain;
        }

        var name = chain.Http.RouteConfigName ?? "";
        var entry = Need(ResourceType.Routes, name);
        _isComplete &= entry.Config is not null || entry.Problem is not null;

        // Routes that do not exist let nothing in (A36): a chain without virtual hosts matches no call.
        var routes = entry.Config as RouteConfig ?? new RouteConfig { Name = name };
        return chain with { Http = chain.Http with { InlineRoutes = routes } };
    }

    private FrozenDictionary<string, ClusterState> Clusters(RouteConfig routes)
    {
        var states = new Dictionary<string, ClusterState>(StringComparer.Ordinal);
        foreach (var host in routes.VirtualHosts)
        {
            foreach (var route in host.Routes)
            {
                if (route.Action is not ForwardActionConfig forward)
                {
                    continue;
                }

                foreach (var name in forward.Clusters.Select(static part => part.Cluster).Concat(forward.Mirrors.Select(static mirror => mirror.Cluster)))
                {
                    if (!states.ContainsKey(name))
                    {
                        states.Add(name, Cluster(name));
                    }
                }
            }
        }

        return states.ToFrozenDictionary(StringComparer.Ordinal);
    }

    private ClusterState Cluster(string name)
    {
        var entry = Need(ResourceType.Clusters, name);
        if (entry.Config is not ClusterConfig cluster)
        {
            _isComplete &= entry.Problem is not null;
            return new ClusterState { Error = entry.Problem };
        }

        if (cluster.Discovery == ClusterDiscovery.Static)
        {
            return new ClusterState { Config = cluster, Endpoints = cluster.InlineEndpoints };
        }

        if (cluster.Discovery != ClusterDiscovery.Eds)
        {
            return new ClusterState { Config = cluster, Error = $"The cluster '{name}' is one of DNS or an aggregate, which this version does not resolve." };
        }

        var endpoints = Need(ResourceType.Endpoints, cluster.EdsName);
        _isComplete &= endpoints.Config is not null || endpoints.Problem is not null;
        return new ClusterState { Config = cluster, Endpoints = endpoints.Config as EndpointsConfig, Error = endpoints.Problem };
    }

    private CacheEntry Need(ResourceType type, string name)
    {
        var entry = cache.Need(type, name, out var isNew);
        _needed.Add(entry);
        if (isNew)
        {
            Added.Add(entry);
        }

        return entry;
    }
}
