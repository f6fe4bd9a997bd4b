using System.Collections.Immutable;
using System.Net;
using Envoy.Config.Core.V3;
using Envoy.Config.Endpoint.V3;

namespace ProxylessMesh.Xds.Resources;

/// <summary>Load assignments: localities by priority, endpoints by address (gRFC A27).</summary>
internal static class EndpointDecoder
{
    private const string TlsModeFilter = "envoy.transport_socket_match";

    public static EndpointsConfig Decode(ClusterLoadAssignment wire, DecodeContext context)
    {
        var errors = context.Errors;
        var localities = ImmutableArray.CreateBuilder<LocalityConfig>(wire.Endpoints.Count);
        var addresses = new HashSet<IPEndPoint>();
        for (var i = 0; i < wire.Endpoints.Count; i++)
        {
            using (errors.In("endpoints", i))
            {
                if (Locality(wire.Endpoints[i], addresses, errors) is { } locality)
                {
                    localities.Add(locality);
                }
            }
        }

        CheckPriorities(localities, errors);
        return new EndpointsConfig { Name = wire.ClusterName, Localities = localities.ToImmutable(), Drops = Drops(wire, errors) };
    }

    private static LocalityConfig? Locality(LocalityLbEndpoints wire, HashSet<IPEndPoint> addresses, DecodeErrors errors)
    {
        if (wire.Locality is null)
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

        // A locality without weight gets no calls, and does not count (gRFC A27).
        if (wire.LoadBalancingWeight is null or 0)
        {
            return null;
        }

        return new LocalityConfig
        {
            Region = wire.Locality.Region,
            Zone = wire.Locality.Zone,
            SubZone = wire.Locality.SubZone,
            Priority = (int)Math.Min(wire.Priority, int.MaxValue),
            Weight = wire.LoadBalancingWeight.Value,
            Endpoints = endpoints.ToImmutable(),
        };
    }

    private static EndpointConfig? Endpoint(LbEndpoint wire, HashSet<IPEndPoint> addresses, DecodeErrors errors)
    {
        if (wire.Endpoint is null)
        {
            errors.AddMissing("endpoint");
            return null;
        }

        if (wire.LoadBalancingWeight == 0)
        {
            errors.Add("load_balancing_weight", 0, "must be >= 1");
        }

        foreach (var additional in wire.Endpoint.AdditionalAddresses)
        {
            Unique(ValueDecoder.Address(additional.Address, "endpoint.additional_addresses.address", errors), addresses, errors);
        }

        var address = ValueDecoder.Address(wire.Endpoint.Address, "endpoint.address", errors);
        if (!Unique(address, addresses, errors) || address is null)
        {
            return null;
        }

        return new EndpointConfig
        {
            Address = address,
            Health = wire.HealthStatus switch
            {
                HealthStatus.Unknown or HealthStatus.Healthy => EndpointHealth.Healthy,
                HealthStatus.Draining => EndpointHealth.Draining,
                _ => EndpointHealth.Unhealthy,
            },
            Weight = wire.LoadBalancingWeight ?? 1,
            MeshTls = MeshTls(wire.Metadata),
        };
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

    private static bool? MeshTls(Metadata? metadata)
        => metadata is not null
            && metadata.FilterMetadata.TryGetValue(TlsModeFilter, out var match)
            && match.Fields.TryGetValue("tlsMode", out var mode)
                ? mode.StringValue == "istio"
                : null;

    private static void CheckPriorities(IReadOnlyList<LocalityConfig> localities, DecodeErrors errors)
    {
        foreach (var priority in localities.GroupBy(static locality => locality.Priority))
        {
            var names = new HashSet<(string, string, string)>();
            foreach (var locality in priority)
            {
                if (!names.Add((locality.Region, locality.Zone, locality.SubZone)))
                {
                    errors.Add("endpoints", $"{locality.Region}/{locality.Zone}/{locality.SubZone}", $"the locality occurs twice in priority {priority.Key}");
                }
            }

            if (priority.Sum(static locality => (decimal)locality.Weight) > uint.MaxValue)
            {
                errors.Add("endpoints", priority.Sum(static locality => (decimal)locality.Weight), $"the sum of the weights in priority {priority.Key} must be at most 4294967295");
            }
        }

        var used = localities.Select(static locality => locality.Priority).Distinct().Order().ToArray();
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
