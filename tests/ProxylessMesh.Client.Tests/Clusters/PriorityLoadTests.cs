using ProxylessMesh.Client.Clusters;
using ProxylessMesh.Xds.Resources;
using static ProxylessMesh.Client.Tests.Clusters.Picking;

namespace ProxylessMesh.Client.Tests.Clusters;

public sealed class PriorityLoadTests : IDisposable
{
    private readonly Picking _picking = new();

    public void Dispose() => _picking.Dispose();

    // The numbers of Envoy's documentation ("Priority levels"): percent of healthy endpoints in each, and the calls that each gets.
    [Theory]
    [InlineData(new[] { 100, 100 }, new[] { 100, 0 })]
    [InlineData(new[] { 72, 72 }, new[] { 100, 0 })]
    [InlineData(new[] { 71, 71 }, new[] { 99, 1 })]
    [InlineData(new[] { 50, 50 }, new[] { 70, 30 })]
    [InlineData(new[] { 25, 100 }, new[] { 35, 65 })]
    [InlineData(new[] { 25, 25 }, new[] { 50, 50 })]
    [InlineData(new[] { 0, 100 }, new[] { 0, 100 })]
    [InlineData(new[] { 20, 20, 10 }, new[] { 40, 40, 20 })]
    [InlineData(new[] { 50, 50, 10 }, new[] { 70, 30, 0 })]
    [InlineData(new[] { 0, 0, 100 }, new[] { 0, 0, 100 })]
    public void Calls_spill_to_the_next_priority_as_in_envoy(int[] healthy, int[] shares)
    {
        var divided = PriorityLoad.Divide(Array.ConvertAll(healthy, static percent => new PriorityHealth(percent, 100, 140, null)));

        Assert.Equal(shares, divided.Select(static share => share.Percent));
        Assert.DoesNotContain(true, divided.Select(static share => share.IsPanic));
    }

    // Envoy's documentation of the panic threshold, at its default of 50; what rounding leaves over goes to the first.
    [Theory]
    [InlineData(new[] { 72, 72 }, new[] { 100, 0 }, new[] { false, false })]
    [InlineData(new[] { 50, 60 }, new[] { 70, 30 }, new[] { false, false })]
    [InlineData(new[] { 25, 100 }, new[] { 35, 65 }, new[] { false, false })]
    [InlineData(new[] { 25, 25 }, new[] { 50, 50 }, new[] { true, true })]
    [InlineData(new[] { 5, 65 }, new[] { 8, 92 }, new[] { true, false })]
    [InlineData(new[] { 0, 0 }, new[] { 50, 50 }, new[] { true, true })]
    public void Priorities_panic_only_when_all_together_are_not_enough(int[] healthy, int[] shares, bool[] panic)
    {
        var divided = PriorityLoad.Divide(Array.ConvertAll(healthy, static percent => new PriorityHealth(percent, 100, 140, 50)));

        Assert.Equal(shares.Zip(panic), divided.Select(static share => (share.Percent, share.IsPanic)));
    }

    [Fact]
    public void Total_panic_goes_by_the_number_of_endpoints()
        => Assert.Equal([new PriorityShare(75, true), new PriorityShare(25, true)], PriorityLoad.Divide([new PriorityHealth(0, 30, 140, 50), new PriorityHealth(2, 10, 140, 50)]));

    [Fact]
    public void Without_a_factor_the_first_priority_that_has_anybody_takes_all()
    {
        Assert.Equal([100, 0], PriorityLoad.Divide([new PriorityHealth(1, 100, null, null), new PriorityHealth(9, 9, null, null)]).Select(static share => share.Percent));
        Assert.Equal([0, 100], PriorityLoad.Divide([new PriorityHealth(0, 100, null, null), new PriorityHealth(1, 9, null, null)]).Select(static share => share.Percent));
        Assert.Equal([0, 0], PriorityLoad.Divide([new PriorityHealth(0, 100, null, null), new PriorityHealth(0, 9, null, null)]).Select(static share => share.Percent));
    }

    [Fact]
    public void Picks_spill_by_these_shares()
    {
        var cluster = _picking.Cluster(new LoadBalancerConfig(), 140, Locality("a", 0, 1, Range(4)), Locality("b", 1, 1, Endpoint(5)));
        cluster.Members.BackOff(Find(cluster, 1));
        cluster.Members.BackOff(Find(cluster, 2));

        // Half of four are well: 70 %.
        var counts = Count(cluster, 5, 20_000);
        AssertShares([70, 30], [counts[..4].Sum(), counts[4]]);
        Assert.Equal(0, counts[0] + counts[1]);
    }

    [Fact]
    public void Panic_uses_everybody_even_those_the_control_plane_calls_unhealthy()
    {
        var sick = Endpoint(4) with { Health = EndpointHealth.Unhealthy };
        var calm = _picking.Cluster(new LoadBalancerConfig { PanicThreshold = 50 }, 140, Locality("a", 0, 1, [.. Range(3), sick]));
        Assert.Equal(0, Count(calm, 4, 100)[3]);

        calm.Members.BackOff(Find(calm, 1));
        calm.Members.BackOff(Find(calm, 2));

        Assert.All(Count(calm, 4, 100), static count => Assert.Equal(25, count));
    }

    [Fact]
    public void Threshold_0_means_that_calls_fail_when_all_are_ejected()
    {
        var fails = _picking.Table.Acquire(State("a", new LoadBalancerConfig { PanicThreshold = 0 }, 140, Locality("a", 0, 1, Range(2))))!;
        var goes = _picking.Table.Acquire(State("b", new LoadBalancerConfig(), 140, Locality("a", 0, 1, Range(2))))!;
        foreach (var cluster in new[] { fails, goes })
        {
            foreach (var endpoint in cluster.Endpoints)
            {
                endpoint.Outlier.Eject(_picking.Time.GetTimestamp(), new OutlierDetectionConfig());
                cluster.Members.BackOff(endpoint);
            }
        }

        Assert.Null(fails.Pick());
        Assert.NotNull(goes.Pick());
    }

    [Fact]
    public void Locality_that_lost_more_than_overprovisioning_makes_up_for_gets_less()
    {
        var cluster = _picking.Cluster(new LoadBalancerConfig(), 140, Locality("a", 0, 1, Range(4)), Locality("b", 0, 1, Endpoint(5), Endpoint(6)));
        cluster.Members.BackOff(Find(cluster, 1));
        cluster.Members.BackOff(Find(cluster, 2));

        var counts = Count(cluster, 6, 20_000);

        AssertShares([0.7, 1], [counts[..4].Sum(), counts[4..].Sum()]);
    }

    [Fact]
    public void Without_locality_weights_a_priority_is_one_group()
    {
        var cluster = _picking.Cluster(new LoadBalancerConfig { ByLocalityWeight = false }, null, Locality("a", 0, 100, Range(3)), Locality("b", 0, 1, Endpoint(4)));

        Assert.All(Count(cluster, 4, 400), static count => Assert.Equal(100, count));
    }

    [Fact]
    public void Own_zone_takes_all_it_has_room_for_and_the_rest_goes_where_room_is()
    {
        using var picking = new Picking(new ClientTraits("r", "a", "", 1));
        var balancer = new LoadBalancerConfig { ByLocalityWeight = false, ZoneAware = new ZoneAwareConfig(6) };

        // As many endpoints as callers: a third each.
        var even = picking.Table.Acquire(State("even", balancer, 140, Locality("a", 0, 1, Range(2)), Locality("b", 0, 1, Endpoint(3), Endpoint(4)), Locality("c", 0, 1, Endpoint(5), Endpoint(6))))!;
        Assert.Equal(600, Count(even, 6, 600)[..2].Sum());

        // Here 1 of 8 for a third of the callers: 3 of 8 stay; b has 2/8 - 1/3, none; c has 5/8 - 1/3.
        var scarce = picking.Table.Acquire(State("scarce", balancer, 140, Locality("a", 0, 1, Endpoint(1)), Locality("b", 0, 1, Endpoint(2), Endpoint(3)), Locality("c", 0, 1, [.. Range(8)[3..]])))!;
        var counts = Count(scarce, 8, 20_000);
        AssertShares([3.0 / 8, 0, 5.0 / 8], [counts[0], counts[1] + counts[2], counts[3..].Sum()]);

        var small = picking.Table.Acquire(State("small", balancer, 140, Locality("a", 0, 1, Range(2)), Locality("b", 0, 1, Endpoint(3), Endpoint(4))))!;
        Assert.All(Count(small, 4, 400), static count => Assert.Equal(100, count));
    }

    [Fact]
    public void Aggregate_cluster_goes_from_one_cluster_to_the_next()
    {
        var primary = State("primary", new LoadBalancerConfig(), null, Locality("a", 0, 1, Endpoint(1)), Locality("b", 1, 1, Endpoint(2)));
        var backup = State("backup", new LoadBalancerConfig { Kind = LoadBalancerKind.Random }, null, Locality("a", 0, 1, Endpoint(3)));
        var both = new Xds.ClusterState { Config = new ClusterConfig { Name = "both", Discovery = ClusterDiscovery.Aggregate, AggregateOf = ["primary", "missing", "backup"] } };
        var all = new Dictionary<string, Xds.ClusterState> { ["primary"] = primary, ["backup"] = backup, ["both"] = both };

        var cluster = _picking.Table.Acquire(both, all)!;

        Assert.Same(cluster, _picking.Table.Acquire(both, all));
        for (var number = 1; number <= 3; number++)
        {
            var picked = cluster.Pick()!;
            Assert.Equal(number, NumberOf(picked));
            Assert.Equal(number < 3 ? "primary" : "backup", picked.Owner.Name);
            picked.Owner.BackOff(picked);
        }

        _picking.Table.Release(cluster);
        var last = cluster.Leaves[1].Endpoints.Single();
        Assert.False(last.IsRemoved);
        _picking.Table.Release(cluster);
        Assert.True(last.IsRemoved);
    }

    [Fact]
    public void Drops_take_their_share_one_category_after_the_other()
    {
        var endpoints = new EndpointsConfig { Name = "x", Drops = [("throttle", 200_000), ("lb", 500_000)] };
        var drops = CallDrops.Of(endpoints)!;

        var drawn = Enumerable.Range(0, 50_000).Select(_ => drops.Draw() ?? "").CountBy(static category => category).ToDictionary();

        AssertShares([0.2, 0.4, 0.4], [drawn["throttle"], drawn["lb"], drawn[""]]);
        Assert.Null(CallDrops.Of(endpoints with { Drops = [("none", 0)] }));
    }

    [Fact]
    public void Session_leads_home_as_far_as_the_config_allows()
    {
        var draining = Endpoint(3) with { Health = EndpointHealth.Draining };
        var strict = _picking.Cluster(new LoadBalancerConfig(), [.. Range(2), draining]);
        var both = _picking.Table.Acquire(State("both", new LoadBalancerConfig { Sessions = SessionHosts.Healthy | SessionHosts.Draining }, null, Locality("a", 0, 1, [.. Range(2), draining])))!;

        Assert.All(Enumerable.Range(0, 20), _ => Assert.Equal(2, NumberOf(strict.Pick(new PickInput { Session = "10.0.0.2:80" })!)));
        Assert.NotEqual(3, NumberOf(strict.Pick(new PickInput { Session = "10.0.0.3:80" })!));
        Assert.Equal(3, NumberOf(both.Pick(new PickInput { Session = "10.0.0.3:80" })!));

        strict.Members.BackOff(Find(strict, 2));
        Assert.Equal(1, NumberOf(strict.Pick(new PickInput { Session = "10.0.0.2:80" })!));
    }
}
