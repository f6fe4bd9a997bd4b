namespace ProxylessMesh.Client.Clusters;

/// <summary>Builds the table of a moment: priorities, panic, localities, zones and weights become balancers with shares.</summary>
internal static class PickTableCompiler
{
    /// <param name="version">The state of availability, read before.</param>
    /// <param name="priorities">From the first on; those of an aggregate cluster are its clusters' one after the other (gRFC A37).</param>
    /// <param name="moment">Clock and client.</param>
    public static PickTable Compile(long version, ClusterPriority[] priorities, PickMoment moment)
    {
        var groups = new List<(Balancer, double)>();
        var shares = PriorityLoad.Divide(Array.ConvertAll(priorities, static priority => priority.Health()));
        for (var i = 0; i < priorities.Length; i++)
        {
            if (shares[i].Percent > 0)
            {
                Add(groups, priorities[i], shares[i], moment);
            }
        }

        if (groups.Count == 0)
        {
            AddLastResort(groups, priorities, moment);
        }

        return new PickTable(version, groups);
    }

    private static void Add(List<(Balancer, double)> groups, ClusterPriority priority, PriorityShare share, PickMoment moment)
    {
        if (share.IsPanic)
        {
            AddGroups(groups, priority, share.Percent, static locality => [.. locality.Healthy, .. locality.Unhealthy], isPanic: true, moment);
        }
        else
        {
            AddGroups(groups, priority, share.Percent, Available, isPanic: false, moment);
        }
    }

    // When all are out all are used, unless the config says to fail then (threshold 0): an endpoint that could not be connected to is
    // still asked, as nobody but this process holds that against it. When all drain, those: a call to somebody who is about to stop is
    // better than none.
    private static void AddLastResort(List<(Balancer, double)> groups, ClusterPriority[] priorities, PickMoment moment)
    {
        Func<ClusterLocality, LocalityMember[]>[] resorts =
        [
            Array.Exists(priorities, static priority => priority.Balancer.PanicThreshold == 0)
                ? static locality => Array.FindAll(locality.Healthy, static member => !member.Endpoint.Outlier.IsEjected && !member.Endpoint.Health.IsFailing)
                : static locality => locality.Healthy,
            static locality => locality.Draining,
        ];
        foreach (var resort in resorts)
        {
            foreach (var priority in priorities)
            {
                AddGroups(groups, priority, 100, resort, isPanic: true, moment);
                if (groups.Count > 0)
                {
                    return;
                }
            }
        }
    }

    private static void AddGroups(
        List<(Balancer, double)> groups, ClusterPriority priority, double share, Func<ClusterLocality, LocalityMember[]> select, bool isPanic, PickMoment moment)
    {
        var config = priority.Balancer;
        if (priority.HashTable is { } table && !isPanic)
        {
            groups.Add((new HashBalancer(table, ignoresAvailability: false), share));
            return;
        }

        var members = Array.ConvertAll(priority.Localities, locality => select(locality));
        if (HashTable.IsUsedBy(config.Kind))
        {
            if (HashTable.Build(config, [.. members.SelectMany(static locality => locality)]) is { } panic)
            {
                groups.Add((new HashBalancer(panic, ignoresAvailability: true), share));
            }
        }
        else if (Shares(priority, members, isPanic, moment.Client) is { } shares)
        {
            AddLocalities(groups, priority, members, shares, share, moment);
        }
        else if (Array.Exists(members, static locality => locality.Length > 0))
        {
            groups.Add((Balancer.For(config, [.. members.SelectMany(static locality => locality)], moment), share));
        }
    }

    private static void AddLocalities(List<(Balancer, double)> groups, ClusterPriority priority, LocalityMember[][] members, double[] shares, double share, PickMoment moment)
    {
        var total = shares.Sum();
        for (var i = 0; i < members.Length; i++)
        {
            if (members[i].Length > 0 && shares[i] > 0)
            {
                groups.Add((Balancer.For(priority.Balancer, members[i], moment), share * shares[i] / total));
            }
        }
    }

    // Null: localities do not count.
    private static double[]? Shares(ClusterPriority priority, LocalityMember[][] members, bool isPanic, ClientTraits client)
    {
        if (priority.Balancer.ByLocalityWeight)
        {
            var weights = new double[members.Length];
            for (var i = 0; i < weights.Length; i++)
            {
                weights[i] = members[i].Length == 0 ? 0 : Weight(priority, priority.Localities[i], isPanic);
            }

            return weights;
        }

        if (priority.Balancer.ZoneAware is not { } zones || priority.Level > 0 || isPanic)
        {
            return null;
        }

        var localities = new (Xds.Resources.LocalityConfig, int)[members.Length];
        for (var i = 0; i < localities.Length; i++)
        {
            localities[i] = (priority.Localities[i].Config, members[i].Length);
        }

        return ZoneShares.Of(zones, client, localities);
    }

    // Envoy: a locality that lost more than overprovisioning makes up for gets as much less. gRPC: all of its weight while it has anybody.
    private static double Weight(ClusterPriority priority, ClusterLocality locality, bool isPanic)
    {
        var weight = (double)Math.Max(1, locality.Config.Weight);
        return isPanic || priority.OverprovisioningFactor is not { } factor
            ? weight
            : weight * Math.Min(1, factor / 100.0 * ClusterPriority.CountAvailable(locality) / Math.Max(1, locality.Total));
    }

    private static LocalityMember[] Available(ClusterLocality locality) => Array.FindAll(locality.Healthy, static member => member.Endpoint.IsAvailable);
}
