using System.Collections.Immutable;
using Envoy.Config.Core.V3;
using Envoy.Config.Endpoint.V3;
using Google.Protobuf.WellKnownTypes;
using ProxylessMesh.ControlPlane.Workloads;
using ProxylessMesh.Manifests.Kinds;

namespace ProxylessMesh.ControlPlane.Translation;

/// <summary>The endpoints of a cluster for callers at one place: by priority and locality, each telling whether it takes mesh TLS.</summary>
internal static class EndpointTranslator
{
    private const string MatchMetadata = "envoy.transport_socket_match";

    // Envoy's default, said aloud: gRPC's clients know none, ours reads it.
    private const uint Overprovisioning = 140;

    /// <param name="clusterName">Of the cluster.</param>
    /// <param name="endpoints">All of them.</param>
    /// <param name="settings">How the place counts; null: not at all.</param>
    /// <param name="place">Where the callers are.</param>
    /// <param name="tellsTls">Each endpoint says whether it takes mesh TLS; false: the cluster decides for all.</param>
    public static ClusterLoadAssignment Translate(string clusterName, IEnumerable<ServiceEndpoint> endpoints, LocalitySettings? settings, CallerPlace place, bool tellsTls)
    {
        var assignment = new ClusterLoadAssignment
        {
            ClusterName = clusterName,
            Policy = new ClusterLoadAssignment.Types.Policy { OverprovisioningFactor = Overprovisioning },
        };
        var groups = EndpointPriorities.Order([.. Distinct(endpoints)], settings, place)
            .GroupBy(endpoint => (endpoint.Priority, endpoint.Endpoint.Locality.Region, endpoint.Endpoint.Locality.Zone, endpoint.Endpoint.Locality.SubZone))
            .OrderBy(group => group.Key, Comparer<(int Priority, string Region, string Zone, string SubZone)>.Create(Compare))
            .ToImmutableArray();
        var weights = groups.Select(group => (new WorkloadLocality(group.Key.Region, group.Key.Zone, group.Key.SubZone), Weight(group.Select(member => member.Endpoint)))).ToImmutableArray();
        var shares = LocalityWeights.For(settings, place) is { } written ? LocalityWeights.Of(written, weights) : [.. weights.Select(weight => weight.Item2)];
        for (var i = 0; i < groups.Length; i++)
        {
            if (shares[i] > 0)
            {
                assignment.Endpoints.Add(Locality(groups[i].Key, shares[i], groups[i].Select(member => LbEndpoint(member.Endpoint, tellsTls))));
            }
        }

        return assignment;
    }

    private static LocalityLbEndpoints Locality((int Priority, string Region, string Zone, string SubZone) key, uint weight, IEnumerable<LbEndpoint> endpoints) => new()
    {
        Locality = new Locality { Region = key.Region, Zone = key.Zone, SubZone = key.SubZone },
        Priority = (uint)key.Priority,
        LoadBalancingWeight = weight,
        LbEndpoints = { endpoints },
    };

    // A locality without weight is dropped by gRPC clients without a word, so one that only drains keeps a weight too.
    private static uint Weight(IEnumerable<ServiceEndpoint> endpoints)
        => (uint)Math.Max(1, endpoints.Where(endpoint => endpoint.Health == WorkloadHealth.Serving).Sum(endpoint => endpoint.Weight));

    // The same address twice is refused by gRPC clients. It happens when a process comes back on its port before the registration of
    // the one before has run out: the healthier of the two is the living one.
    private static IEnumerable<ServiceEndpoint> Distinct(IEnumerable<ServiceEndpoint> endpoints)
    {
        var distinct = endpoints.GroupBy(endpoint => (endpoint.Address, endpoint.Port))
            .Select(same => same.MinBy(endpoint => endpoint.Health)!)
            .OrderBy(endpoint => endpoint.Address, StringComparer.Ordinal)
            .ThenBy(endpoint => endpoint.Port)
            .ToImmutableArray();
        var taken = distinct.Select(endpoint => (endpoint.Address, endpoint.Port)).ToHashSet();
        return distinct.Select(endpoint => endpoint.OtherAddress is { } other && !taken.Add((other, endpoint.Port)) ? endpoint with { OtherAddress = null, Locality = Known(endpoint.Locality) } : endpoint with { Locality = Known(endpoint.Locality) });
    }

    private static LbEndpoint LbEndpoint(ServiceEndpoint endpoint, bool tellsTls) => new()
    {
        Endpoint = new Endpoint
        {
            Address = Address(endpoint.Address, endpoint.Port),
            AdditionalAddresses = { endpoint.OtherAddress is { } other ? [new Endpoint.Types.AdditionalAddress { Address = Address(other, endpoint.Port) }] : (Endpoint.Types.AdditionalAddress[])[] },
        },
        HealthStatus = endpoint.Health switch
        {
            WorkloadHealth.Serving => HealthStatus.Healthy,
            WorkloadHealth.Draining => HealthStatus.Draining,
            _ => HealthStatus.Unhealthy,
        },
        LoadBalancingWeight = endpoint.Weight == 1 ? null : endpoint.Weight,
        Metadata = tellsTls ? new Metadata { FilterMetadata = { [MatchMetadata] = new Struct { Fields = { ["tlsMode"] = Value.ForString(endpoint.TakesMeshTls ? "istio" : "disabled") } } } } : null,
    };

    private static Address Address(string address, int port) => new() { SocketAddress = new SocketAddress { Address = address, PortValue = (uint)port } };

    // The default of a struct has nulls.
    private static WorkloadLocality Known(WorkloadLocality locality) => new(locality.Region ?? "", locality.Zone ?? "", locality.SubZone ?? "");

    private static int Compare((int Priority, string Region, string Zone, string SubZone) left, (int Priority, string Region, string Zone, string SubZone) right)
    {
        var priority = left.Priority.CompareTo(right.Priority);
        var region = priority != 0 ? priority : string.CompareOrdinal(left.Region, right.Region);
        var zone = region != 0 ? region : string.CompareOrdinal(left.Zone, right.Zone);
        return zone != 0 ? zone : string.CompareOrdinal(left.SubZone, right.SubZone);
    }
}
