using Envoy.Config.Cluster.V3;
using Envoy.Config.Core.V3;
using Envoy.Extensions.LoadBalancingPolicies.ClientSideWeightedRoundRobin.V3;
using Envoy.Extensions.LoadBalancingPolicies.Common.V3;
using Envoy.Extensions.LoadBalancingPolicies.Maglev.V3;
using Envoy.Extensions.LoadBalancingPolicies.PickFirst.V3;
using Envoy.Extensions.LoadBalancingPolicies.RandomSubsetting.V3;
using Envoy.Extensions.LoadBalancingPolicies.RingHash.V3;
using Envoy.Extensions.LoadBalancingPolicies.WrrLocality.V3;
using Google.Protobuf.WellKnownTypes;
using ProxylessMesh.Protos.V1;
using WireLeastRequest = Envoy.Extensions.LoadBalancingPolicies.LeastRequest.V3.LeastRequest;
using WireRandom = Envoy.Extensions.LoadBalancingPolicies.Random.V3.Random;
using WireRoundRobin = Envoy.Extensions.LoadBalancingPolicies.RoundRobin.V3.RoundRobin;
using WireSlowStart = Envoy.Extensions.LoadBalancingPolicies.Common.V3.SlowStartConfig;

namespace ProxylessMesh.Xds.Resources;

/// <summary>
/// <c>load_balancing_policy</c> (gRFC A52): the first policy of the list that is known here is taken, custom ones
/// (<c>TypedStruct</c>) among those that are not. A policy that is not inside of <c>wrr_locality</c> takes all endpoints of a priority as one group.
/// </summary>
internal static class LoadBalancingPolicyDecoder
{
    private const string Prefix = "type.googleapis.com/envoy.extensions.load_balancing_policies.";
    private const string PeakEwmaType = "type.googleapis.com/proxylessmesh.v1.PeakEwma";
    private const int MaxDepth = 16;
    private const ulong MaxRingSize = 8 * 1024 * 1024;
    private const ulong MaxTableSize = 5_000_011;
    private const uint MaxChoices = 10;

    private static readonly TimeSpan ShortestWeightUpdate = TimeSpan.FromMilliseconds(100);
    private static readonly LoadBalancerConfig Flat = new() { ByLocalityWeight = false };

    public static LoadBalancerConfig Decode(LoadBalancingPolicy wire, DecodeErrors errors) => FirstKnown(wire, 0, errors);

    private static LoadBalancerConfig FirstKnown(LoadBalancingPolicy? wire, int depth, DecodeErrors errors)
    {
        using (errors.In("load_balancing_policy"))
        {
            for (var i = 0; i < wire?.Policies.Count && depth < MaxDepth; i++)
            {
                if (wire.Policies[i].TypedExtensionConfig?.TypedConfig is not { } any)
                {
                    errors.AddMissing($"policies[{i}].typed_extension_config.typed_config");
                    continue;
                }

                using (errors.In("policies", i))
                {
                    if (Known(any, depth, errors) is { } balancer)
                    {
                        return balancer;
                    }
                }
            }

            errors.Add("policies", depth < MaxDepth ? "none known" : "nested too deep", "must have a policy that this version knows (round_robin, least_request, random, ring_hash, maglev, client_side_weighted_round_robin, pick_first, random_subsetting, wrr_locality), at most 16 deep");
            return Flat;
        }
    }

    private static LoadBalancerConfig? Known(Any any, int depth, DecodeErrors errors)
    {
        switch (any.TypeUrl)
        {
            case Prefix + "wrr_locality.v3.WrrLocality":
                return ValueDecoder.Unpack(any, WrrLocality.Parser, errors) is { } localities
                    ? FirstKnown(localities.EndpointPickingPolicy, depth + 1, errors) with { ByLocalityWeight = true, ZoneAware = null }
                    : Flat;
            case Prefix + "random_subsetting.v3.RandomSubsetting":
                return ValueDecoder.Unpack(any, RandomSubsetting.Parser, errors) is { } subset ? Subset(subset, depth, errors) : Flat;
            case Prefix + "round_robin.v3.RoundRobin":
                return ValueDecoder.Unpack(any, WireRoundRobin.Parser, errors) is { } round
                    ? Localities(Flat, round.LocalityLbConfig, errors) with { SlowStart = SlowStart(round.SlowStartConfig, errors) }
                    : Flat;
            case Prefix + "random.v3.Random":
                return ValueDecoder.Unpack(any, WireRandom.Parser, errors) is { } random
                    ? Localities(Flat with { Kind = LoadBalancerKind.Random }, random.LocalityLbConfig, errors)
                    : Flat;
            case Prefix + "least_request.v3.LeastRequest":
                return ValueDecoder.Unpack(any, WireLeastRequest.Parser, errors) is { } least ? LeastRequest(least, errors) : Flat;
            case Prefix + "ring_hash.v3.RingHash":
                return ValueDecoder.Unpack(any, RingHash.Parser, errors) is { } ring ? Ring(ring, errors) : Flat;
            case Prefix + "maglev.v3.Maglev":
                return ValueDecoder.Unpack(any, Maglev.Parser, errors) is { } maglev ? Table(maglev, errors) : Flat;
            case Prefix + "client_side_weighted_round_robin.v3.ClientSideWeightedRoundRobin":
                return ValueDecoder.Unpack(any, ClientSideWeightedRoundRobin.Parser, errors) is { } weighted ? ByReports(weighted, errors) : Flat;
            case Prefix + "pick_first.v3.PickFirst":
                return ValueDecoder.Unpack(any, PickFirst.Parser, errors) is { } first
                    ? Flat with { Kind = LoadBalancerKind.PickFirst, PickFirstShuffles = first.ShuffleAddressList }
                    : Flat;
            case PeakEwmaType:
                return ValueDecoder.Unpack(any, PeakEwma.Parser, errors) is { } peak ? ByPeak(peak, errors) : Flat;
            default:
                return null;
        }
    }

    private static LoadBalancerConfig Subset(RandomSubsetting wire, int depth, DecodeErrors errors)
    {
        if (wire.SubsetSize is null or 0)
        {
            errors.Add("subset_size", wire.SubsetSize ?? 0, "must be >= 1");
        }

        using (errors.In("child_policy"))
        {
            return FirstKnown(wire.ChildPolicy, depth + 1, errors) with { SubsetSize = (int)Math.Clamp(wire.SubsetSize ?? 1, 1, int.MaxValue) };
        }
    }

    private static LoadBalancerConfig LeastRequest(WireLeastRequest wire, DecodeErrors errors)
    {
        if (wire.SelectionMethod != WireLeastRequest.Types.SelectionMethod.NChoices)
        {
            errors.Add("selection_method", wire.SelectionMethod, "is not supported by this version; use N_CHOICES");
        }

        var balancer = LeastRequest(wire.ChoiceCount, wire.ActiveRequestBias, errors) with { ByLocalityWeight = false, SlowStart = SlowStart(wire.SlowStartConfig, errors) };
        return Localities(balancer, wire.LocalityLbConfig, errors);
    }

    /// <summary>A48: more than 10 choices count as 10.</summary>
    public static LoadBalancerConfig LeastRequest(uint? choices, RuntimeDouble? bias, DecodeErrors errors)
    {
        if (choices < 2)
        {
            errors.Add("choice_count", choices, "must be >= 2");
        }

        if (bias is not null && !(bias.DefaultValue is >= 0 and < double.PositiveInfinity))
        {
            errors.Add("active_request_bias.default_value", bias.DefaultValue, "must be >= 0");
        }

        return new LoadBalancerConfig
        {
            Kind = LoadBalancerKind.LeastRequest,
            ChoiceCount = (int)Math.Clamp(choices ?? 2, 2, MaxChoices),
            ActiveRequestBias = bias?.DefaultValue ?? 1,
        };
    }

    private static LoadBalancerConfig Ring(RingHash wire, DecodeErrors errors)
    {
        if (wire.HashFunction is not (RingHash.Types.HashFunction.DefaultHash or RingHash.Types.HashFunction.XxHash))
        {
            errors.Add("hash_function", wire.HashFunction, "must be XX_HASH");
        }

        RefuseHashing(wire.ConsistentHashingLbConfig, errors);

        // A42: all localities are on one ring, and their weights count there.
        return new LoadBalancerConfig { Kind = LoadBalancerKind.RingHash, RingHash = RingSizes(wire.MinimumRingSize, wire.MaximumRingSize, errors) };
    }

    /// <summary>Sizes as they are written, up to 8 Mi entries; where no maximum is written, gRPC's of 4096.</summary>
    public static RingHashConfig RingSizes(ulong? minimum, ulong? maximum, DecodeErrors errors)
    {
        var first = minimum ?? (ulong)RingHashConfig.Default.MinimumRingSize;
        var last = maximum ?? MaxRingSize;
        if (first > last || last > MaxRingSize)
        {
            errors.Add("minimum_ring_size, maximum_ring_size", $"{first}, {last}", $"must be in order and at most {MaxRingSize}");
            return RingHashConfig.Default;
        }

        var most = maximum ?? Math.Max(first, (ulong)RingHashConfig.Default.MaximumRingSize);
        return new RingHashConfig((int)first, (int)most);
    }

    private static LoadBalancerConfig Table(Maglev wire, DecodeErrors errors)
    {
        RefuseHashing(wire.ConsistentHashingLbConfig, errors);
        return Flat with { Kind = LoadBalancerKind.Maglev, ByLocalityWeight = wire.LocalityWeightedLbConfig is not null, MaglevTableSize = MaglevTable(wire.TableSize, errors) };
    }

    public static int MaglevTable(ulong? size, DecodeErrors errors)
    {
        if (size is null)
        {
            return new LoadBalancerConfig().MaglevTableSize;
        }

        if (size is > MaxTableSize || !IsPrime((int)Math.Min(size.Value, MaxTableSize)))
        {
            errors.Add("table_size", size, $"must be a prime, at most {MaxTableSize}");
            return new LoadBalancerConfig().MaglevTableSize;
        }

        return (int)size.Value;
    }

    private static LoadBalancerConfig ByReports(ClientSideWeightedRoundRobin wire, DecodeErrors errors)
    {
        var defaults = WeightedRoundRobinConfig.Default;
        if (wire.ErrorUtilizationPenalty is { } penalty && !(penalty is >= 0 and < float.PositiveInfinity))
        {
            errors.Add("error_utilization_penalty", penalty, "must be >= 0");
        }

        var update = ValueDecoder.Duration(wire.WeightUpdatePeriod, "weight_update_period", errors) ?? defaults.WeightUpdatePeriod;
        return Flat with
        {
            Kind = LoadBalancerKind.WeightedRoundRobin,
            WeightedRoundRobin = new WeightedRoundRobinConfig
            {
                OutOfBandReports = wire.EnableOobLoadReport == true,
                OutOfBandPeriod = ValueDecoder.PositiveDuration(wire.OobReportingPeriod, "oob_reporting_period", errors) ?? defaults.OutOfBandPeriod,
                BlackoutPeriod = ValueDecoder.Duration(wire.BlackoutPeriod, "blackout_period", errors) ?? defaults.BlackoutPeriod,
                WeightExpiration = ValueDecoder.Duration(wire.WeightExpirationPeriod, "weight_expiration_period", errors) ?? defaults.WeightExpiration,
                WeightUpdatePeriod = update < ShortestWeightUpdate ? ShortestWeightUpdate : update,
                ErrorUtilizationPenalty = wire.ErrorUtilizationPenalty ?? defaults.ErrorUtilizationPenalty,
            },
        };
    }

    private static LoadBalancerConfig ByPeak(PeakEwma wire, DecodeErrors errors)
    {
        if (wire.ChoiceCount is not 0 and (< 2 or > MaxChoices))
        {
            errors.Add("choice_count", wire.ChoiceCount, $"must be 2 to {MaxChoices}");
        }

        return Flat with
        {
            Kind = LoadBalancerKind.PeakEwma,
            ChoiceCount = wire.ChoiceCount == 0 ? 2 : (int)Math.Clamp(wire.ChoiceCount, 2, MaxChoices),
            PeakEwmaDecay = ValueDecoder.PositiveDuration(wire.Decay, "decay", errors) ?? Flat.PeakEwmaDecay,
        };
    }

    private static LoadBalancerConfig Localities(LoadBalancerConfig balancer, LocalityLbConfig? wire, DecodeErrors errors)
    {
        switch (wire?.LocalityConfigSpecifierCase)
        {
            case LocalityLbConfig.LocalityConfigSpecifierOneofCase.LocalityWeightedLbConfig:
                return balancer with { ByLocalityWeight = true };
            case LocalityLbConfig.LocalityConfigSpecifierOneofCase.ZoneAwareLbConfig:
                using (errors.In("locality_lb_config.zone_aware_lb_config"))
                {
                    var zones = wire.ZoneAwareLbConfig;
                    return balancer with { ZoneAware = ZoneAware(zones.MinClusterSize, zones.RoutingEnabled, zones.FailTrafficOnPanic, errors) };
                }

            default:
                return balancer;
        }
    }

    public static ZoneAwareConfig ZoneAware(ulong? minimum, Envoy.Type.V3.Percent? enabled, bool failOnPanic, DecodeErrors errors)
    {
        if (failOnPanic)
        {
            errors.Add("fail_traffic_on_panic", "true", "is not supported by this version");
        }

        var defaults = new ZoneAwareConfig();
        return new ZoneAwareConfig((int)Math.Min(minimum ?? (ulong)defaults.MinClusterSize, int.MaxValue), ValueDecoder.Percent(enabled, defaults.RoutingEnabledPercent, "routing_enabled", errors));
    }

    private static SlowStartConfig? SlowStart(WireSlowStart? wire, DecodeErrors errors)
        => wire is null ? null : SlowStart(wire.SlowStartWindow, wire.Aggression, wire.MinWeightPercent, "slow_start_config", errors);

    /// <summary>Null where there is no window: then nothing starts slowly (Envoy).</summary>
    public static SlowStartConfig? SlowStart(Duration? window, RuntimeDouble? aggression, Envoy.Type.V3.Percent? minimum, string field, DecodeErrors errors)
    {
        if (aggression is not null && !(aggression.DefaultValue is > 0 and < double.PositiveInfinity))
        {
            errors.Add(field + ".aggression.default_value", aggression.DefaultValue, "must be > 0");
        }

        var length = ValueDecoder.Duration(window, field + ".slow_start_window", errors) ?? TimeSpan.Zero;
        var percent = ValueDecoder.Percent(minimum, 10, field + ".min_weight_percent", errors);
        return length > TimeSpan.Zero ? new SlowStartConfig(length, aggression?.DefaultValue ?? 1, percent) : null;
    }

    private static void RefuseHashing(ConsistentHashingLbConfig? wire, DecodeErrors errors)
        => LoadBalancerDecoder.RefuseHashing(wire?.HashBalanceFactor, wire?.UseHostnameForHashing == true, errors);

    private static bool IsPrime(int number)
    {
        if (number < 2 || (number % 2 == 0 && number != 2))
        {
            return false;
        }

        for (var divisor = 3; divisor <= number / divisor; divisor += 2)
        {
            if (number % divisor == 0)
            {
                return false;
            }
        }

        return true;
    }
}
