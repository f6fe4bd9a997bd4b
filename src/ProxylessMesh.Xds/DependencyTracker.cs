using System.Collections.Frozen;
using System.Collections.Immutable;
using ProxylessMesh.Xds.Client;
using ProxylessMesh.Xds.Matching;
using ProxylessMesh.Xds.Resources;

namespace ProxylessMesh.Xds;

/// <summary>
/// Walks from a listener to everything that it leads to (gRFC A74). Each walk notes the names that it needs and says what watchers
/// should hear: a whole config, or why there is none, or null: something is still on its way.
/// </summary>
internal sealed class DependencyTracker(ResourceCache cache, NameCache names, DnsEndpoints dnsEndpoints)
{
    // A37: an aggregate of aggregates of … is followed this far.
    private const int MaxAggregateDepth = 16;

    private readonly HashSet<CacheEntry> _needed = [];
    private readonly HashSet<NameEntry> _neededNames = [];
    private bool _isComplete = true;
    private bool _hasCluster;

    /// <summary>What the last walk needed.</summary>
    public IReadOnlySet<CacheEntry> Needed => _needed;

    /// <summary>The host names that the last walk needed.</summary>
    public IReadOnlySet<NameEntry> NeededNames => _neededNames;

    /// <summary>Names that were not in the cache before the last walk.</summary>
    public List<CacheEntry> Added { get; } = [];

    /// <summary>
    /// What the last walk to a target would give without the clusters that are still on their way, which then are errors; null: the walk was
    /// complete, or no cluster is there.
    /// </summary>
    public XdsUpdate<XdsConfig>? Partial { get; private set; }

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

        var update = new XdsUpdate<XdsConfig>.Ready(new XdsConfig { Name = name, Listener = listener, Routes = routes, Clusters = Clusters(routes, name) });
        if (_isComplete)
        {
            return update;
        }

        Partial = _hasCluster ? update : null;
        return null;
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

    /// <summary>
    /// The clusters that calls to this authority can reach: those of the virtual host in force, with the ones that copies go to and
    /// those underneath an aggregate. A host for other names keeps nobody waiting.
    /// </summary>
    private FrozenDictionary<string, ClusterState> Clusters(RouteConfig routes, string authority)
    {
        var states = new Dictionary<string, ClusterState>(StringComparer.Ordinal);
        foreach (var route in VirtualHostMatcher.Find(routes.VirtualHosts, authority)?.Routes ?? [])
        {
            if (route.Action is not ForwardActionConfig forward)
            {
                continue;
            }

            foreach (var part in forward.Clusters)
            {
                Add(part.Cluster, 0, states);
            }

            foreach (var mirror in forward.Mirrors)
            {
                Add(mirror.Cluster, 0, states);
            }
        }

        foreach (var (name, state) in states.ToArray())
        {
            if (state.Config?.Discovery == ClusterDiscovery.Aggregate)
            {
                states[name] = WithLeaves(name, state, states);
            }
        }

        return states.ToFrozenDictionary(StringComparer.Ordinal);
    }

    private void Add(string name, int depth, Dictionary<string, ClusterState> states)
    {
        if (depth > MaxAggregateDepth || states.ContainsKey(name))
        {
            return;
        }

        var state = Cluster(name);
        _hasCluster |= state is { Error: null, Config.Discovery: not ClusterDiscovery.Aggregate };
        states.Add(name, state);
        foreach (var underlying in state.Config?.AggregateOf ?? [])
        {
            Add(underlying, depth + 1, states);
        }
    }

    /// <summary>The clusters underneath in the order of priority. One that is reached twice counts where it is first; a loop adds nothing (A37).</summary>
    private static ClusterState WithLeaves(string name, ClusterState state, Dictionary<string, ClusterState> states)
    {
        var leaves = ImmutableArray.CreateBuilder<string>();
        var fits = Collect(name, 0, states, new HashSet<string>(StringComparer.Ordinal), leaves);
        var error = !fits ? $"The aggregate cluster '{name}' is more than {MaxAggregateDepth} aggregates deep."
            : leaves.Count == 0 ? $"The aggregate cluster '{name}' has no cluster underneath but itself."
            : null;
        return state with { Leaves = error is null ? leaves.ToImmutable() : [], Error = error };
    }

    private static bool Collect(string name, int depth, Dictionary<string, ClusterState> states, HashSet<string> seen, ImmutableArray<string>.Builder leaves)
    {
        if (depth >= MaxAggregateDepth)
        {
            return false;
        }

        if (!seen.Add(name))
        {
            return true;
        }

        if (states.GetValueOrDefault(name)?.Config is not { Discovery: ClusterDiscovery.Aggregate } aggregate)
        {
            leaves.Add(name);
            return true;
        }

        foreach (var underlying in aggregate.AggregateOf)
        {
            if (!Collect(underlying, depth + 1, states, seen, leaves))
            {
                return false;
            }
        }

        return true;
    }

    private ClusterState Cluster(string name)
    {
        var entry = Need(ResourceType.Clusters, name);
        if (entry.Config is not ClusterConfig cluster)
        {
            _isComplete &= entry.Problem is not null;
            return new ClusterState { Error = entry.Problem ?? Awaited(entry) };
        }

        switch (cluster.Discovery)
        {
            case ClusterDiscovery.Static:
                return new ClusterState { Config = cluster, Endpoints = cluster.InlineEndpoints };
            case ClusterDiscovery.Aggregate:
                return new ClusterState { Config = cluster };
            case ClusterDiscovery.StrictDns or ClusterDiscovery.LogicalDns when cluster.Dns is { } dns:
                return Resolved(cluster, dns);
            default:
                var endpoints = Need(ResourceType.Endpoints, cluster.EdsName);
                _isComplete &= endpoints.Config is not null || endpoints.Problem is not null;
                return new ClusterState { Config = cluster, Endpoints = endpoints.Config as EndpointsConfig, Error = endpoints.Config is null ? endpoints.Problem ?? Awaited(endpoints) : null };
        }
    }

    private static string Awaited(CacheEntry entry) => $"The management server has not spoken about the {ResourceCache.Describe(entry)} yet.";

    /// <summary>A DNS cluster waits for the first answer about each of its names; a name that does not resolve is only missing from the rest.</summary>
    private ClusterState Resolved(ClusterConfig cluster, DnsConfig dns)
    {
        var entries = dns.Names.Select(name => names.Need(name.Host, dns.RefreshRate)).ToArray();
        _neededNames.UnionWith(entries);
        _isComplete &= entries.All(static entry => entry.IsAnswered);
        var isEmpty = entries.All(static entry => entry.Addresses.IsDefault);
        return isEmpty && entries.Length > 0
            ? new ClusterState { Config = cluster, Error = entries[0].Problem ?? $"The name '{entries[0].Host}' has not been resolved yet." }
            : new ClusterState { Config = cluster, Endpoints = dnsEndpoints.Of(cluster, dns, entries) };
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
