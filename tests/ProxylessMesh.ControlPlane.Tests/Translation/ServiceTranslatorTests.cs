using System.Net;
using Envoy.Config.Cluster.V3;
using Envoy.Config.Core.V3;
using Envoy.Extensions.TransportSockets.Tls.V3;
using ProxylessMesh.ControlPlane.Workloads;

namespace ProxylessMesh.ControlPlane.Tests.Translation;

public class ServiceTranslatorTests
{
    private static string Service(string spec) => $$"""
        apiVersion: v1
        kind: Service
        metadata: { name: catalog, namespace: shop }
        spec: {{spec}}
        ---

        """;

    private static string DestinationRule(string spec, string ns = "shop", string name = "catalog") => $$"""
        apiVersion: networking.istio.io/v1
        kind: DestinationRule
        metadata: { name: {{name}}, namespace: {{ns}} }
        spec: {{spec}}
        ---

        """;

    private static string[] Identities(Cluster cluster)
        => [.. cluster.TransportSocket.TypedConfig.Unpack<UpstreamTlsContext>().CommonTlsContext.ValidationContext.MatchSubjectAltNames.Select(name => name.Exact)];

    private static Workload Serving(Workload workload, params ServingPort[] ports) => workload with { Ports = [.. ports] };

    [Fact]
    public void Callers_expect_exactly_the_identities_behind_the_service()
    {
        var cluster = Given.Snapshot("", Given.Workload("catalog", "c2", account: "z"), Given.Workload("catalog", "c1"), Given.Workload("catalog", "c3"), Given.Workload("pricing", "p4")).Cluster();

        Assert.Equal(["spiffe://mesh.local/ns/shop/sa/catalog", "spiffe://mesh.local/ns/shop/sa/z"], Identities(cluster));
        var tls = cluster.TransportSocket.TypedConfig.Unpack<UpstreamTlsContext>().CommonTlsContext;
        Assert.Equal("envoy.transport_sockets.tls", cluster.TransportSocket.Name);
        Assert.Equal(("default", "default"), (tls.TlsCertificateProviderInstance.InstanceName, tls.ValidationContext.CaCertificateProviderInstance.InstanceName));
    }

    [Fact]
    public void A_service_that_nobody_serves_yet_expects_its_own_accounts_and_never_just_anybody()
    {
        const string service = """
            apiVersion: v1
            kind: Service
            metadata: { name: catalog, namespace: shop, annotations: { mesh.proxyless.dev/service-accounts: stock } }
            spec: { ports: [{ port: 80 }] }
            """;

        Assert.Equal(["spiffe://mesh.local/ns/shop/sa/catalog", "spiffe://mesh.local/ns/shop/sa/stock"], Identities(Given.Snapshot(service).Cluster()));
    }

    [Fact]
    public void Endpoints_tell_whether_they_take_mesh_TLS()
    {
        var snapshot = Given.Snapshot("", Given.Workload("catalog", "c1"), Serving(Given.Workload("catalog", "c2", account: "other"), new ServingPort("http", 5000, "http", TakesMeshTls: false)));

        Assert.Equal(
            ["istio", "disabled"],
            snapshot.Assignment().Endpoints[0].LbEndpoints.Select(endpoint => endpoint.Metadata.FilterMetadata["envoy.transport_socket_match"].Fields["tlsMode"].StringValue));
        Assert.Equal(["spiffe://mesh.local/ns/shop/sa/catalog"], Identities(snapshot.Cluster()));
        Assert.Empty(snapshot.Cluster().TypedExtensionProtocolOptions);
    }

    [Fact]
    public void A_service_without_mesh_TLS_is_called_in_plaintext()
    {
        var cluster = Given.Snapshot("", Serving(Given.Workload("catalog", "c1"), new ServingPort("http", 5000, "grpc", TakesMeshTls: false))).Cluster();

        Assert.Null(cluster.TransportSocket);
        Assert.Single(cluster.TypedExtensionProtocolOptions);
    }

    [Fact]
    public void A_workload_whose_policy_is_DISABLE_is_called_in_plaintext()
    {
        const string policy = """
            apiVersion: security.istio.io/v1
            kind: PeerAuthentication
            metadata: { name: default, namespace: shop }
            spec: { mtls: { mode: DISABLE } }
            """;

        Assert.Null(Given.Snapshot(policy, Given.Workload("catalog", "c1")).Cluster().TransportSocket);
    }

    [Theory]
    [InlineData("DISABLE", false)]
    [InlineData("ISTIO_MUTUAL", true)]
    public void A_DestinationRule_decides_TLS_over_what_endpoints_say(string mode, bool tls)
    {
        var cluster = Given.Snapshot(
            DestinationRule($"{{ host: catalog, trafficPolicy: {{ tls: {{ mode: {mode} }} }} }}"),
            Given.Workload("catalog", "c1"),
            Serving(Given.Workload("catalog", "c2"), new ServingPort("http", 5000, "http", TakesMeshTls: false))).Cluster();

        Assert.Equal(tls, cluster.TransportSocket is not null);
    }

    [Fact]
    public void Health_and_locality_are_the_workloads_own()
    {
        var snapshot = Given.Snapshot(
            "",
            Given.Workload("catalog", "c1") with { Locality = new WorkloadLocality("eu", "b", "") },
            Given.Workload("catalog", "c2") with { Locality = new WorkloadLocality("eu", "a", ""), Health = WorkloadHealth.Draining },
            Given.Workload("catalog", "c3") with { Locality = new WorkloadLocality("eu", "a", ""), Health = WorkloadHealth.NotServing },
            Given.Workload("catalog", "c4") with { Locality = new WorkloadLocality("eu", "b", "") });

        var localities = snapshot.Assignment().Endpoints;
        Assert.Equal([("a", 1u, 0u), ("b", 2u, 0u)], localities.Select(locality => (locality.Locality.Zone, locality.LoadBalancingWeight ?? 0, locality.Priority)));
        Assert.Equal([HealthStatus.Draining, HealthStatus.Unhealthy, HealthStatus.Healthy, HealthStatus.Healthy], localities.SelectMany(locality => locality.LbEndpoints).Select(endpoint => endpoint.HealthStatus));
    }

    [Fact]
    public void An_address_is_listed_once_and_the_living_process_has_it()
    {
        var gone = Given.Workload("catalog", "c1") with { Health = WorkloadHealth.NotServing, Addresses = [IPAddress.Loopback] };
        var back = Given.Workload("catalog", "c2") with { Addresses = [IPAddress.Loopback] };

        var endpoint = Assert.Single(Assert.Single(Given.Snapshot("", gone, back).Assignment().Endpoints).LbEndpoints);

        Assert.Equal(HealthStatus.Healthy, endpoint.HealthStatus);
    }

    [Fact]
    public void A_selector_chooses_by_labels_within_the_namespace()
    {
        var snapshot = Given.Snapshot(
            Service("{ selector: { app: stock, version: v2 }, ports: [{ port: 80 }] }"),
            Given.Workload("stock", "s1", version: "v1"),
            Given.Workload("stock", "s2", version: "v2"),
            Given.Workload("stock", "s3", version: "v2", ns: "bank"),
            Given.Workload("catalog", "c4"));

        Assert.Equal(["10.0.0.2:5000"], snapshot.Assignment().Addresses());
        Assert.Equal(["spiffe://mesh.local/ns/shop/sa/stock"], Identities(snapshot.Cluster()));
    }

    [Theory]
    [InlineData("{ port: 80, targetPort: 6000 }", "10.0.0.1:6000")]
    [InlineData("{ port: 80, targetPort: admin }", "10.0.0.1:6000")]
    [InlineData("{ port: 80, name: admin }", "10.0.0.1:6000")]
    [InlineData("{ port: 80 }", "10.0.0.1:5000")]
    [InlineData("{ port: 80, targetPort: 7000 }", null)]
    [InlineData("{ port: 80, targetPort: other }", null)]
    public void A_service_s_port_leads_to_a_port_that_the_workload_serves(string port, string? address)
    {
        var workload = Serving(Given.Workload("catalog", "c1"), new ServingPort("http", 5000, "http", true), new ServingPort("admin", 6000, "http", true));

        var addresses = Given.Snapshot(Service($"{{ ports: [{port}] }}"), workload).Assignment().Addresses();

        Assert.Equal(address is null ? [] : [address], addresses);
    }

    [Fact]
    public void Least_request_is_the_default_and_older_clients_fall_back_to_round_robin()
    {
        var cluster = Given.Snapshot("", Given.Workload("catalog", "c1")).Cluster();

        Assert.Equal(Cluster.Types.LbPolicy.RoundRobin, cluster.LbPolicy);
        Assert.Equal(
            ["type.googleapis.com/envoy.extensions.load_balancing_policies.least_request.v3.LeastRequest", "type.googleapis.com/envoy.extensions.load_balancing_policies.round_robin.v3.RoundRobin"],
            cluster.LoadBalancingPolicy.Policies.Select(policy => policy.TypedExtensionConfig.TypedConfig.TypeUrl));
    }

    [Fact]
    public void Limits_are_only_those_that_somebody_set()
    {
        Assert.Equal(uint.MaxValue, Assert.Single(Given.Snapshot("", Given.Workload("catalog", "c1")).Cluster().CircuitBreakers.Thresholds).MaxRequests);

        var limited = Given.Snapshot(
            DestinationRule("{ host: catalog, trafficPolicy: { connectionPool: { tcp: { maxConnections: 7, connectTimeout: 1s }, http: { http1MaxPendingRequests: 8, http2MaxRequests: 9, maxRetries: 10 } } } }"),
            Given.Workload("catalog", "c1")).Cluster();
        var thresholds = Assert.Single(limited.CircuitBreakers.Thresholds);
        Assert.Equal((7u, 8u, 9u, 10u), (thresholds.MaxConnections ?? 0, thresholds.MaxPendingRequests ?? 0, thresholds.MaxRequests ?? 0, thresholds.MaxRetries ?? 0));
        Assert.Equal(TimeSpan.FromSeconds(1), limited.ConnectTimeout.ToTimeSpan());
    }

    [Theory]
    [InlineData("{}", 100, 0)]
    [InlineData("{ consecutive5xxErrors: 3 }", 100, 0)]
    [InlineData("{ consecutive5xxErrors: 0 }", 0, 0)]
    [InlineData("{ consecutiveGatewayErrors: 2 }", 100, 100)]
    [InlineData("{ consecutive5xxErrors: 0, consecutiveGatewayErrors: 2 }", 0, 100)]
    [InlineData("{ consecutive5xxErrors: 3, consecutiveGatewayErrors: 2 }", 100, 100)]
    public void Ejection_is_by_the_detectors_that_were_asked_for(string outlier, int fiveXx, int gateway)
    {
        var detection = Given.Snapshot(DestinationRule($"{{ host: catalog, trafficPolicy: {{ outlierDetection: {outlier} }} }}"), Given.Workload("catalog", "c1")).Cluster().OutlierDetection;

        Assert.Equal(((uint)fiveXx, (uint)gateway, 0u), (detection.EnforcingConsecutive5Xx ?? 100, detection.EnforcingConsecutiveGatewayFailure ?? 0, detection.EnforcingSuccessRate ?? 100));
    }

    [Fact]
    public void Nobody_is_ejected_where_nobody_asked_for_it() => Assert.Null(Given.Snapshot("", Given.Workload("catalog", "c1")).Cluster().OutlierDetection);

    [Fact]
    public void A_subset_is_a_cluster_with_its_own_workloads_and_settings()
    {
        var snapshot = Given.Snapshot(
            DestinationRule(
                """
                { host: catalog, trafficPolicy: { connectionPool: { http: { http2MaxRequests: 5 } }, outlierDetection: {} },
                  subsets: [{ name: v2, labels: { version: v2 }, trafficPolicy: { connectionPool: { http: { http2MaxRequests: 6 } } } }] }
                """),
            Given.Workload("catalog", "c1", version: "v1"),
            Given.Workload("catalog", "c2", version: "v2", account: "canary"));

        var subset = snapshot.Cluster("outbound|80|v2|catalog.shop.svc.cluster.local");
        Assert.Equal(["10.0.0.2:5000"], snapshot.Assignment(subset.Name).Addresses());
        Assert.Equal(["spiffe://mesh.local/ns/shop/sa/canary"], Identities(subset));
        Assert.Equal(6u, subset.CircuitBreakers.Thresholds[0].MaxRequests);
        Assert.NotNull(subset.OutlierDetection);
        Assert.Equal(5u, snapshot.Cluster().CircuitBreakers.Thresholds[0].MaxRequests);
    }

    [Fact]
    public void The_rule_nearest_to_the_service_counts()
    {
        static string Limit(string host, int requests) => $"{{ host: \"{host}\", trafficPolicy: {{ connectionPool: {{ http: {{ http2MaxRequests: {requests} }} }} }} }}";
        static uint? Requests(string yaml) => Given.Snapshot(yaml, Given.Workload("catalog", "c1")).Cluster().CircuitBreakers.Thresholds[0].MaxRequests;
        var root = DestinationRule(Limit("catalog.shop", 1), "mesh-system");
        var wildcard = DestinationRule(Limit("*.shop.svc.cluster.local", 2), name: "wildcard");
        var exact = DestinationRule(Limit("catalog", 3));

        Assert.Equal([1u, 2u, 3u], [Requests(root), Requests(root + wildcard), Requests(root + wildcard + exact)]);
    }
}
