using Envoy.Config.Cluster.V3;
using Envoy.Extensions.LoadBalancingPolicies.RingHash.V3;
using Envoy.Extensions.LoadBalancingPolicies.WrrLocality.V3;
using Google.Protobuf.WellKnownTypes;

namespace ProxylessMesh.Xds.Resources;

/// <summary>How a cluster picks: <c>load_balancing_policy</c> (gRFC A52), else <c>lb_policy</c> (A27, A42, A48).</summary>
internal static class LoadBalancerDecoder
{
    private const string Prefix = "type.googleapis.com/envoy.extensions.load_balancing_policies.";
    private const int MaxDepth = 16;
    private const ulong MaxRingSize = 8 * 1024 * 1024;
    private const uint MaxChoices = 10;

    public static LoadBalancerConfig Decode(Cluster wire, DecodeErrors errors)
        => wire.LoadBalancingPolicy is { Policies.Count: > 0 } policy
            ? FirstKnown(policy, 0, errors)
            : ByEnum(wire, errors);

    private static LoadBalancerConfig ByEnum(Cluster wire, DecodeErrors errors)
    {
        switch (wire.LbPolicy)
        {
            case Cluster.Types.LbPolicy.RoundRobin:
                return new LoadBalancerConfig();
            case Cluster.Types.LbPolicy.LeastRequest:
                return LeastRequest(wire.LeastRequestLbConfig?.ChoiceCount, errors);
            case Cluster.Types.LbPolicy.Random:
                return new LoadBalancerConfig { Kind = LoadBalancerKind.Random };
            case Cluster.Types.LbPolicy.RingHash:
                CheckRing(wire.RingHashLbConfig, errors);

                // Without a hash a ring picks at random (A42); hash policies are not carried out by this version.
                return new LoadBalancerConfig { Kind = LoadBalancerKind.Random };
            default:
                errors.Add("lb_policy", wire.LbPolicy, "is not supported by this version; use ROUND_ROBIN, LEAST_REQUEST, RANDOM or RING_HASH");
                return new LoadBalancerConfig();
        }
    }

    private static LoadBalancerConfig FirstKnown(LoadBalancingPolicy wire, int depth, DecodeErrors errors)
    {
        using (errors.In("load_balancing_policy"))
        {
            for (var i = 0; i < wire.Policies.Count && depth < MaxDepth; i++)
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

            errors.Add("policies", depth < MaxDepth ? "none known" : "nested too deep", "must have a policy that this version knows (round_robin, least_request, random, wrr_locality), at most 16 deep");
            return new LoadBalancerConfig();
        }
    }

    private static LoadBalancerConfig? Known(Any any, int depth, DecodeErrors errors)
    {
        switch (any.TypeUrl)
        {
            case Prefix + "round_robin.v3.RoundRobin":
            case Prefix + "client_side_weighted_round_robin.v3.ClientSideWeightedRoundRobin":
                // Without load reports weighted round robin is plain round robin (A58).
                return new LoadBalancerConfig();
            case Prefix + "ring_hash.v3.RingHash":
                CheckRing(ValueDecoder.Unpack(any, RingHash.Parser, errors), errors);
                return new LoadBalancerConfig { Kind = LoadBalancerKind.Random };
            case Prefix + "random.v3.Random":
                return new LoadBalancerConfig { Kind = LoadBalancerKind.Random };
            case Prefix + "least_request.v3.LeastRequest":
                return ValueDecoder.Unpack(any, Envoy.Extensions.LoadBalancingPolicies.LeastRequest.V3.LeastRequest.Parser, errors) is { } least
                    ? LeastRequest(least.ChoiceCount, errors)
                    : new LoadBalancerConfig();
            case Prefix + "wrr_locality.v3.WrrLocality":
                if (ValueDecoder.Unpack(any, WrrLocality.Parser, errors) is not { } wrapped)
                {
                    return new LoadBalancerConfig();
                }

                return FirstKnown(wrapped.EndpointPickingPolicy ?? new LoadBalancingPolicy(), depth + 1, errors);
            default:
                return null;
        }
    }

    private static LoadBalancerConfig LeastRequest(uint? choices, DecodeErrors errors)
    {
        if (choices < 2)
        {
            errors.Add("choice_count", choices, "must be >= 2");
        }

        // A48: more than 10 counts as 10.
        return new LoadBalancerConfig { Kind = LoadBalancerKind.LeastRequest, ChoiceCount = (int)Math.Clamp(choices ?? 2, 2, MaxChoices) };
    }

    private static void CheckRing(Cluster.Types.RingHashLbConfig? ring, DecodeErrors errors)
    {
        if (ring is null)
        {
            return;
        }

        using (errors.In("ring_hash_lb_config"))
        {
            if (ring.HashFunction != Cluster.Types.RingHashLbConfig.Types.HashFunction.XxHash)
            {
                errors.Add("hash_function", ring.HashFunction, "must be XX_HASH");
            }

            CheckRingSize(ring.MinimumRingSize, ring.MaximumRingSize, errors);
        }
    }

    private static void CheckRing(RingHash? ring, DecodeErrors errors)
    {
        if (ring is null)
        {
            return;
        }

        if (ring.HashFunction is not (RingHash.Types.HashFunction.DefaultHash or RingHash.Types.HashFunction.XxHash))
        {
            errors.Add("hash_function", ring.HashFunction, "must be XX_HASH");
        }

        CheckRingSize(ring.MinimumRingSize, ring.MaximumRingSize, errors);
    }

    private static void CheckRingSize(ulong? minimum, ulong? maximum, DecodeErrors errors)
    {
        var (first, last) = (minimum ?? 1024, maximum ?? MaxRingSize);
        if (first > last || last > MaxRingSize)
        {
            errors.Add("minimum_ring_size, maximum_ring_size", $"{first}, {last}", $"must be in order and at most {MaxRingSize}");
        }
    }
}
