using System.IO.Hashing;
using System.Text;
using FsCheck;
using FsCheck.Fluent;
using ProxylessMesh.Client.Clusters;
using ProxylessMesh.Xds.Resources;
using static ProxylessMesh.Client.Tests.Clusters.Picking;

namespace ProxylessMesh.Client.Tests.Clusters;

/// <summary>Ring hash (gRFC A42) and Maglev: equal everywhere, fair, and little moves.</summary>
public sealed class HashTableTests : IDisposable
{
    private const int Keys = 4000;

    private readonly Picking _picking = new();
    private int _clusters;

    public static TheoryData<string> Kinds => [nameof(LoadBalancerKind.RingHash), nameof(LoadBalancerKind.Maglev)];

    public void Dispose() => _picking.Dispose();

    [Theory]
    [MemberData(nameof(Kinds))]
    public void Order_of_the_endpoints_does_not_matter(string kind)
        => Check.QuickThrowOnFailure(Prop.ForAll(Gen.Choose(1, 40).ToArbitrary(), Gen.Choose(0, int.MaxValue).ToArbitrary(), (count, seed) =>
        {
            var endpoints = Weighted(count, seed);
            var shuffled = endpoints.ToArray();
            new Random(seed).Shuffle(shuffled);
            return Homes(Acquire(kind, endpoints)).SequenceEqual(Homes(Acquire(kind, shuffled)));
        }));

    [Theory]
    [MemberData(nameof(Kinds))]
    public void Leaving_endpoint_moves_its_own_keys_and_hardly_any_other(string kind)
        => Check.QuickThrowOnFailure(Prop.ForAll(Gen.Choose(3, 30).ToArbitrary(), count =>
        {
            var endpoints = Range(count);
            var before = Homes(Acquire(kind, endpoints));
            var after = Homes(Acquire(kind, endpoints[..^1]));
            var others = before.Zip(after).Count(pair => pair.First != count && pair.First != pair.Second);

            // The entries of a ring are shared out anew: those that the others gain take keys, at most as many as they gain.
            return others <= Keys * (0.08 + (kind == nameof(LoadBalancerKind.RingHash) ? 1.0 / count : 0));
        }));

    [Theory]
    [MemberData(nameof(Kinds))]
    public void Endpoint_that_is_out_moves_its_own_keys_only(string kind)
    {
        var cluster = Acquire(kind, Range(10));
        var before = Homes(cluster);
        cluster.Members.BackOff(Find(cluster, 4));
        var after = Homes(cluster);

        Assert.All(before.Zip(after), static pair => Assert.True(pair.First == 4 ? pair.Second != 4 : pair.First == pair.Second));

        // They do not all go to one neighbour.
        Assert.True(before.Zip(after).Where(static pair => pair.First == 4).Select(static pair => pair.Second).Distinct().Count() >= 5);
        _picking.Time.Advance(TimeSpan.FromSeconds(2));
        Assert.Equal(before, Homes(cluster));
    }

    [Theory]
    [InlineData(nameof(LoadBalancerKind.RingHash), 0.25)]
    [InlineData(nameof(LoadBalancerKind.Maglev), 0.02)]
    public void Slots_go_by_weight(string kind, double tolerance)
        => Check.QuickThrowOnFailure(Prop.ForAll(Gen.Choose(2, 20).ToArbitrary(), Gen.Choose(0, 1000).ToArbitrary(), (count, seed) =>
        {
            var endpoints = Weighted(count, seed);
            var balancer = new LoadBalancerConfig { Kind = Enum.Parse<LoadBalancerKind>(kind), MaglevTableSize = 65_537, RingHash = new RingHashConfig(4096, 4096) };
            var members = Array.ConvertAll(endpoints, endpoint => new LocalityMember(Find(_everybody ??= Acquire(kind, Range(20)), Number(endpoint)), endpoint.Weight, endpoint.Weight, endpoint.Address.ToString()));
            var table = HashTable.Build(balancer, members)!;
            var slots = new double[21];
            for (var i = 0; i < table.Length; i++)
            {
                slots[NumberOf(table.Endpoints[table.Owner(i)])]++;
            }

            var total = endpoints.Sum(static endpoint => endpoint.Weight);
            return Array.TrueForAll(endpoints, endpoint => Math.Abs((slots[Number(endpoint)] / table.Length * total / endpoint.Weight) - 1) <= tolerance);
        }));

    [Fact]
    public void Ring_is_the_one_that_grpc_and_envoy_make()
    {
        var cluster = Acquire(nameof(LoadBalancerKind.RingHash), Range(3));
        var entries = Enumerable.Range(1, 3)
            .SelectMany(static number => Enumerable.Range(0, 342).Select(n => (Hash: Hash($"10.0.0.{number}:80_{n}"), Number: number)))
            .OrderBy(static entry => entry.Hash)
            .ToArray();

        foreach (var key in Enumerable.Range(0, 500).Select(static i => Hash($"key {i}")))
        {
            var owner = entries.Where(entry => entry.Hash >= key).Append(entries[0]).First().Number;
            Assert.Equal(owner, NumberOf(cluster.Pick(new PickInput { Hash = key })!));
        }
    }

    [Fact]
    public void Localities_count_on_the_ring_by_their_weight()
    {
        var balancer = new LoadBalancerConfig { Kind = LoadBalancerKind.Maglev, MaglevTableSize = 65_537 };
        var cluster = _picking.Cluster(balancer, null, Locality("a", 0, 3, Endpoint(1, 2), Endpoint(2, 1)), Locality("b", 0, 2, Endpoint(3, 3), Endpoint(4, 1)));

        // The example of A42.
        AssertShares([6, 3, 6, 2], Count(cluster, 4, 40_000));
    }

    [Fact]
    public void Hash_key_of_the_endpoint_takes_the_place_of_its_address()
    {
        EndpointConfig[] named = [.. Range(5).Select(static endpoint => endpoint with { HashKey = $"pod-{Number(endpoint)}" })];
        EndpointConfig[] moved = [.. named.Select(static endpoint => endpoint with { Address = new(endpoint.Address.Address, 81) })];

        Assert.Equal(Homes(Acquire(nameof(LoadBalancerKind.RingHash), named)), Homes(Acquire(nameof(LoadBalancerKind.RingHash), moved)));
        Assert.NotEqual(Homes(Acquire(nameof(LoadBalancerKind.RingHash), named)), Homes(Acquire(nameof(LoadBalancerKind.RingHash), Range(5))));
    }

    [Fact]
    public void Calls_without_a_hash_go_anywhere()
        => AssertShares([1, 1, 1, 1], Count(Acquire(nameof(LoadBalancerKind.Maglev), Range(4)), 4, 4000));

    private Cluster? _everybody;

    private Cluster Acquire(string kind, EndpointConfig[] endpoints)
        => _picking.Table.Acquire(State($"c{_clusters++}", new LoadBalancerConfig { Kind = Enum.Parse<LoadBalancerKind>(kind), MaglevTableSize = 5003 }, null, Locality("a", 0, 1, endpoints)))!;

    private static int[] Homes(Cluster cluster) => [.. Enumerable.Range(0, Keys).Select(i => NumberOf(cluster.Pick(new PickInput { Hash = Hash($"user {i}") })!))];

    private static EndpointConfig[] Weighted(int count, int seed)
    {
        var random = new Random(seed);
        return [.. Enumerable.Range(1, count).Select(number => Endpoint(number, (uint)random.Next(1, 6)))];
    }

    private static int Number(EndpointConfig endpoint) => endpoint.Address.Address.GetAddressBytes()[3];

    private static ulong Hash(string text) => XxHash64.HashToUInt64(Encoding.UTF8.GetBytes(text));
}
