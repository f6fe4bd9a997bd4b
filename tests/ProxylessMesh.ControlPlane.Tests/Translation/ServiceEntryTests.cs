using Envoy.Config.Cluster.V3;
using Envoy.Config.Route.V3;
using Envoy.Extensions.TransportSockets.Tls.V3;
using ProxylessMesh.ControlPlane.Translation;
using ProxylessMesh.ControlPlane.Workloads;
using ProxylessMesh.ControlPlane.Xds;
using ProxylessMesh.Protos;
using ProxylessMesh.TestSupport;

namespace ProxylessMesh.ControlPlane.Tests.Translation;

public class ServiceEntryTests
{
    private static string Entry(string spec) => $$"""
        apiVersion: networking.istio.io/v1
        kind: ServiceEntry
        metadata: { name: entry, namespace: shop }
        spec: {{spec}}
        ---

        """;

    private static string Tls(string host, string tls) => $$"""
        apiVersion: networking.istio.io/v1
        kind: DestinationRule
        metadata: { name: entry, namespace: shop }
        spec: { host: "{{host}}", trafficPolicy: { tls: {{tls}} } }
        ---

        """;

    private static Cluster Asked(XdsSnapshot snapshot, string name)
        => Cluster.Parser.ParseFrom(snapshot.FindDestination(XdsTypeUrls.Cluster, name, RouteAudience.Of("web"))!.Bytes);

    private static UpstreamTlsContext TlsOf(Cluster cluster) => cluster.TransportSocket.TypedConfig.Unpack<UpstreamTlsContext>();

    private static (string Address, uint Port)[] NamesOf(Cluster cluster)
        => [.. cluster.LoadAssignment.Endpoints.SelectMany(locality => locality.LbEndpoints).Select(endpoint => (endpoint.Endpoint.Address.SocketAddress.Address, endpoint.Endpoint.Address.SocketAddress.PortValue))];

    [Theory]
    [InlineData("resolution: DNS", "api.example.com", 1)]
    [InlineData("resolution: DNS_ROUND_ROBIN", "api.example.com", 2)]
    [InlineData("resolution: NONE", "api.example.com", 2)]
    [InlineData("resolution: DNS, endpoints: [{ address: lon.example.com, ports: { http: 8080 } }]", "lon.example.com:8080", 1)]
    public void A_host_outside_is_looked_up_by_the_client(string how, string name, int type)
    {
        var snapshot = Given.Snapshot(Entry($"{{ hosts: [api.example.com], ports: [{{ number: 80, name: http, protocol: HTTP }}], {how} }}"));

        Assert.Equal("api.example.com:80", snapshot.Names.Canonical("api.example.com", "web"));
        var cluster = snapshot.Cluster("outbound|80||api.example.com");
        Assert.Equal(type, (int)cluster.Type);
        var parts = name.Split(':');
        Assert.Equal([(parts[0], parts.Length > 1 ? uint.Parse(parts[1], null) : 80u)], NamesOf(cluster));
        Assert.Null(cluster.TransportSocket);
        Assert.Equal(cluster.Name, Assert.Single(snapshot.VirtualHost("api.example.com:80").Routes).Route_.Cluster);
    }

    [Fact]
    public void A_name_of_two_parts_is_called_as_it_is_written()
    {
        var snapshot = Given.Snapshot(Entry("{ hosts: [example.com], ports: [{ number: 443, name: https, protocol: HTTPS }], resolution: DNS }"));

        Assert.Equal("example.com.svc.cluster.local:443", snapshot.Names.Canonical("example.com", "web"));
        var cluster = snapshot.Cluster("outbound|443||example.com.svc.cluster.local");
        Assert.Equal([("example.com", 443u)], NamesOf(cluster));
        Assert.Equal("example.com", TlsOf(cluster).Sni);
    }

    [Fact]
    public void An_https_port_is_called_with_TLS_under_the_system_s_roots_for_the_host()
    {
        var tls = TlsOf(Given.Snapshot(Entry("{ hosts: [api.example.com], ports: [{ number: 443, name: https, protocol: HTTPS }], resolution: DNS }")).Cluster("outbound|443||api.example.com"));

        Assert.NotNull(tls.CommonTlsContext.ValidationContext.SystemRootCerts);
        Assert.Equal(("api.example.com", "api.example.com"), (tls.Sni, Assert.Single(tls.CommonTlsContext.ValidationContext.MatchSubjectAltNames).Exact));
        Assert.Null(tls.CommonTlsContext.TlsCertificateProviderInstance);
    }

    [Fact]
    public void A_DestinationRule_says_under_which_roots_and_names_TLS_begins()
    {
        var pem = TestCa.Create().Root.ExportCertificatePem().ReplaceLineEndings("\n");
        var tls = TlsOf(Given.Snapshot(
            Entry("{ hosts: [api.example.com], ports: [{ number: 80, name: http, protocol: HTTP }], resolution: DNS, subjectAltNames: [entry.example.com] }")
            + Tls("api.example.com", $"{{ mode: SIMPLE, sni: sni.example.com, caCertificates: \"{pem.Replace("\n", "\\n", StringComparison.Ordinal)}\", subjectAltNames: [rule.example.com] }}")).Cluster("outbound|80||api.example.com"));

        Assert.Equal((pem, "sni.example.com", "rule.example.com"), (tls.CommonTlsContext.ValidationContext.TrustedCa.InlineString, tls.Sni, Assert.Single(tls.CommonTlsContext.ValidationContext.MatchSubjectAltNames).Exact));
    }

    [Fact]
    public void Each_name_under_a_wildcard_is_a_host_of_its_own()
    {
        var snapshot = Given.Snapshot(
            Entry("{ hosts: ['*.example.com'], ports: [{ number: 80, name: http, protocol: HTTP }], resolution: DYNAMIC_DNS }")
            + Tls("*.example.com", "{ mode: SIMPLE }")
            + """
            apiVersion: networking.istio.io/v1
            kind: VirtualService
            metadata: { name: entry, namespace: shop }
            spec: { hosts: ['*.example.com'], http: [{ timeout: 3s, route: [{ destination: { host: b.example.com } }] }] }
            """);

        Assert.Equal("a.example.com:80", snapshot.Names.Canonical("a.example.com", "web"));
        Assert.Null(snapshot.Names.Canonical("example.com", "web"));
        Assert.True(snapshot.TryGet(XdsTypeUrls.RouteConfiguration, "a.example.com:80", out var routes));
        var route = RouteConfiguration.Parser.ParseFrom(routes.Bytes).VirtualHosts[0].Routes[0].Route_;
        Assert.Equal((TimeSpan.FromSeconds(3), "outbound|80||b.example.com"), (route.Timeout.ToTimeSpan(), route.Cluster));
        Assert.Equal([("a.example.com", 80u)], NamesOf(Asked(snapshot, "outbound|80||a.example.com")));
        Assert.Equal("b.example.com", TlsOf(Asked(snapshot, route.Cluster)).Sni);
        Assert.Null(snapshot.FindDestination(XdsTypeUrls.Cluster, "outbound|80||a.example.org", RouteAudience.Of("web")));
    }

    [Fact]
    public void Static_endpoints_have_places_weights_and_ports_of_their_own()
    {
        var assignment = Given.Snapshot(Entry("""
            { hosts: [ledger.internal.example], location: MESH_INTERNAL, resolution: STATIC, ports: [{ number: 80, name: http, protocol: HTTP, targetPort: 8080 }],
              endpoints: [{ address: 10.1.0.1, locality: eu/a, weight: 3 }, { address: 10.1.0.2, ports: { http: 9090 }, labels: { security.istio.io/tlsMode: istio }, serviceAccount: ledger }] }
            """)).Assignment("outbound|80||ledger.internal.example");

        Assert.Equal(["10.1.0.2:9090", "10.1.0.1:8080"], assignment.Addresses());
        Assert.Equal([("", 1u), ("eu", 3u)], assignment.Endpoints.Select(locality => (locality.Locality.Region, locality.LoadBalancingWeight ?? 0)));
        Assert.Equal(["istio", "disabled"], assignment.Endpoints.SelectMany(locality => locality.LbEndpoints).Select(endpoint => endpoint.Metadata.FilterMetadata["envoy.transport_socket_match"].Fields["tlsMode"].StringValue));
    }

    [Fact]
    public void Workloads_and_WorkloadEntries_are_selected_by_their_labels()
    {
        const string written = """
            apiVersion: networking.istio.io/v1
            kind: WorkloadEntry
            metadata: { name: vm, namespace: shop }
            spec: { address: 10.1.0.1, labels: { app: ledger, security.istio.io/tlsMode: istio }, serviceAccount: vm }
            ---

            """;
        var snapshot = Given.Snapshot(
            written + Entry("{ hosts: [ledger.internal.example], location: MESH_INTERNAL, resolution: STATIC, ports: [{ number: 80, name: http, protocol: HTTP, targetPort: 5000 }], workloadSelector: { labels: { app: ledger } } }"),
            Given.Workload("ledger", "l1"),
            Given.Workload("ledger", "l2", ns: "bank"));

        Assert.Equal(["10.0.0.1:5000", "10.1.0.1:5000"], snapshot.Assignment("outbound|80||ledger.internal.example").Addresses());
        Assert.Equal(
            ["spiffe://mesh.local/ns/shop/sa/ledger", "spiffe://mesh.local/ns/shop/sa/vm"],
            TlsOf(snapshot.Cluster("outbound|80||ledger.internal.example")).CommonTlsContext.ValidationContext.MatchSubjectAltNames.Select(name => name.Exact));
    }

    [Fact]
    public void A_host_that_is_not_exported_is_no_host_elsewhere()
    {
        var names = Given.Snapshot(Entry("{ hosts: [api.example.com, '*.example.org'], exportTo: [.], ports: [{ number: 80, name: http }], resolution: NONE }")).Names;

        Assert.Equal(("api.example.com:80", null), (names.Canonical("api.example.com", "shop"), names.Canonical("api.example.com", "web")));
        Assert.Equal(("a.example.org:80", null), (names.Canonical("a.example.org", "shop"), names.Canonical("a.example.org", "web")));
    }

    [Theory]
    [InlineData("api.example.com:443", "api.example.com:443")]
    [InlineData("api.example.com", "api.example.com:80")]
    [InlineData("api.example.com:8443", null)]
    [InlineData("catalog:443", "catalog.shop.svc.cluster.local:80")]
    public void An_https_address_means_443_outside_and_the_service_itself_inside(string requested, string? canonical)
    {
        const string service = """
            apiVersion: v1
            kind: Service
            metadata: { name: catalog, namespace: shop }
            spec: { ports: [{ port: 80 }] }
            ---

            """;
        var names = Given.Snapshot(service + Entry("{ hosts: [api.example.com], ports: [{ number: 443, name: https, protocol: HTTPS }, { number: 80, name: http }], resolution: DNS }")).Names;

        Assert.Equal(canonical, names.Canonical(requested, "shop"));
    }

    [Fact]
    public void A_Service_may_be_another_name()
    {
        const string service = """
            apiVersion: v1
            kind: Service
            metadata: { name: catalog, namespace: shop }
            spec: { type: ExternalName, externalName: api.example.com, ports: [{ port: 80, targetPort: 8080 }] }
            """;

        var cluster = Given.Snapshot(service).Cluster();

        Assert.Equal([("api.example.com", 8080u)], NamesOf(cluster));
        Assert.Null(cluster.TransportSocket);
    }

    [Fact]
    public void Who_is_not_ready_takes_calls_where_the_Service_publishes_it()
    {
        const string service = """
            apiVersion: v1
            kind: Service
            metadata: { name: catalog, namespace: shop }
            spec: { publishNotReadyAddresses: true, sessionAffinity: ClientIP, ports: [{ port: 80 }] }
            """;

        var snapshot = Given.Snapshot(service, Given.Workload("catalog", "c1") with { Health = WorkloadHealth.NotServing });

        Assert.Equal(Envoy.Config.Core.V3.HealthStatus.Healthy, snapshot.Assignment().Endpoints[0].LbEndpoints[0].HealthStatus);
        Assert.True(Assert.Single(snapshot.VirtualHost().Routes).Route_.HashPolicy[0].ConnectionProperties.SourceIp);
        Assert.Equal(Cluster.Types.LbPolicy.RingHash, snapshot.Cluster().LbPolicy);
    }
}
