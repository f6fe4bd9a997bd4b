using Envoy.Config.Cluster.V3;
using Envoy.Config.Core.V3;

namespace ProxylessMesh.Xds.Resources;

/// <summary>How a cluster picks: <c>load_balancing_policy</c> (gRFC A52), else <c>lb_policy</c> with <c>lb_config</c> (A27, A42, A48); and <c>common_lb_config</c>.</summary>
internal static class LoadBalancerDecoder
{
    public static LoadBalancerConfig Decode(Cluster wire, DecodeErrors errors)
    {
        var balancer = wire.LoadBalancingPolicy is { Policies.Count: > 0 } policy
            ? LoadBalancingPolicyDecoder.Decode(policy, errors)
            : WithLocalities(ByEnum(wire, errors), wire.CommonLbConfig, errors);
        if (wire.LbSubsetConfig is not null)
        {
            // Without it, calls that are meant for some endpoints would go to all.
            errors.Add("lb_subset_config", "set", "is not supported by this version; make a cluster for each subset");
        }

        using (errors.In("common_lb_config"))
        {
            RefuseHashing(wire.CommonLbConfig?.ConsistentHashingLbConfig?.HashBalanceFactor, wire.CommonLbConfig?.ConsistentHashingLbConfig?.UseHostnameForHashing == true, errors);
            return balancer with
            {
                PanicThreshold = wire.CommonLbConfig?.HealthyPanicThreshold is { } threshold ? ValueDecoder.Percent(threshold, 0, "healthy_panic_threshold", errors) : null,
                Sessions = Sessions(wire.CommonLbConfig?.OverrideHostStatus),
            };
        }
    }

    /// <summary>A bound on the load of one endpoint of a ring, and hashing by name: neither is carried out, so neither may be believed.</summary>
    public static void RefuseHashing(uint? balanceFactor, bool byHostname, DecodeErrors errors)
    {
        if (balanceFactor > 0)
        {
            errors.Add("consistent_hashing_lb_config.hash_balance_factor", balanceFactor, "is not supported by this version");
        }

        if (byHostname)
        {
            errors.Add("consistent_hashing_lb_config.use_hostname_for_hashing", "true", "is not supported by this version; write the endpoint's metadata envoy.lb hash_key");
        }
    }

    private static LoadBalancerConfig ByEnum(Cluster wire, DecodeErrors errors)
    {
        switch (wire.LbPolicy)
        {
            case Cluster.Types.LbPolicy.RoundRobin:
                return new LoadBalancerConfig { SlowStart = SlowStart(wire.RoundRobinLbConfig?.SlowStartConfig, "round_robin_lb_config", errors) };
            case Cluster.Types.LbPolicy.LeastRequest:
                return LeastRequest(wire.LeastRequestLbConfig, errors);
            case Cluster.Types.LbPolicy.Random:
                return new LoadBalancerConfig { Kind = LoadBalancerKind.Random };
            case Cluster.Types.LbPolicy.RingHash:
                return Ring(wire.RingHashLbConfig, errors);
            case Cluster.Types.LbPolicy.Maglev:
                using (errors.In("maglev_lb_config"))
                {
                    return new LoadBalancerConfig { Kind = LoadBalancerKind.Maglev, MaglevTableSize = LoadBalancingPolicyDecoder.MaglevTable(wire.MaglevLbConfig?.TableSize, errors) };
                }

            default:
                errors.Add("lb_policy", wire.LbPolicy, "is not supported by this version; use ROUND_ROBIN, LEAST_REQUEST, RANDOM, RING_HASH, MAGLEV or load_balancing_policy");
                return new LoadBalancerConfig();
        }
    }

    private static LoadBalancerConfig LeastRequest(Cluster.Types.LeastRequestLbConfig? wire, DecodeErrors errors)
    {
        using (errors.In("least_request_lb_config"))
        {
            return LoadBalancingPolicyDecoder.LeastRequest(wire?.ChoiceCount, wire?.ActiveRequestBias, errors) with
            {
                SlowStart = SlowStart(wire?.SlowStartConfig, null, errors),
            };
        }
    }

    private static LoadBalancerConfig Ring(Cluster.Types.RingHashLbConfig? wire, DecodeErrors errors)
    {
        using (errors.In("ring_hash_lb_config"))
        {
            if (wire is { HashFunction: not Cluster.Types.RingHashLbConfig.Types.HashFunction.XxHash })
            {
                errors.Add("hash_function", wire.HashFunction, "must be XX_HASH");
            }

            return new LoadBalancerConfig { Kind = LoadBalancerKind.RingHash, RingHash = LoadBalancingPolicyDecoder.RingSizes(wire?.MinimumRingSize, wire?.MaximumRingSize, errors) };
        }
    }

    /// <summary>By weight as in gRPC (A27), unless the config asks for zones instead.</summary>
    private static LoadBalancerConfig WithLocalities(LoadBalancerConfig balancer, Cluster.Types.CommonLbConfig? wire, DecodeErrors errors)
    {
        if (wire?.ZoneAwareLbConfig is not { } zones)
        {
            return balancer;
        }

        using (errors.In("common_lb_config.zone_aware_lb_config"))
        {
            return balancer with { ByLocalityWeight = false, ZoneAware = LoadBalancingPolicyDecoder.ZoneAware(zones.MinClusterSize, zones.RoutingEnabled, zones.FailTrafficOnPanic, errors) };
        }
    }

    private static SlowStartConfig? SlowStart(Cluster.Types.SlowStartConfig? wire, string? inside, DecodeErrors errors)
        => wire is null ? null : LoadBalancingPolicyDecoder.SlowStart(wire.SlowStartWindow, wire.Aggression, wire.MinWeightPercent, inside is null ? "slow_start_config" : inside + ".slow_start_config", errors);

    // A55: statuses other than these three are ignored; without a set, sessions go to the healthy.
    private static SessionHosts Sessions(HealthStatusSet? statuses)
    {
        if (statuses is null || statuses.Statuses.Count == 0)
        {
            return SessionHosts.Healthy;
        }

        var hosts = SessionHosts.None;
        foreach (var status in statuses.Statuses)
        {
            hosts |= status switch
            {
                HealthStatus.Unknown or HealthStatus.Healthy => SessionHosts.Healthy,
                HealthStatus.Draining => SessionHosts.Draining,
                _ => SessionHosts.None,
            };
        }

        return hosts;
    }
}
