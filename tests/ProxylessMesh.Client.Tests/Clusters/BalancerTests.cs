using ProxylessMesh.Client.Clusters;
using ProxylessMesh.Client.Tests.Outbound;
using ProxylessMesh.Xds.Resources;
using static ProxylessMesh.Client.Tests.Clusters.Picking;

namespace ProxylessMesh.Client.Tests.Clusters;

public sealed class BalancerTests : IDisposable
{
    private readonly Picking _picking = new();

    public static TheoryData<string> Kinds => [.. Enum.GetNames<LoadBalancerKind>()];

    public void Dispose() => _picking.Dispose();

    [Theory]
    [InlineData(1, 2, 5)]
    [InlineData(1, 1, 1000)]
    [InlineData(333, 333, 334)]
    public void Weighted_round_robin_is_exact_over_any_stretch(int first, int second, int third)
    {
        double[] weights = [first, second, third];
        var cluster = _picking.Cluster(Of(LoadBalancerKind.RoundRobin), Endpoint(1, (uint)first), Endpoint(2, (uint)second), Endpoint(3, (uint)third));

        for (var stretch = 1; stretch <= 20; stretch++)
        {
            var counts = Count(cluster, 3, 500);
            for (var i = 0; i < 3; i++)
            {
                // Chance alone would stray by ten and more.
                Assert.InRange(counts[i] - (500 * weights[i] / weights.Sum()), -3, 3);
            }
        }
    }

    [Fact]
    public void Weighted_random_follows_the_weights()
    {
        var cluster = _picking.Cluster(Of(LoadBalancerKind.Random), Endpoint(1, 1), Endpoint(2, 2), Endpoint(3, 7));

        AssertShares([1, 2, 7], Count(cluster, 3, 20_000));
    }

    [Theory]
    [InlineData(1.0, 10.0 / 2, 10.0 / 1)]
    [InlineData(0.0, 10.0, 10.0)]
    [InlineData(2.0, 10.0 / 4, 10.0)]
    public void Weighted_least_request_divides_the_weight_by_the_load(double bias, double loaded, double idle)
    {
        var balancer = Of(LoadBalancerKind.LeastRequest) with { ActiveRequestBias = bias };
        var cluster = _picking.Cluster(balancer, Endpoint(1, 10), Endpoint(2, 10), Endpoint(3, 5));
        Assert.True(Find(cluster, 1).TryStart());

        AssertShares([loaded, idle, 5], Count(cluster, 3, 20_000));
    }

    [Fact]
    public void Weighted_least_request_of_many_follows_weights_and_load()
    {
        var endpoints = Enumerable.Range(1, 200).Select(static number => Endpoint(number, number <= 100 ? 3u : 1u)).ToArray();
        var cluster = _picking.Cluster(Of(LoadBalancerKind.LeastRequest), endpoints);

        var counts = Count(cluster, 200, 40_000);
        AssertShares([3, 1], [counts[..100].Sum(), counts[100..].Sum()]);

        foreach (var endpoint in cluster.Endpoints.Take(100))
        {
            Assert.True(endpoint.TryStart());
            Assert.True(endpoint.TryStart());
        }

        // A third of the ease each: as much as the light ones, within what sixteen draws can tell.
        counts = Count(cluster, 200, 40_000);
        Assert.InRange(counts[..100].Sum() / 40_000.0, 0.47, 0.56);
    }

    [Theory]
    [MemberData(nameof(Kinds))]
    public void Weight_0_is_never_picked(string kind)
    {
        var cluster = _picking.Cluster(Of(Enum.Parse<LoadBalancerKind>(kind)), Endpoint(1, 0), Endpoint(2, 3), Endpoint(3, 1), Endpoint(4, 0));

        var counts = Count(cluster, 4, 5_000);

        Assert.Equal(0, counts[0] + counts[3]);
        Assert.True(counts[1] > 0);
    }

    [Theory]
    [MemberData(nameof(Kinds))]
    public void Endpoint_that_is_out_is_not_picked_and_comes_back(string kind)
    {
        var cluster = _picking.Cluster(Of(Enum.Parse<LoadBalancerKind>(kind)), Range(5));
        var out1 = cluster.Pick(new PickInput { Hash = 42 })!;

        cluster.Members.BackOff(out1);
        Assert.DoesNotContain(out1, Enumerable.Range(0, 500).Select(i => cluster.Pick(new PickInput { Hash = (ulong)i * 0x9E37_79B9_7F4A_7C15 })!));

        _picking.Time.Advance(TimeSpan.FromSeconds(2));
        Assert.True(out1.IsAvailable);
        if (kind != nameof(LoadBalancerKind.PickFirst))
        {
            Assert.Contains(out1, Enumerable.Range(0, 500).Select(i => cluster.Pick(new PickInput { Hash = (ulong)i * 0x9E37_79B9_7F4A_7C15 })!));
        }
    }

    [Theory]
    [MemberData(nameof(Kinds))]
    public void Retry_goes_to_everybody_before_anybody_twice(string kind)
    {
        var cluster = _picking.Cluster(Of(Enum.Parse<LoadBalancerKind>(kind)), Range(6));
        var tried = new List<ClusterEndpoint>();
        for (var i = 0; i < 6; i++)
        {
            tried.Add(cluster.Pick(new PickInput { Tried = tried.Count == 0 ? null : tried, Hash = 7 })!);
        }

        Assert.Equal(6, tried.Distinct().Count());
        Assert.NotNull(cluster.Pick(new PickInput { Tried = tried, Hash = 7 }));
    }

    [Theory]
    [MemberData(nameof(Kinds))]
    public void Pick_allocates_nothing(string kind)
    {
#if DEBUG
        Assert.Skip("Allocation is measured in Release.");
#endif
        var endpoints = Enumerable.Range(1, 20).Select(static number => Endpoint(number, (uint)(1 + (number % 3)))).ToArray();
        var cluster = _picking.Cluster(Of(Enum.Parse<LoadBalancerKind>(kind)) with { SlowStart = new SlowStartConfig(TimeSpan.FromMinutes(1), 1, 10) }, endpoints);
        var equal = _picking.Table.Acquire(State("equal", Of(Enum.Parse<LoadBalancerKind>(kind)), 140, Locality("a", 0, 1, Range(4)), Locality("b", 0, 2, Endpoint(9)), Locality("c", 1, 1, Endpoint(10))))!;
        List<ClusterEndpoint> tried = [cluster.Pick()!];

        Assert.Equal(0, AllocationTests.PerCall(() => cluster.Pick(new PickInput { Hash = 123456789 })));
        Assert.Equal(0, AllocationTests.PerCall(() => cluster.Pick(new PickInput { Tried = tried })));
        Assert.Equal(0, AllocationTests.PerCall(() => equal.Pick()));
    }

    [Theory]
    [MemberData(nameof(Kinds))]
    public async Task Picks_go_on_while_availability_and_members_change(string kind)
    {
        var cluster = _picking.Cluster(Of(Enum.Parse<LoadBalancerKind>(kind)), Range(8));
        var pickers = Enumerable.Range(0, 3).Select(worker => Task.Run(() =>
        {
            for (var i = 0UL; i < 20_000; i++)
            {
                var endpoint = cluster.Pick(new PickInput { Hash = i * 0x9E37_79B9_7F4A_7C15 });
                Assert.NotNull(endpoint);
                Assert.True(endpoint.TryStart());
                endpoint.Finish();
            }
        })).ToArray();
        var picked = Task.WhenAll(pickers);

        for (var i = 0; !picked.IsCompleted; i++)
        {
            cluster.Members.BackOff(Find(cluster, 1 + (i % 8)));
            _picking.Time.Advance(TimeSpan.FromMilliseconds(700));
            await Task.Yield();
        }

        await picked;
        Assert.All(cluster.Endpoints, static endpoint => Assert.Equal(0, endpoint.ActiveCalls));
    }

    [Fact]
    public void Pick_first_stays_until_it_fails_and_does_not_go_back()
    {
        var cluster = _picking.Cluster(Of(LoadBalancerKind.PickFirst), Range(3));
        Assert.Equal(1, NumberOf(cluster.Pick()!));

        cluster.Members.BackOff(cluster.Pick()!);
        Assert.Equal(2, NumberOf(cluster.Pick()!));
        _picking.Time.Advance(TimeSpan.FromSeconds(2));
        Assert.True(Find(cluster, 1).IsAvailable);

        Assert.Equal(2, NumberOf(cluster.Pick()!));
    }

    [Fact]
    public void Pick_first_keeps_its_endpoint_over_a_push()
    {
        var before = _picking.Cluster(Of(LoadBalancerKind.PickFirst), Range(3));
        before.Members.BackOff(before.Pick()!);
        Assert.Equal(2, NumberOf(before.Pick()!));
        _picking.Time.Advance(TimeSpan.FromSeconds(2));

        var after = _picking.Cluster(Of(LoadBalancerKind.PickFirst), Range(4));

        Assert.Equal(2, NumberOf(after.Pick()!));
    }

    [Fact]
    public void Clients_that_shuffle_spread_over_the_list()
    {
        var firsts = new HashSet<int>();
        for (var seed = 0; seed < 100; seed++)
        {
            using var picking = new Picking(ClientTraits.Unknown with { Seed = seed });
            firsts.Add(NumberOf(picking.Cluster(Of(LoadBalancerKind.PickFirst) with { PickFirstShuffles = true }, Range(4)).Pick()!));
        }

        Assert.Equal(4, firsts.Count);
    }

    [Fact]
    public void Peak_ewma_follows_a_peak_at_once_and_forgets_it_slowly()
    {
        var cluster = _picking.Cluster(Of(LoadBalancerKind.PeakEwma) with { PeakEwmaDecay = TimeSpan.FromSeconds(10) }, Range(2));
        var (slow, fast) = (Find(cluster, 1), Find(cluster, 2));
        Observe(slow, 10);
        Observe(fast, 10);
        Observe(slow, 500);

        Assert.All(Enumerable.Range(0, 100), _ => Assert.Same(fast, cluster.Pick()));

        for (var i = 0; i < 60; i++)
        {
            _picking.Time.Advance(TimeSpan.FromSeconds(1));
            Observe(slow, 5);
            Observe(fast, 10);
        }

        Assert.All(Enumerable.Range(0, 100), _ => Assert.Same(slow, cluster.Pick()));
    }

    [Fact]
    public void Peak_ewma_weighs_latency_by_the_calls_in_flight()
    {
        var cluster = _picking.Cluster(Of(LoadBalancerKind.PeakEwma), Range(2));
        var (busy, idle) = (Find(cluster, 1), Find(cluster, 2));
        Observe(busy, 10);
        Observe(idle, 25);
        Assert.Same(busy, cluster.Pick());

        Assert.True(busy.TryStart());
        Assert.True(busy.TryStart());

        Assert.Same(idle, cluster.Pick());
    }

    private void Observe(ClusterEndpoint endpoint, int milliseconds)
        => endpoint.Latency.Observe(_picking.Time, TimeSpan.FromMilliseconds(milliseconds), TimeSpan.FromSeconds(10));

    private static LoadBalancerConfig Of(LoadBalancerKind kind) => new() { Kind = kind, MaglevTableSize = 1009 };
}
