using System.Collections.Immutable;
using System.Net;
using Envoy.Config.Core.V3;
using Envoy.Config.Endpoint.V3;

namespace ProxylessMesh.Xds.Resources;

/// <summary>Load assignments: localities by priority (gRFC A27), endpoints with their addresses (A61), names (A81) and hash keys (A76).</summary>
internal static class EndpointDecoder
{
    private const string TlsModeFilter = "envoy.transport_socket_match";
    private const string BalancerFilter = "envoy.lb";

    /// <summary>A resource of its own. A locality without weight gets no calls, and does not count (gRFC A27).</summary>
    public static EndpointsConfig Decode(ClusterLoadAssignment wire, DecodeContext context) => Decode(wire, inline: false, context);

    /// <summary>The <c>load_assignment</c> of a cluster, where Envoy needs neither the names of localities nor their weights.</summary>
    public static EndpointsConfig Inline(ClusterLoadAssignment wire, DecodeContext context) => Decode(wire, inline: true, context);

    private static EndpointsConfig Decode(ClusterLoadAssignment wire, bool inline, DecodeContext context)
    {
        var errors = context.Errors;
        var localities = ImmutableArray.CreateBuilder<LocalityConfig>(wire.Endpoints.Count);
        var addresses = new HashSet<IPEndPoint>();
        for (var i = 0; i < wire.Endpoints.Count; i++)
        {
            using (errors.In("endpoints", i))
            {
                if (Locality(wire.Endpoints[i], inline, addresses, errors) is { } locality)
                {
                    localities.Add(locality);
                }
            }
        }

        CheckLocalities(localities, inline, errors);
        CheckPriorities(localities.Select(static locality => locality.Priority), errors);
        return new EndpointsConfig
        {
            Name = wire.ClusterName,
            Localities = localities.ToImmutable(),
            Drops = Drops(wire, errors),
            OverprovisioningFactor = Overprovisioning(wire, errors),
        };
    }

    private static LocalityConfig? Locality(LocalityLbEndpoints wire, bool inline, HashSet<IPEndPoint> addresses, DecodeErrors errors)
    {
        if (wire.Locality is null && !inline)
        {
            errors.AddMissing("locality");
            return null;
        }

        var endpoints = ImmutableArray.CreateBuilder<EndpointConfig>(wire.LbEndpoints.Count);
        var weights = 0UL;
        for (var i = 0; i < wire.LbEndpoints.Count; i++)
        {
            using (errors.In("lb_endpoints", i))
            {
                if (Endpoint(wire.LbEndpoints[i], addresses, errors) is { } endpoint)
                {
                    endpoints.Add(endpoint);
                    weights += endpoint.Weight;
                }
            }
        }

        if (weights > uint.MaxValue)
        {
            errors.Add("lb_endpoints", weights, "the sum of the weights must be at most 4294967295");
        }

        return wire.LoadBalancingWeight is null or 0 && !inline ? null : Locality(wire) with { Endpoints = endpoints.ToImmutable() };
    }

    /// <summary>A locality without its endpoints.</summary>
    public static LocalityConfig Locality(LocalityLbEndpoints wire) => new()
    {
        Region = wire.Locality?.Region ?? "",
        Zone = wire.Locality?.Zone ?? "",
        SubZone = wire.Locality?.SubZone ?? "",
        Priority = (int)Math.Min(wire.Priority, int.MaxValue),
        Weight = Math.Max(wire.LoadBalancingWeight ?? 1, 1),
    };

    private static EndpointConfig? Endpoint(LbEndpoint wire, HashSet<IPEndPoint> addresses, DecodeErrors errors)
    {
        if (wire.Endpoint is null)
        {
            errors.AddMissing("endpoint");
            return null;
        }

        var address = ValueDecoder.Address(wire.Endpoint.Address, "endpoint.address", errors);
        var isNew = Unique(address, addresses, errors);
        var additional = ImmutableArray.CreateBuilder<IPEndPoint>(wire.Endpoint.AdditionalAddresses.Count);
        for (var i = 0; i < wire.Endpoint.AdditionalAddresses.Count; i++)
        {
            var other = ValueDecoder.Address(wire.Endpoint.AdditionalAddresses[i].Address, $"endpoint.additional_addresses[{i}].address", errors);
            if (Unique(other, addresses, errors) && other is not null)
            {
                additional.Add(other);
            }
        }

        return address is null || !isNew ? null : Endpoint(wire, address, errors) with { AdditionalAddresses = additional.ToImmutable() };
    }

    /// <summary>What the endpoint says of itself besides its addresses.</summary>
    public static EndpointConfig Endpoint(LbEndpoint wire, IPEndPoint address, DecodeErrors errors)
    {
        if (wire.LoadBalancingWeight == 0)
        {
            errors.Add("load_balancing_weight", 0, "must be >= 1");
        }

        return new EndpointConfig
        {
            Address = address,
            Hostname = wire.Endpoint.Hostname,
            HashKey = Text(wire.Metadata, BalancerFilter, "hash_key") ?? "",
            Health = wire.HealthStatus switch
            {
                HealthStatus.Unknown or HealthStatus.Healthy => EndpointHealth.Healthy,
                HealthStatus.Draining => EndpointHealth.Draining,
                _ => EndpointHealth.Unhealthy,
            },
            Weight = wire.LoadBalancingWeight ?? 1,
            MeshTls = Text(wire.Metadata, TlsModeFilter, "tlsMode") is { } mode ? mode == "istio" : null,
        };
    }

    public static uint? Overprovisioning(ClusterLoadAssignment wire, DecodeErrors errors)
    {
        if (wire.Policy?.OverprovisioningFactor is { } factor and < 100)
        {
            // Below 100 % a priority that is all well would not take its own calls.
            errors.Add("policy.overprovisioning_factor", factor, "must be >= 100");
        }

        return wire.Policy?.OverprovisioningFactor;
    }

    private static bool Unique(IPEndPoint? address, HashSet<IPEndPoint> addresses, DecodeErrors errors)
    {
        if (address is not null && !addresses.Add(address))
        {
            errors.Add("endpoint.address", address, "occurs twice; addresses must differ");
            return false;
        }

        return true;
    }

    private static string? Text(Metadata? metadata, string filter, string key)
        => metadata is not null && metadata.FilterMetadata.TryGetValue(filter, out var values) && values.Fields.TryGetValue(key, out var value)
            ? value.StringValue
            : null;

    private static void CheckLocalities(IReadOnlyList<LocalityConfig> localities, bool inline, DecodeErrors errors)
    {
        foreach (var priority in localities.GroupBy(static locality => locality.Priority))
        {
            var names = new HashSet<(string, string, string)>();
            foreach (var locality in priority)
            {
                if (!names.Add((locality.Region, locality.Zone, locality.SubZone)) && !inline)
                {
                    errors.Add("endpoints", $"{locality.Region}/{locality.Zone}/{locality.SubZone}", $"the locality occurs twice in priority {priority.Key}");
                }
            }

            if (priority.Sum(static locality => (decimal)locality.Weight) > uint.MaxValue)
            {
                errors.Add("endpoints", priority.Sum(static locality => (decimal)locality.Weight), $"the sum of the weights in priority {priority.Key} must be at most 4294967295");
            }
        }
    }

    public static void CheckPriorities(IEnumerable<int> priorities, DecodeErrors errors)
    {
        var used = priorities.Distinct().Order().ToArray();
        if (used.Length > 0 && used[^1] != used.Length - 1)
        {
            errors.Add("endpoints", $"priorities {string.Join(", ", used.Take(10))}", "must begin at 0 and leave none out");
        }
    }

    private static ImmutableArray<(string Category, int PerMillion)> Drops(ClusterLoadAssignment wire, DecodeErrors errors)
    {
        if (wire.Policy is null || wire.Policy.DropOverloads.Count == 0)
        {
            return [];
        }

        var drops = ImmutableArray.CreateBuilder<(string, int)>(wire.Policy.DropOverloads.Count);
        for (var i = 0; i < wire.Policy.DropOverloads.Count; i++)
        {
            var drop = wire.Policy.DropOverloads[i];
            drops.Add((drop.Category, ValueDecoder.PerMillion(drop.DropPercentage, $"policy.drop_overloads[{i}].drop_percentage", errors)));
        }

        return drops.ToImmutable();
    }
}
