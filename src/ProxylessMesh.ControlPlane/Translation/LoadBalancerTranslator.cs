using Envoy.Config.Cluster.V3;
using Envoy.Config.Core.V3;
using Envoy.Extensions.LoadBalancingPolicies.ClientSideWeightedRoundRobin.V3;
using Envoy.Extensions.LoadBalancingPolicies.Common.V3;
using Envoy.Extensions.LoadBalancingPolicies.LeastRequest.V3;
using Envoy.Extensions.LoadBalancingPolicies.Maglev.V3;
using Envoy.Extensions.LoadBalancingPolicies.PickFirst.V3;
using Envoy.Extensions.LoadBalancingPolicies.RandomSubsetting.V3;
using Envoy.Extensions.LoadBalancingPolicies.RingHash.V3;
using Envoy.Extensions.LoadBalancingPolicies.RoundRobin.V3;
using Envoy.Extensions.LoadBalancingPolicies.WrrLocality.V3;
using Google.Protobuf;
using Google.Protobuf.WellKnownTypes;
using ProxylessMesh.Manifests.Kinds;
using ProxylessMesh.Protos.V1;
using Policy = Envoy.Config.Cluster.V3.LoadBalancingPolicy.Types.Policy;
using RandomPick = Envoy.Extensions.LoadBalancingPolicies.Random.V3.Random;

namespace ProxylessMesh.ControlPlane.Translation;

/// <summary>
/// How a cluster picks. <c>load_balancing_policy</c> lists what was asked for first and what every client knows last; of the list a
/// client takes the first that it knows (gRFC A52). <c>lb_policy</c> is for gRPC clients that do not read the list: a ring where hashing
/// was asked for, else round robin.
/// </summary>
internal static class LoadBalancerTranslator
{
    private const string Prefix = "envoy.load_balancing_policies.";

    // gRPC clients build rings of at most this many places unless told otherwise (gRFC A42).
    private const uint RingCap = 4096;

    public static void Set(Cluster cluster, LoadBalancerSettings? settings, MeshTrafficPolicyManifest? mesh)
    {
        settings ??= new LoadBalancerSettings();
        cluster.LbPolicy = Cluster.Types.LbPolicy.RoundRobin;
        if (settings.ConsistentHash is { } hash && mesh?.LoadBalancer is null)
        {
            cluster.LbPolicy = Cluster.Types.LbPolicy.RingHash;
            cluster.RingHashLbConfig = new Cluster.Types.RingHashLbConfig { MinimumRingSize = (ulong?)hash.MinimumRingSize, MaximumRingSize = Largest(hash) };
        }

        var policies = Policies(settings, mesh).Append(RoundRobin(settings)).DistinctBy(policy => policy.TypedExtensionConfig.Name).ToList();
        if (IsEnabled(settings.Locality) is { Distribute.IsEmpty: false })
        {
            policies.Insert(0, Named("wrr_locality", new WrrLocality { EndpointPickingPolicy = List(policies) }));
        }

        if (mesh?.SubsetSize is { } size)
        {
            policies.Insert(0, Named("random_subsetting", new RandomSubsetting { SubsetSize = (uint)size, ChildPolicy = List(policies) }));
        }

        cluster.LoadBalancingPolicy = List(policies);
    }

    /// <summary>The settings where they are switched on.</summary>
    public static LocalitySettings? IsEnabled(LocalitySettings? locality) => locality is { IsEnabled: true } ? locality : null;

    private static IEnumerable<Policy> Policies(LoadBalancerSettings settings, MeshTrafficPolicyManifest? mesh)
    {
        switch (mesh?.LoadBalancer)
        {
            case PeakEwmaBalancing ewma:
                yield return new Policy { TypedExtensionConfig = new TypedExtensionConfig { Name = "proxylessmesh.peak_ewma", TypedConfig = Any.Pack(new PeakEwma { Decay = ewma.Decay?.ToDuration() }) } };
                break;
            case WeightedRoundRobinBalancing weighted:
                yield return Named("client_side_weighted_round_robin", Weighted(weighted));
                break;
            case PickFirstBalancing first:
                yield return Named("pick_first", new PickFirst { ShuffleAddressList = first.Shuffles });
                yield break;
            case null when settings.ConsistentHash is { } hash:
                if (hash.IsMaglev)
                {
                    yield return Named("maglev", new Maglev { TableSize = (ulong?)hash.TableSize });
                }

                yield return Named("ring_hash", new RingHash { HashFunction = RingHash.Types.HashFunction.XxHash, MinimumRingSize = (ulong?)hash.MinimumRingSize, MaximumRingSize = Largest(hash) });
                yield break;
        }

        switch (settings.Simple ?? SimpleLoadBalancer.LeastRequest)
        {
            case SimpleLoadBalancer.LeastRequest:
                yield return Named("least_request", new LeastRequest { ChoiceCount = 2, SlowStartConfig = SlowStart(settings.Warmup), LocalityLbConfig = Locality(settings.Locality) });
                break;
            case SimpleLoadBalancer.Random:
                yield return Named("random", new RandomPick { LocalityLbConfig = Locality(settings.Locality) });
                break;
        }
    }

    private static Policy RoundRobin(LoadBalancerSettings settings)
        => Named("round_robin", new RoundRobin { SlowStartConfig = SlowStart(settings.Warmup), LocalityLbConfig = Locality(settings.Locality) });

    private static ClientSideWeightedRoundRobin Weighted(WeightedRoundRobinBalancing weighted) => new()
    {
        BlackoutPeriod = weighted.BlackoutPeriod?.ToDuration(),
        WeightExpirationPeriod = weighted.WeightExpiration?.ToDuration(),
        WeightUpdatePeriod = weighted.WeightUpdatePeriod?.ToDuration(),
        ErrorUtilizationPenalty = (float?)weighted.ErrorUtilizationPenalty,
    };

    private static SlowStartConfig? SlowStart(WarmupSettings? warmup) => warmup is null ? null : new SlowStartConfig
    {
        SlowStartWindow = warmup.Duration.ToDuration(),
        Aggression = warmup.Aggression is { } aggression ? new RuntimeDouble { DefaultValue = aggression, RuntimeKey = "aggression" } : null,
        MinWeightPercent = warmup.MinimumPercent is { } least ? new Envoy.Type.V3.Percent { Value = least } : null,
    };

    private static LocalityLbConfig? Locality(LocalitySettings? locality) => IsEnabled(locality) switch
    {
        { IsZoneAware: true } zones => new LocalityLbConfig { ZoneAwareLbConfig = new LocalityLbConfig.Types.ZoneAwareLbConfig { MinClusterSize = (ulong?)zones.MinClusterSize } },
        { Distribute.IsEmpty: false } => new LocalityLbConfig { LocalityWeightedLbConfig = new LocalityLbConfig.Types.LocalityWeightedLbConfig() },
        _ => null,
    };

    // A ring must be at least as large as its least size; more than the usual cap only where somebody asked for it.
    private static ulong? Largest(ConsistentHash hash) => hash.MinimumRingSize > RingCap ? (ulong)hash.MinimumRingSize : null;

    private static LoadBalancingPolicy List(IEnumerable<Policy> policies) => new() { Policies = { policies.Select(policy => policy.Clone()) } };

    private static Policy Named(string name, IMessage config) => new() { TypedExtensionConfig = new TypedExtensionConfig { Name = Prefix + name, TypedConfig = Any.Pack(config) } };
}
