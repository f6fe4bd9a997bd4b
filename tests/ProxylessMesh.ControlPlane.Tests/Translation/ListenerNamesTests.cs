using System.Net;
using ProxylessMesh.ControlPlane.Translation;

namespace ProxylessMesh.ControlPlane.Tests.Translation;

public class ListenerNamesTests
{
    private const string Service = """
        apiVersion: v1
        kind: Service
        metadata: { name: pricing, namespace: shop }
        spec:
          ports:
          - { name: grpc, port: 8080 }
          - { name: admin, port: 9090 }
        """;

    private const string Catalog = "catalog.shop.svc.cluster.local:80";
    private const string Pricing = "pricing.shop.svc.cluster.local:8080";

    [Theory]
    [InlineData("catalog", "shop", Catalog)]
    [InlineData("Catalog", "shop", Catalog)]
    [InlineData("catalog:8080", "shop", Catalog)]
    [InlineData("catalog.shop", "default", Catalog)]
    [InlineData("catalog.shop.svc", "default", Catalog)]
    [InlineData("catalog.shop.svc.cluster.local:443", "default", Catalog)]
    [InlineData("catalog", "default", null)]
    [InlineData("pricing:8080", "shop", Pricing)]
    [InlineData("pricing", "shop", Pricing)]
    [InlineData("pricing:9090", "shop", "pricing.shop.svc.cluster.local:9090")]
    [InlineData("pricing:80", "shop", null)]
    [InlineData("example.com", "shop", null)]
    [InlineData("127.0.0.1:80", "shop", null)]
    [InlineData("[::1]:80", "shop", null)]
    [InlineData("", "shop", null)]
    [InlineData(":80", "shop", null)]
    [InlineData("catalog:", "shop", null)]
    [InlineData("catalog:99999", "shop", null)]
    [InlineData("catalog:-1", "shop", null)]
    public void A_name_means_what_the_caller_s_namespace_means_by_it(string requested, string nodeNamespace, string? canonical)
        => Assert.Equal(canonical, Given.Snapshot(Service, Given.Workload("catalog", "c1")).Names.Canonical(requested, nodeNamespace));

    [Fact]
    public void A_name_outlives_its_workloads_while_a_manifest_speaks_of_it()
    {
        const string route = """
            apiVersion: gateway.networking.k8s.io/v1
            kind: HTTPRoute
            metadata: { name: catalog, namespace: shop }
            spec:
              parentRefs: [{ group: "", kind: Service, name: catalog }]
              rules: [{ backendRefs: [{ name: catalog-v1, port: 80 }] }]
            """;

        var snapshot = Given.Snapshot(route);

        Assert.Equal(Catalog, snapshot.Names.Canonical("catalog", "shop"));
        Assert.Empty(snapshot.Assignment("outbound|80||catalog-v1.shop.svc.cluster.local").Endpoints);
    }

    [Fact]
    public void A_workload_that_only_calls_is_no_service()
    {
        var worker = Given.Workload("worker", "w1") with { Ports = [] };

        Assert.Null(Given.Snapshot("", worker).Names.Canonical("worker", "shop"));
    }

    [Theory]
    [InlineData("proxylessmesh/inbound/127.0.0.1:5000", 0, "127.0.0.1:5000")]
    [InlineData("grpc/server?xds.resource.listening_address=[::1]:5000", 1, "[::1]:5000")]
    [InlineData("xds.istio.io/grpc/lds/inbound/0.0.0.0:80", 1, "0.0.0.0:80")]
    public void A_server_s_name_tells_its_kind_and_address(string requested, int dialect, string address)
    {
        Assert.True(InboundName.TryParse(requested, out var name));
        Assert.Equal(new InboundName((InboundDialect)dialect, IPEndPoint.Parse(address)), name);
    }

    [Theory]
    [InlineData("proxylessmesh/inbound/")]
    [InlineData("proxylessmesh/inbound/127.0.0.1")]
    [InlineData("proxylessmesh/inbound/catalog:80")]
    [InlineData("proxylessmesh/inbound/127.0.0.1:99999")]
    [InlineData("catalog")]
    [InlineData("")]
    public void Other_names_are_no_server_s(string requested) => Assert.False(InboundName.TryParse(requested, out _));
}
