using Envoy.Config.Cluster.V3;
using Envoy.Config.Core.V3;
using Envoy.Extensions.LoadBalancingPolicies.ClientSideWeightedRoundRobin.V3;
using Envoy.Extensions.LoadBalancingPolicies.LeastRequest.V3;
using Envoy.Extensions.LoadBalancingPolicies.Maglev.V3;
using Envoy.Extensions.LoadBalancingPolicies.PickFirst.V3;
using Envoy.Extensions.LoadBalancingPolicies.RandomSubsetting.V3;
using Envoy.Extensions.LoadBalancingPolicies.RingHash.V3;
using Envoy.Extensions.LoadBalancingPolicies.RoundRobin.V3;
using Envoy.Extensions.LoadBalancingPolicies.WrrLocality.V3;
using Google.Protobuf;
using Google.Protobuf.WellKnownTypes;
using ProxylessMesh.Protos.V1;
using ProxylessMesh.Xds.Client;
using ProxylessMesh.Xds.Resources;
using LbPolicy = Envoy.Config.Cluster.V3.Cluster.Types.LbPolicy;
using WireRandom = Envoy.Extensions.LoadBalancingPolicies.Random.V3.Random;

namespace ProxylessMesh.Xds.Tests.Resources;

/// <summary>How a cluster picks, in the old form and in the new: each field as it arrives, and each value that is refused.</summary>
public class LoadBalancerDecoderTests
{
    private static readonly LoadBalancerConfig Flat = new() { ByLocalityWeight = false };

    private static readonly Dictionary<string, Action<Cluster>> Bad = new(StringComparer.Ordinal)
    {
        { "lb_subset_config = set", c => c.LbSubsetConfig = new() },
        { "lb_policy = LoadBalancingPolicyConfig", c => c.LbPolicy = LbPolicy.LoadBalancingPolicyConfig },
        { "ring_hash_lb_config.hash_function = MurmurHash2", c => (c.LbPolicy, c.RingHashLbConfig) = (LbPolicy.RingHash, new() { HashFunction = Cluster.Types.RingHashLbConfig.Types.HashFunction.MurmurHash2 }) },
        { "ring_hash_lb_config.minimum_ring_size, maximum_ring_size = 2, 1", c => (c.LbPolicy, c.RingHashLbConfig) = (LbPolicy.RingHash, new() { MinimumRingSize = 2, MaximumRingSize = 1 }) },
        { "1024, 8388609; must be in order", c => (c.LbPolicy, c.RingHashLbConfig) = (LbPolicy.RingHash, new() { MaximumRingSize = 8388609 }) },
        { "maglev_lb_config.table_size = 4", c => (c.LbPolicy, c.MaglevLbConfig) = (LbPolicy.Maglev, new() { TableSize = 4 }) },
        { "maglev_lb_config.table_size = 5000077", c => (c.LbPolicy, c.MaglevLbConfig) = (LbPolicy.Maglev, new() { TableSize = 5000077 }) },
        { "least_request_lb_config.active_request_bias.default_value = -1", c => (c.LbPolicy, c.LeastRequestLbConfig) = (LbPolicy.LeastRequest, new() { ActiveRequestBias = new() { DefaultValue = -1 } }) },
        { "round_robin_lb_config.slow_start_config.aggression.default_value = 0", c => c.RoundRobinLbConfig = new() { SlowStartConfig = new() { Aggression = new() } } },
        { "slow_start_config.min_weight_percent = 101", c => c.RoundRobinLbConfig = new() { SlowStartConfig = new() { MinWeightPercent = new() { Value = 101 } } } },
        { "common_lb_config.healthy_panic_threshold = NaN", c => c.CommonLbConfig = new() { HealthyPanicThreshold = new() { Value = double.NaN } } },
        { "zone_aware_lb_config.routing_enabled = -1", c => c.CommonLbConfig = new() { ZoneAwareLbConfig = new() { RoutingEnabled = new() { Value = -1 } } } },
        { "zone_aware_lb_config.fail_traffic_on_panic = true", c => c.CommonLbConfig = new() { ZoneAwareLbConfig = new() { FailTrafficOnPanic = true } } },
        { "consistent_hashing_lb_config.hash_balance_factor = 150", c => c.CommonLbConfig = new() { ConsistentHashingLbConfig = new() { HashBalanceFactor = 150 } } },
        { "policies[0].choice_count = 1; must be >= 2", c => c.LoadBalancingPolicy = Policies(new LeastRequest { ChoiceCount = 1 }) },
        { "policies[0].selection_method = FullScan", c => c.LoadBalancingPolicy = Policies(new LeastRequest { SelectionMethod = LeastRequest.Types.SelectionMethod.FullScan }) },
        { "policies[0].error_utilization_penalty = -1", c => c.LoadBalancingPolicy = Policies(new ClientSideWeightedRoundRobin { ErrorUtilizationPenalty = -1 }) },
        { "policies[0].subset_size = 0", c => c.LoadBalancingPolicy = Policies(new RandomSubsetting { ChildPolicy = Policies(new RoundRobin()) }) },
        { "policies[0].child_policy.load_balancing_policy.policies = none known", c => c.LoadBalancingPolicy = Policies(new RandomSubsetting { SubsetSize = 2 }) },
        { "policies[0].decay = 0s", c => c.LoadBalancingPolicy = Policies(new PeakEwma { Decay = new() }) },
        { "policies[0].choice_count = 11", c => c.LoadBalancingPolicy = Policies(new PeakEwma { ChoiceCount = 11 }) },
        { "consistent_hashing_lb_config.use_hostname_for_hashing = true", c => c.LoadBalancingPolicy = Policies(new RingHash { ConsistentHashingLbConfig = new() { UseHostnameForHashing = true } }) },
        { "policies[0].hash_function = MurmurHash2", c => c.LoadBalancingPolicy = Policies(new RingHash { HashFunction = RingHash.Types.HashFunction.MurmurHash2 }) },
        { "load_balancing_policy.policies = none known", c => c.LoadBalancingPolicy = Policies(new global::Xds.Type.V3.TypedStruct { TypeUrl = "type.googleapis.com/myorg.MyPolicy" }) },
    };

    public static TheoryData<string> BadClusters => [.. Bad.Keys];

    [Theory]
    [MemberData(nameof(BadClusters))]
    public void Cluster_is_refused(string expected)
    {
        var wire = XdsResources.Cluster();
        Bad[expected](wire);

        Assert.Contains(expected, DecoderTests.Decode(ResourceType.Clusters, wire).Error, StringComparison.Ordinal);
    }

    [Fact]
    public void First_policy_that_is_known_is_taken()
    {
        var custom = new global::Xds.Type.V3.TypedStruct { TypeUrl = "type.googleapis.com/myorg.MyPolicy" };

        Assert.Equal(Flat with { Kind = LoadBalancerKind.PeakEwma }, Decode(Policies(custom, new PeakEwma(), new RoundRobin())));
        Assert.Equal(Flat with { Kind = LoadBalancerKind.Random }, Decode(Policies(custom, new Empty(), new WireRandom())));
    }

    [Fact]
    public void Localities_weigh_inside_of_wrr_locality_or_where_the_policy_itself_says_so()
    {
        Assert.Equal(Flat, Decode(Policies(new RoundRobin())));
        Assert.Equal(new LoadBalancerConfig(), Decode(Policies(new WrrLocality { EndpointPickingPolicy = Policies(new RoundRobin()) })));
        Assert.Equal(new LoadBalancerConfig(), Decode(Policies(new RoundRobin { LocalityLbConfig = new() { LocalityWeightedLbConfig = new() } })));
        Assert.Equal(
            Flat with { ZoneAware = new ZoneAwareConfig(9, 50) },
            Decode(Policies(new RoundRobin { LocalityLbConfig = new() { ZoneAwareLbConfig = new() { MinClusterSize = 9, RoutingEnabled = new() { Value = 50 } } } })));
    }

    [Fact]
    public void Least_request_has_its_choices_bias_and_slow_start_in_both_forms()
    {
        var expected = new LoadBalancerConfig
        {
            Kind = LoadBalancerKind.LeastRequest,
            ChoiceCount = 3,
            ActiveRequestBias = 0.5,
            SlowStart = new SlowStartConfig(TimeSpan.FromSeconds(30), 2, 10),
        };

        Assert.Equal(expected, Decode(c =>
        {
            c.LbPolicy = LbPolicy.LeastRequest;
            c.LeastRequestLbConfig = new() { ChoiceCount = 3, ActiveRequestBias = new() { DefaultValue = 0.5 }, SlowStartConfig = new() { SlowStartWindow = new() { Seconds = 30 }, Aggression = new() { DefaultValue = 2 } } };
        }));
        Assert.Equal(expected with { ByLocalityWeight = false }, Decode(Policies(new LeastRequest
        {
            ChoiceCount = 3,
            ActiveRequestBias = new() { DefaultValue = 0.5 },
            SlowStartConfig = new() { SlowStartWindow = new() { Seconds = 30 }, Aggression = new() { DefaultValue = 2 } },
        })));
    }

    [Fact]
    public void Ring_and_table_have_their_sizes()
    {
        var ring = new LoadBalancerConfig { Kind = LoadBalancerKind.RingHash };
        Assert.Equal(ring with { RingHash = new RingHashConfig(1024, 4096) }, Decode(c => c.LbPolicy = LbPolicy.RingHash));
        Assert.Equal(ring with { RingHash = new RingHashConfig(100_000, 100_000) }, Decode(c => (c.LbPolicy, c.RingHashLbConfig) = (LbPolicy.RingHash, new() { MinimumRingSize = 100_000 })));
        Assert.Equal(ring with { RingHash = new RingHashConfig(1, 2) }, Decode(Policies(new RingHash { MinimumRingSize = 1, MaximumRingSize = 2 })));
        Assert.Equal(new LoadBalancerConfig { Kind = LoadBalancerKind.Maglev, MaglevTableSize = 65_537 }, Decode(c => c.LbPolicy = LbPolicy.Maglev));
        Assert.Equal(Flat with { Kind = LoadBalancerKind.Maglev, MaglevTableSize = 5_000_011 }, Decode(Policies(new Maglev { TableSize = 5_000_011 })));
    }

    [Fact]
    public void Weighted_round_robin_has_its_periods_and_updates_at_most_every_100_ms()
    {
        var balancer = Decode(Policies(new WrrLocality
        {
            EndpointPickingPolicy = Policies(new ClientSideWeightedRoundRobin
            {
                EnableOobLoadReport = true,
                OobReportingPeriod = new() { Seconds = 1 },
                BlackoutPeriod = new(),
                WeightExpirationPeriod = new() { Seconds = 2 },
                WeightUpdatePeriod = new() { Nanos = 1 },
                ErrorUtilizationPenalty = 0.25f,
            }),
        }));

        var expected = new WeightedRoundRobinConfig
        {
            OutOfBandReports = true,
            OutOfBandPeriod = TimeSpan.FromSeconds(1),
            BlackoutPeriod = TimeSpan.Zero,
            WeightExpiration = TimeSpan.FromSeconds(2),
            WeightUpdatePeriod = TimeSpan.FromMilliseconds(100),
            ErrorUtilizationPenalty = 0.25,
        };
        Assert.Equal(new LoadBalancerConfig { Kind = LoadBalancerKind.WeightedRoundRobin, WeightedRoundRobin = expected }, balancer);
    }

    [Fact]
    public void Pick_first_peak_and_subset_are_read()
    {
        Assert.Equal(Flat with { Kind = LoadBalancerKind.PickFirst, PickFirstShuffles = true }, Decode(Policies(new PickFirst { ShuffleAddressList = true })));
        Assert.Equal(Flat with { Kind = LoadBalancerKind.PeakEwma, ChoiceCount = 5, PeakEwmaDecay = TimeSpan.FromSeconds(3) }, Decode(Policies(new PeakEwma { ChoiceCount = 5, Decay = new() { Seconds = 3 } })));
        Assert.Equal(Flat with { Kind = LoadBalancerKind.Random, SubsetSize = 20 }, Decode(Policies(new RandomSubsetting { SubsetSize = 20, ChildPolicy = Policies(new WireRandom()) })));
    }

    [Fact]
    public void Zones_panic_threshold_and_hosts_of_sessions_are_read()
    {
        var balancer = Decode(c => c.CommonLbConfig = new()
        {
            HealthyPanicThreshold = new() { Value = 0 },
            ZoneAwareLbConfig = new(),
            OverrideHostStatus = new() { Statuses = { HealthStatus.Draining, HealthStatus.Timeout } },
        });

        Assert.Equal(Flat with { PanicThreshold = 0, ZoneAware = new ZoneAwareConfig(), Sessions = SessionHosts.Draining }, balancer);
        Assert.Equal(SessionHosts.Healthy, Decode(static _ => { }).Sessions);
    }

    [Fact]
    public void Slow_start_without_a_window_is_none() => Assert.Null(Decode(c => c.RoundRobinLbConfig = new() { SlowStartConfig = new() }).SlowStart);

    private static LoadBalancerConfig Decode(LoadBalancingPolicy policy) => Decode(c => c.LoadBalancingPolicy = policy);

    private static LoadBalancerConfig Decode(Action<Cluster> change)
    {
        var wire = XdsResources.Cluster();
        change(wire);
        return DecoderTests.Accepted<ClusterConfig>(ResourceType.Clusters, wire).LoadBalancer;
    }

    private static LoadBalancingPolicy Policies(params IMessage[] configs)
        => new() { Policies = { configs.Select(static config => new LoadBalancingPolicy.Types.Policy { TypedExtensionConfig = new() { TypedConfig = Any.Pack(config) } }) } };
}
