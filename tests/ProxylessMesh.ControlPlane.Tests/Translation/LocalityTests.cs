using System.Collections.Frozen;
using Envoy.Config.Endpoint.V3;
using ProxylessMesh.ControlPlane.Translation;
using ProxylessMesh.ControlPlane.Workloads;
using ProxylessMesh.ControlPlane.Xds;
using ProxylessMesh.Protos;

namespace ProxylessMesh.ControlPlane.Tests.Translation;

public class LocalityTests
{
    private const string Name = "outbound|80||catalog.shop.svc.cluster.local";

    private static readonly Workload[] Everywhere =
    [
        At("c1", "eu", "a", "1"), At("c2", "eu", "a", "2"), At("c3", "eu", "b", "1"), At("c4", "us", "a", "1"), At("c5", "asia", "a", "1"),
    ];

    private static Workload At(string instance, string region, string zone, string subZone, string team = "")
    {
        var workload = Given.Workload("catalog", instance) with { Locality = new WorkloadLocality(region, zone, subZone) };
        return team.Length == 0 ? workload : workload with { Labels = workload.Labels.Append(KeyValuePair.Create("team", team)).ToFrozenDictionary() };
    }

    private static string Rule(string policy) => $$"""
        apiVersion: networking.istio.io/v1
        kind: DestinationRule
        metadata: { name: catalog, namespace: shop }
        spec: { host: catalog, trafficPolicy: { {{policy}} } }
        ---

        """;

    private static RouteAudience Caller(string region, string zone, string subZone, string team = "") => new()
    {
        Namespace = "web",
        Locality = new WorkloadLocality(region, zone, subZone),
        Labels = team.Length == 0 ? FrozenDictionary<string, string>.Empty : new Dictionary<string, string> { ["team"] = team },
    };

    private static ClusterLoadAssignment For(XdsSnapshot snapshot, RouteAudience caller)
        => ClusterLoadAssignment.Parser.ParseFrom(snapshot.FindDestination(XdsTypeUrls.ClusterLoadAssignment, Name, caller)!.Bytes);

    /// <summary>The last figure of each endpoint's address, by priority.</summary>
    private static string Order(ClusterLoadAssignment assignment)
        => string.Join('|', assignment.Endpoints.GroupBy(locality => locality.Priority).OrderBy(group => group.Key).Select(group => string.Concat(
            group.SelectMany(locality => locality.LbEndpoints).Select(endpoint => endpoint.Endpoint.Address.SocketAddress.Address[^1]).Order())));

    [Theory]
    [InlineData("outlierDetection: {}", "1|2|3|45")]
    [InlineData("outlierDetection: {}, loadBalancer: { localityLbSetting: { failover: [{ from: eu, to: asia }] } }", "1|2|3|5|4")]
    [InlineData("outlierDetection: {}, loadBalancer: { localityLbSetting: { failover: [{ from: us, to: asia }] } }", "1|2|3|45")]
    [InlineData("outlierDetection: {}, loadBalancer: { localityLbSetting: { enabled: false } }", "12345")]
    [InlineData("loadBalancer: { localityLbSetting: { failover: [{ from: eu, to: asia }] } }", "12345")]
    [InlineData("outlierDetection: {}, loadBalancer: { localityLbSetting: { failoverPriority: [topology.kubernetes.io/region, topology.kubernetes.io/zone] } }", "12|3|45")]
    [InlineData("outlierDetection: {}, loadBalancer: { localityLbSetting: { failoverPriority: [topology.kubernetes.io/region=us] } }", "4|1235")]
    [InlineData("loadBalancer: { zoneAwareLbSetting: { enabled: true } }", "123|45")]
    [InlineData("loadBalancer: { zoneAwareLbSetting: { enabled: true, failover: [{ from: eu, to: us }] } }", "123|4|5")]
    [InlineData("loadBalancer: { simple: RANDOM }", "12345")]
    public void Endpoints_near_the_caller_come_first(string policy, string order)
        => Assert.Equal(order, Order(For(Given.Snapshot(Rule(policy), Everywhere), Caller("eu", "a", "1"))));

    [Fact]
    public void A_caller_of_whom_no_place_is_known_sees_all_as_equal()
        => Assert.Equal("12345", Order(For(Given.Snapshot(Rule("outlierDetection: {}"), Everywhere), RouteAudience.Of("web"))));

    [Fact]
    public void Labels_count_in_their_order_and_only_while_those_before_match()
    {
        Workload[] workloads = [At("c1", "eu", "a", "", "red"), At("c2", "us", "a", "", "red"), At("c3", "eu", "a", "", "blue"), At("c4", "us", "a", "", "blue")];
        var snapshot = Given.Snapshot(Rule("outlierDetection: {}, loadBalancer: { localityLbSetting: { failoverPriority: [team, topology.kubernetes.io/region] } }"), workloads);

        Assert.Equal("1|2|34", Order(For(snapshot, Caller("eu", "a", "", "red"))));
        Assert.Equal("4|3|12", Order(For(snapshot, Caller("us", "a", "", "blue"))));
    }

    [Fact]
    public void Shares_are_those_of_the_first_place_that_is_the_caller_s_and_other_places_get_nothing()
    {
        var snapshot = Given.Snapshot(Rule("loadBalancer: { localityLbSetting: { distribute: [{ from: eu/a/*, to: { eu/a: 60, us/*: 40 } }, { from: us, to: { us: 100 } }] } }"), Everywhere);

        var shares = For(snapshot, Caller("eu", "a", "1")).Endpoints.Select(locality => (locality.Locality.Region, locality.Locality.Zone, locality.Locality.SubZone, locality.LoadBalancingWeight ?? 0));

        Assert.Equal([("eu", "a", "1", 30_000u), ("eu", "a", "2", 30_000u), ("us", "a", "1", 40_000u)], shares);
        Assert.Equal("4", Order(For(snapshot, Caller("us", "b", ""))));
        Assert.Equal("12345", Order(For(snapshot, Caller("asia", "a", ""))));
    }

    [Fact]
    public void A_Service_may_prefer_what_is_close()
    {
        const string service = """
            apiVersion: v1
            kind: Service
            metadata: { name: catalog, namespace: shop }
            spec: { trafficDistribution: PreferClose, ports: [{ port: 80 }] }
            """;

        Assert.Equal("1|2|3|45", Order(For(Given.Snapshot(service, Everywhere), Caller("eu", "a", "1"))));
    }

    [Fact]
    public void Spill_to_the_next_priority_follows_Envoy_s_arithmetic()
        => Assert.Equal(140u, Given.Snapshot("", Everywhere).Assignment().Policy.OverprovisioningFactor);
}
