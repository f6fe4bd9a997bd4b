using Envoy.Config.Core.V3;
using Envoy.Config.Endpoint.V3;
using Google.Protobuf.WellKnownTypes;
using ProxylessMesh.ControlPlane.Workloads;

namespace ProxylessMesh.ControlPlane.Translation;

/// <summary>Workloads become the endpoints of a cluster: by locality, all in priority 0, each telling whether it takes mesh TLS.</summary>
internal static class EndpointTranslator
{
    private const string MatchMetadata = "envoy.transport_socket_match";

    public static ClusterLoadAssignment Translate(string clusterName, IEnumerable<ServicePortEndpoint> endpoints)
    {
        var assignment = new ClusterLoadAssignment { ClusterName = clusterName };
        var localities = Distinct(endpoints)
            .GroupBy(endpoint => Known(endpoint.Workload.Locality))
            .OrderBy(group => (group.Key.Region, group.Key.Zone, group.Key.SubZone), Comparer<(string, string, string)>.Create(Compare));
        foreach (var locality in localities)
        {
            assignment.Endpoints.Add(new LocalityLbEndpoints
            {
                Locality = new Locality { Region = locality.Key.Region, Zone = locality.Key.Zone, SubZone = locality.Key.SubZone },

                // A locality without weight is dropped by gRPC clients without a word, so one that only drains keeps a weight too.
                LoadBalancingWeight = (uint)Math.Max(1, locality.Count(endpoint => endpoint.Workload.Health == WorkloadHealth.Serving)),
                LbEndpoints = { locality.Select(LbEndpoint) },
            });
        }

        return assignment;
    }

    // The same address twice is refused by gRPC clients. It happens when a process comes back on its port before the registration of
    // the one before has run out: the healthier of the two is the living one.
    private static IEnumerable<ServicePortEndpoint> Distinct(IEnumerable<ServicePortEndpoint> endpoints)
        => endpoints.GroupBy(endpoint => (endpoint.Workload.Addresses[0], endpoint.Port.Number))
            .Select(same => same.MinBy(endpoint => endpoint.Workload.Health)!)
            .OrderBy(endpoint => endpoint.Workload.Addresses[0].ToString(), StringComparer.Ordinal)
            .ThenBy(endpoint => endpoint.Port.Number);

    private static LbEndpoint LbEndpoint(ServicePortEndpoint endpoint) => new()
    {
        Endpoint = new Endpoint
        {
            Address = new Address
            {
                SocketAddress = new SocketAddress { Address = endpoint.Workload.Addresses[0].ToString(), PortValue = (uint)endpoint.Port.Number },
            },
        },
        HealthStatus = endpoint.Workload.Health switch
        {
            WorkloadHealth.Serving => HealthStatus.Healthy,
            WorkloadHealth.Draining => HealthStatus.Draining,
            _ => HealthStatus.Unhealthy,
        },
        Metadata = new Metadata
        {
            FilterMetadata =
            {
                [MatchMetadata] = new Struct { Fields = { ["tlsMode"] = Value.ForString(endpoint.TakesMeshTls ? "istio" : "disabled") } },
            },
        },
    };

    // The default of a struct has nulls.
    private static WorkloadLocality Known(WorkloadLocality locality) => new(locality.Region ?? "", locality.Zone ?? "", locality.SubZone ?? "");

    private static int Compare((string Region, string Zone, string SubZone) left, (string Region, string Zone, string SubZone) right)
    {
        var region = string.CompareOrdinal(left.Region, right.Region);
        var zone = region != 0 ? region : string.CompareOrdinal(left.Zone, right.Zone);
        return zone != 0 ? zone : string.CompareOrdinal(left.SubZone, right.SubZone);
    }
}

/// <summary>A workload behind a port of a service.</summary>
/// <param name="Workload">The process.</param>
/// <param name="Port">Where it serves that port.</param>
/// <param name="TakesMeshTls">Whether callers are to use mTLS with it.</param>
internal sealed record ServicePortEndpoint(Workload Workload, ServingPort Port, bool TakesMeshTls);
