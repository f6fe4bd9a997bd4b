using ProxylessMesh.Client.Clusters;
using ProxylessMesh.Xds.Resources;
using static ProxylessMesh.Client.Tests.Clusters.Picking;

namespace ProxylessMesh.Client.Tests.Clusters;

public sealed class SlowStartTests : IDisposable
{
    private static readonly SlowStartConfig Minute = new(TimeSpan.FromSeconds(60), 1, 10);

    private readonly Picking _picking = new();

    public void Dispose() => _picking.Dispose();

    [Theory]
    [InlineData(0, 1.0, 0.1)]
    [InlineData(3, 1.0, 0.1)]
    [InlineData(30, 1.0, 0.5)]
    [InlineData(60, 1.0, 1.0)]
    [InlineData(600, 1.0, 1.0)]
    [InlineData(15, 2.0, 0.5)]
    [InlineData(30, 0.5, 0.25)]
    public void Share_grows_over_the_window_by_the_formula_of_envoy(int seconds, double aggression, double share)
        => Assert.Equal(share, SlowStart.Share(Minute with { Aggression = aggression }, TimeSpan.FromSeconds(seconds)), 9);

    [Theory]
    [InlineData(nameof(LoadBalancerKind.RoundRobin))]
    [InlineData(nameof(LoadBalancerKind.LeastRequest))]
    public void New_endpoint_gets_more_and_more_until_its_full_share(string kind)
    {
        var balancer = new LoadBalancerConfig { Kind = Enum.Parse<LoadBalancerKind>(kind), SlowStart = Minute };
        _picking.Cluster(balancer, Range(2));
        _picking.Time.Advance(TimeSpan.FromMinutes(5));

        var cluster = _picking.Cluster(balancer, Range(3));
        AssertShares([1, 1, 0.1], Count(cluster, 3, 10_000));

        Advance(30);
        AssertShares([1, 1, 0.5], Count(cluster, 3, 10_000));

        Advance(40);
        AssertShares([1, 1, 1], Count(cluster, 3, 9_000));
    }

    [Fact]
    public void Cluster_without_it_has_no_timer_that_builds_its_table_anew()
    {
        var cluster = _picking.Cluster(new LoadBalancerConfig(), Range(2));
        var before = cluster.Members.AvailabilityVersion;

        Advance(60);

        Assert.Equal(before, cluster.Members.AvailabilityVersion);
    }

    [Fact]
    public void Subset_is_as_large_as_asked_and_one_change_changes_at_most_one()
    {
        var balancer = new LoadBalancerConfig { ByLocalityWeight = false, SubsetSize = 5 };
        var uses = new int[51];
        for (var seed = 0; seed < 400; seed++)
        {
            using var picking = new Picking(ClientTraits.Unknown with { Seed = seed });
            var all = Subset(picking, balancer, Range(50));
            var fewer = Subset(picking, balancer, [.. Range(50).Where((_, i) => i != 7)]);
            Assert.Equal(5, all.Count);
            Assert.InRange(all.Except(fewer).Count(), 0, 1);
            foreach (var number in all)
            {
                uses[number]++;
            }
        }

        // 40 clients for each server, within five standard deviations.
        Assert.All(uses.Skip(1), static count => Assert.InRange(count, 10, 70));
    }

    private static HashSet<int> Subset(Picking picking, LoadBalancerConfig balancer, EndpointConfig[] endpoints)
        => [.. picking.Cluster(balancer, endpoints).Endpoints.Select(NumberOf)];

    // Step by step: each step sets the next timer.
    private void Advance(int seconds)
    {
        for (var i = 0; i < seconds; i++)
        {
            _picking.Time.Advance(TimeSpan.FromSeconds(1));
        }
    }
}
