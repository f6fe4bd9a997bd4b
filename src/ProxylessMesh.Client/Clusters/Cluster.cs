using ProxylessMesh.Xds.Resources;

namespace ProxylessMesh.Client.Clusters;

/// <summary>A named group of endpoints and the policy that picks among them, compiled from one accepted config.</summary>
/// <remarks>
/// Endpoints that are ejected, or that no connection could be made to, are left out of <see cref="PickTable"/>; it is built anew by the
/// first pick after such a change, so that picks themselves look at nothing but load.
/// </remarks>
internal sealed class Cluster
{
    private readonly ClusterLocality[] _localities;
    private readonly Balancer _balancer;
    private readonly Lock _rebuild = new();
    private PickTable _table;

    public Cluster(ClusterMembers members, ClusterConfig config, EndpointsConfig? endpointsConfig, ClusterLocality[] localities)
    {
        Members = members;
        Config = config;
        EndpointsConfig = endpointsConfig;
        _localities = localities;
        _balancer = Balancer.For(config.LoadBalancer);
        _table = Build();
    }

    public string Name => Config.Name;

    public ClusterConfig Config { get; }

    public EndpointsConfig? EndpointsConfig { get; }

    /// <summary>The long-lived side: counters and ejections, the same for every config of this cluster.</summary>
    public ClusterMembers Members { get; }

    /// <summary>All endpoints that calls may run on, for release when this config goes.</summary>
    public IEnumerable<ClusterEndpoint> Endpoints => _localities.SelectMany(static locality => locality.Healthy.Concat(locality.Draining));

    /// <returns>Null when the cluster has nobody who takes calls.</returns>
    public ClusterEndpoint? Pick()
    {
        var group = Table().PickGroup();
        return group is null ? null : _balancer.Pick(group);
    }

    /// <summary>Picks for one attempt of a call.</summary>
    public ClusterEndpoint? Pick(in PickInput input)
        => input.Session is { } session && Find(session) is { } home ? home : input.Tried is null ? Pick() : Pick(input.Tried);

    /// <summary>The endpoint of a session, if it still takes calls; one that drains goes on with the sessions that it has (gRFC A55).</summary>
    private ClusterEndpoint? Find(string name)
    {
        foreach (var locality in _localities)
        {
            var found = Array.Find(locality.Healthy, endpoint => endpoint.Name == name) ?? Array.Find(locality.Draining, endpoint => endpoint.Name == name);
            if (found is not null)
            {
                return found.IsAvailable ? found : null;
            }
        }

        return null;
    }

    /// <summary>Picks for a retry: somebody who was not tried yet, where there is one.</summary>
    public ClusterEndpoint? Pick(List<ClusterEndpoint> tried)
    {
        var picked = Pick();
        for (var i = 0; i < 3 && picked is not null && tried.Contains(picked); i++)
        {
            picked = Pick();
        }

        if (picked is null || !tried.Contains(picked))
        {
            return picked;
        }

        foreach (var group in Table().Groups)
        {
            foreach (var endpoint in group.Endpoints)
            {
                if (!tried.Contains(endpoint))
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
        return table.Version == Members.AvailabilityVersion ? table : Rebuild();
    }

    private PickTable Rebuild()
    {
        lock (_rebuild)
        {
            if (_table.Version != Members.AvailabilityVersion)
            {
                Volatile.Write(ref _table, Build());
            }

            return _table;
        }
    }

    // The first priority that has somebody; when all are out, all are used (panic); when all drain, those: a call to somebody who is
    // about to stop is better than none.
    private PickTable Build()
    {
        var version = Members.AvailabilityVersion;
        var groups = FirstPriority(static locality => Array.FindAll(locality.Healthy, static endpoint => endpoint.IsAvailable))
            ?? FirstPriority(static locality => locality.Healthy)
            ?? FirstPriority(static locality => locality.Draining)
            ?? [];
        return new PickTable(version, groups);
    }

    private PickGroup[]? FirstPriority(Func<ClusterLocality, ClusterEndpoint[]> members)
    {
        foreach (var priority in _localities.GroupBy(static locality => locality.Priority).OrderBy(static priority => priority.Key))
        {
            PickGroup[] groups = [.. priority
                .Select(locality => new PickGroup(Math.Max(1, locality.Weight), members(locality)))
                .Where(static group => group.Endpoints.Length > 0)];
            if (groups.Length > 0)
            {
                return groups;
            }
        }

        return null;
    }
}
