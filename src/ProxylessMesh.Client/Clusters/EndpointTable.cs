using Microsoft.Extensions.Logging;
using ProxylessMesh.Client.Telemetry;
using ProxylessMesh.Xds;
using ProxylessMesh.Xds.Resources;

namespace ProxylessMesh.Client.Clusters;

/// <summary>
/// The endpoints of this process, by cluster, address and expected peers. Compiled clusters come and go; what they share stays here,
/// counted, so that connections and ejections survive a push and an endpoint that nobody uses any more drains.
/// </summary>
/// <remarks>Transports are made by the function given: this folder knows nothing of connections.</remarks>
internal sealed class EndpointTable(Func<ClusterConfig, EndpointConfig, bool, HttpMessageInvoker> transports, TimeProvider time, MeshMeter meter, ILogger<EndpointTable> logger, ClientTraits? client = null)
{
    private readonly Lock _lock = new();
    private readonly ClientTraits _client = client ?? ClientTraits.Unknown;
    private readonly Dictionary<string, ClusterMembers> _clusters = [];

    /// <summary>Compiles a cluster, or hands out the one compiled before from the very same config.</summary>
    /// <param name="state">The cluster.</param>
    /// <param name="others">Where those underneath an aggregate cluster are found; null: there are none.</param>
    /// <returns>Null when the cluster is not there. Give it back by <see cref="Release"/>.</returns>
    public Cluster? Acquire(ClusterState state, IReadOnlyDictionary<string, ClusterState>? others = null)
    {
        lock (_lock)
        {
            return AcquireLocked(state, others);
        }
    }

    public void Release(Cluster cluster)
    {
        lock (_lock)
        {
            ReleaseLocked(cluster);
        }
    }

    private Cluster? AcquireLocked(ClusterState state, IReadOnlyDictionary<string, ClusterState>? others)
    {
        if (state.Config is not { } config)
        {
            return null;
        }

        var leaves = AcquireLeavesLocked(config, others);
        var endpoints = state.Endpoints ?? config.InlineEndpoints;
        if (!_clusters.TryGetValue(config.Name, out var members))
        {
            members = new ClusterMembers(config.Name, time, meter, logger);
            _clusters.Add(config.Name, members);
        }

        var index = members.Compiled.FindIndex(entry
            => ReferenceEquals(entry.Cluster.Config, config) && ReferenceEquals(entry.Cluster.EndpointsConfig, endpoints) && entry.Cluster.Leaves.SequenceEqual(leaves));
        if (index >= 0)
        {
            Array.ForEach(leaves, ReleaseLocked);
            members.Compiled[index] = (members.Compiled[index].Cluster, members.Compiled[index].Uses + 1);
            return members.Compiled[index].Cluster;
        }

        var cluster = CompileLocked(members, config, endpoints, leaves);
        members.Compiled.Add((cluster, 1));
        members.MembersChanged();
        members.Use(config);
        return cluster;
    }

    private void ReleaseLocked(Cluster cluster)
    {
        var members = cluster.Members;
        var index = members.Compiled.FindIndex(entry => ReferenceEquals(entry.Cluster, cluster));
        var uses = members.Compiled[index].Uses - 1;
        members.Compiled[index] = (cluster, uses);
        if (uses > 0)
        {
            return;
        }

        members.Compiled.RemoveAt(index);
        ReleaseEndpointsLocked(members, cluster);
        members.MembersChanged();
        if (members.Compiled.Count == 0)
        {
            _clusters.Remove(members.Name);
            members.Dispose();
        }

        Array.ForEach(cluster.Leaves, ReleaseLocked);
    }

    // Depth first, each once (gRFC A37). One that is not there is left out: the others carry the calls.
    private Cluster[] AcquireLeavesLocked(ClusterConfig config, IReadOnlyDictionary<string, ClusterState>? others)
    {
        if (config.AggregateOf.IsDefaultOrEmpty || others is null)
        {
            return [];
        }

        var leaves = new List<ClusterState>();
        AddLeaves(config, others, leaves, [config.Name]);
        return [.. leaves.Select(leaf => AcquireLocked(leaf, null)).OfType<Cluster>()];
    }

    private static void AddLeaves(ClusterConfig config, IReadOnlyDictionary<string, ClusterState> others, List<ClusterState> leaves, HashSet<string> seen)
    {
        foreach (var name in config.AggregateOf)
        {
            if (!seen.Add(name) || !others.TryGetValue(name, out var state) || state.Config is not { } below)
            {
                continue;
            }

            if (below.Discovery == ClusterDiscovery.Aggregate)
            {
                AddLeaves(below, others, leaves, seen);
            }
            else
            {
                leaves.Add(state);
            }
        }
    }

    private Cluster CompileLocked(ClusterMembers members, ClusterConfig config, EndpointsConfig? endpoints, Cluster[] leaves)
    {
        var kept = Kept(config);
        var secured = Peers(config.Tls) + kept;
        var used = endpoints is null ? [] : EndpointSubset.Of(endpoints, config.LoadBalancer, _client.Seed).Localities;
        ClusterLocality[] localities =
        [
            .. used.Select(locality => ClusterLocality.Compile(locality, config.LoadBalancer, endpoint => AcquireEndpointLocked(members, config, endpoint, kept, secured))),
        ];
        return new Cluster(members, config, endpoints, localities, leaves, _client);
    }

    private ClusterEndpoint AcquireEndpointLocked(ClusterMembers members, ClusterConfig config, EndpointConfig endpoint, string kept, string secured)
    {
        // Whether a workload takes mesh TLS is its own to say; a server of the world is met as the cluster says.
        var isTls = config.Tls is { } tls && (!tls.IsMesh || (endpoint.MeshTls ?? true));
        var connection = isTls ? secured : kept;
        if (!endpoint.AdditionalAddresses.IsDefaultOrEmpty || config.Tls is { AutoHostSni: true })
        {
            connection = $"{connection}\n{endpoint.Hostname}\n{string.Join(',', endpoint.AdditionalAddresses)}";
        }

        var key = new EndpointKey(endpoint.Address, isTls, connection);
        if (!members.Table.TryGetValue(key, out var entry))
        {
            var meshTls = isTls && config.Tls!.IsMesh;
            var http2 = meshTls || config.Http2;
            entry = (new ClusterEndpoint(config.Name, endpoint.Address, meshTls, transports(config, endpoint, isTls))
            {
                Owner = members,
                JoinedAt = time.GetTimestamp(),
                IsTls = isTls,
                Key = key,
                CallsPerConnection = http2 ? config.Connection.MaxConcurrentStreams ?? long.MaxValue : 1,
            }, 0);
            entry.Endpoint.Connections.Join(members.Connections);
        }

        entry.Endpoint.Hostname = endpoint.Hostname;
        entry.Endpoint.SpeaksHttp2 = config.Http2;
        members.Table[key] = (entry.Endpoint, entry.Uses + 1);
        return entry.Endpoint;
    }

    private static void ReleaseEndpointsLocked(ClusterMembers members, Cluster cluster)
    {
        foreach (var endpoint in cluster.Endpoints)
        {
            var key = endpoint.Key;
            var (_, uses) = members.Table[key];
            if (uses > 1)
            {
                members.Table[key] = (endpoint, uses - 1);
            }
            else
            {
                members.Table.Remove(key);
                endpoint.Remove();
            }
        }
    }

    // A connection that was made for other peers must not be used: a change of what is expected makes new endpoints.
    private static string Peers(UpstreamTlsConfig? tls)
        => tls is null
            ? ""
            : $"{string.Join('\n', tls.PeerNames)}\n{tls.ServerName}\n{string.Join(',', tls.AlpnProtocols)}\n{tls.IdentityProvider}\n{tls.RootProvider}\n{tls.UsesSystemRoots}\n{tls.TrustedCaPem}\n{tls.AutoHostSni}\n{tls.AutoSniSanValidation}\n{tls.RequiresTls13}";

    // So does a change of how they are kept: the transport takes its settings once.
    private static string Kept(ClusterConfig config) => $"\n{config.ConnectTimeout}\n{config.Connection}";
}
