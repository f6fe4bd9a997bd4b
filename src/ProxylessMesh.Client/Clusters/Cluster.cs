using ProxylessMesh.Xds.Resources;

namespace ProxylessMesh.Client.Clusters;

/// <summary>A named group of endpoints and the policy that picks among them, compiled from one accepted config.</summary>
/// <remarks>
/// Endpoints that are ejected, or that no connection could be made to, are left out of <see cref="PickTable"/>; it is built anew by the
/// first pick after such a change, so that picks themselves look at nothing but load. While one thread builds, the others use the table
/// before. An aggregate cluster has no endpoints of its own: its priorities are those of its <see cref="Leaves"/>, in order.
/// </remarks>
internal sealed class Cluster
{
    private readonly ClusterPriority[] _priorities;
    private readonly ClientTraits _client;
    private readonly Lock _rebuild = new();
    private PickTable _table;
    private SessionTable? _sessions;

    public Cluster(ClusterMembers members, ClusterConfig config, EndpointsConfig? endpointsConfig, ClusterLocality[] localities, Cluster[] leaves, ClientTraits client)
    {
        Members = members;
        Config = config;
        EndpointsConfig = endpointsConfig;
        Localities = localities;
        Leaves = leaves;
        _client = client;
        _priorities = leaves.Length > 0
            ? [.. leaves.SelectMany(static leaf => leaf._priorities)]
            : ClusterPriority.Compile(config.LoadBalancer, endpointsConfig, localities);
        Drops = leaves.Length > 0 ? CallDrops.Of(leaves[0].EndpointsConfig) : CallDrops.Of(endpointsConfig);
        _table = Build();
    }

    public string Name => Config.Name;

    public ClusterConfig Config { get; }

    public EndpointsConfig? EndpointsConfig { get; }

    /// <summary>The long-lived side: counters and ejections, the same for every config of this cluster.</summary>
    public ClusterMembers Members { get; }

    /// <summary>The clusters underneath an aggregate cluster (gRFC A37); empty otherwise.</summary>
    public Cluster[] Leaves { get; }

    /// <summary>Calls to be refused before anything else; null: none.</summary>
    public CallDrops? Drops { get; }

    public ClusterLocality[] Localities { get; }

    /// <summary>All endpoints that were made for this config, for release when it goes.</summary>
    public IEnumerable<ClusterEndpoint> Endpoints
        => Localities.SelectMany(static locality => locality.Healthy.Concat(locality.Draining).Concat(locality.Unhealthy)).Select(static member => member.Endpoint);

    /// <returns>Null when the cluster has nobody who takes calls.</returns>
    public ClusterEndpoint? Pick() => Table().Balancer(null)?.Pick(default);

    /// <summary>Picks for one attempt of a call.</summary>
    public ClusterEndpoint? Pick(in PickInput input)
    {
        if (input.Session is { } session && Sessions().Find(session) is { } home)
        {
            return home;
        }

        var table = Table();
        return input.Tried is { } tried ? Pick(table, input, tried) : table.Balancer(input.Hash)?.Pick(input);
    }

    // A retry goes to somebody who was not tried yet, where there is one.
    private static ClusterEndpoint? Pick(PickTable table, in PickInput input, List<ClusterEndpoint> tried)
    {
        var picked = table.Balancer(input.Hash)?.Pick(input);
        for (var i = 0; i < 3 && picked is not null && tried.Contains(picked); i++)
        {
            picked = table.Balancer(input.Hash)?.Pick(input);
        }

        if (picked is null || !tried.Contains(picked))
        {
            return picked;
        }

        foreach (var balancer in table.Balancers)
        {
            var endpoints = balancer.Endpoints;
            var start = Random.Shared.Next(endpoints.Length);
            for (var i = 0; i < endpoints.Length; i++)
            {
                var endpoint = endpoints[(start + i) % endpoints.Length];
                if (endpoint.IsAvailable && !tried.Contains(endpoint))
                {
                    return endpoint;
                }
            }
        }

        return picked;
    }

    private PickTable Table()
    {
        var table = Volatile.Read(ref _table);
        return table.Version == Version() ? table : Rebuild(table);
    }

    // Each part only grows, so the sum changes with every change.
    private long Version()
    {
        if (Leaves.Length == 0)
        {
            return Members.AvailabilityVersion;
        }

        var version = 0L;
        foreach (var leaf in Leaves)
        {
            version += leaf.Members.AvailabilityVersion;
        }

        return version;
    }

    private PickTable Rebuild(PickTable current)
    {
        if (!_rebuild.TryEnter())
        {
            return current;
        }

        try
        {
            if (_table.Version != Version())
            {
                Volatile.Write(ref _table, Build());
            }

            return _table;
        }
        finally
        {
            _rebuild.Exit();
        }
    }

    private PickTable Build() => PickTableCompiler.Compile(Version(), _priorities, new PickMoment(Members.Time, _client, Members.Meter));

    // Made by the first call that belongs to a session.
    private SessionTable Sessions() => _sessions ??= new SessionTable(_priorities);
}
