using Envoy.Config.Listener.V3;
using Envoy.Config.Route.V3;
using Envoy.Extensions.Filters.Network.HttpConnectionManager.V3;
using FsCheck;
using FsCheck.Fluent;
using ProxylessMesh.ControlPlane.Translation;
using ProxylessMesh.ControlPlane.Workloads;
using ProxylessMesh.ControlPlane.Xds;
using ProxylessMesh.Manifests.Kinds;
using ProxylessMesh.Protos;

namespace ProxylessMesh.ControlPlane.Tests.Translation;

/// <summary>What a client sees of the mesh, and what becomes of its calls to the rest.</summary>
public class SidecarScopesTests
{
    private static string Sidecar(string spec, string ns = "web", string name = "default") => $$"""
        apiVersion: networking.istio.io/v1
        kind: Sidecar
        metadata: { name: {{name}}, namespace: {{ns}} }
        spec: { {{spec}} }
        ---

        """;

    private static readonly Workload Web = Given.Workload("web", "w1", "web", "v1");

    private static HttpConnectionManager? Seen(string yaml, string name, Workload? client = null)
    {
        var caller = client ?? Web;
        var snapshot = Given.Snapshot(yaml, Given.Workload("catalog", "c1"), Given.Workload("pricing", "p1", "bank"), caller) with
        {
            Workloads = new WorkloadSet(1, WorkloadSet.Empty.ByInstance.Add(caller.InstanceId, caller)),
        };
        var found = new NodeResources().Find(snapshot, new AdsNode(caller.InstanceId, caller.Id, caller.Namespace, ""), XdsTypeUrls.Listener, name);
        return found is null ? null : Listener.Parser.ParseFrom(found.Bytes).ApiListener.ApiListener_.Unpack<HttpConnectionManager>();
    }

    private static Route? Beyond(HttpConnectionManager? http) => http?.RouteConfig?.VirtualHosts[0].Routes[0];

    [Theory]
    [InlineData("'*/*'", true, true)]
    [InlineData("shop/*", true, false)]
    [InlineData("./*", false, false)]
    [InlineData("'*/catalog.shop.svc.cluster.local'", true, false)]
    [InlineData("shop/pricing.bank.svc.cluster.local", false, false)]
    [InlineData("'*/*.bank.svc.cluster.local'", false, true)]
    [InlineData("'*/*', ~shop/*", false, true)]
    [InlineData("'*/*', ~/pricing.bank.svc.cluster.local", true, false)]
    [InlineData("'*/*', ~shop/pricing.bank.svc.cluster.local", true, true)]
    [InlineData("~/*", false, false)]
    public void A_client_sees_the_hosts_of_its_Sidecar(string hosts, bool seesCatalog, bool seesPricing)
    {
        var yaml = Sidecar($"egress: [{{ hosts: [{hosts}] }}]");

        Assert.Equal((seesCatalog, seesPricing), (Seen(yaml, "catalog.shop") is not null, Seen(yaml, "pricing.bank") is not null));
    }

    [Fact]
    public void Hosts_of_a_port_are_for_that_port()
    {
        const string service = """
            apiVersion: v1
            kind: Service
            metadata: { name: catalog, namespace: shop }
            spec: { ports: [{ name: http, port: 80 }, { name: alt, port: 8080 }] }
            ---

            """;
        var yaml = service + Sidecar("egress: [{ port: { number: 8080 }, hosts: [shop/*] }, { hosts: [bank/*] }]");

        Assert.NotNull(Seen(yaml, "catalog.shop:8080"));
        Assert.Null(Seen(yaml, "catalog.shop"));
        Assert.NotNull(Seen(yaml, "pricing.bank"));
    }

    [Fact]
    public void The_narrowest_Sidecar_is_a_client_s_own()
    {
        var yaml = Sidecar("egress: [{ hosts: [bank/*] }]", "mesh-system")
            + Sidecar("egress: [{ hosts: [shop/*] }]")
            + Sidecar("workloadSelector: { labels: { version: v2 } }, egress: [{ hosts: ['*/*'] }]", name: "v2");

        Assert.Equal((true, false), (Seen(yaml, "catalog.shop") is not null, Seen(yaml, "pricing.bank") is not null));
        var v2 = Given.Workload("web", "w1", "web", "v2");
        Assert.Equal((true, true), (Seen(yaml, "catalog.shop", v2) is not null, Seen(yaml, "pricing.bank", v2) is not null));
        var other = Given.Workload("other", "o1", "other");
        Assert.Equal((false, true), (Seen(yaml, "catalog.shop", other) is not null, Seen(yaml, "pricing.bank", other) is not null));
    }

    [Theory]
    [InlineData("catalog.shop")]
    [InlineData("www.example.com")]
    [InlineData("www.example.com:8443")]
    public void With_REGISTRY_ONLY_calls_to_what_is_not_seen_are_answered_with_502(string name)
    {
        var yaml = Sidecar("egress: [{ hosts: [bank/*] }], outboundTrafficPolicy: { mode: REGISTRY_ONLY }");

        Assert.Equal(("block_all", 502u), (Beyond(Seen(yaml, name))?.Name, Beyond(Seen(yaml, name))?.DirectResponse.Status));
        Assert.NotNull(Seen(yaml, "pricing.bank")!.Rds);
    }

    [Fact]
    public void With_ALLOW_ANY_they_are_no_part_of_the_mesh()
        => Assert.Null(Seen(Sidecar("egress: [{ hosts: [bank/*] }], outboundTrafficPolicy: { mode: ALLOW_ANY }"), "www.example.com"));

    [Fact]
    public void An_egress_proxy_takes_calls_to_unknown_hosts_and_its_cluster_exists()
    {
        var yaml = Sidecar("outboundTrafficPolicy: { mode: ALLOW_ANY, egressProxy: { host: way-out.ops, port: { number: 80 } } }");

        Assert.Equal("outbound|80||way-out.ops.svc.cluster.local", Beyond(Seen(yaml, "www.example.com"))?.Route_.Cluster);
        Assert.NotNull(Seen(yaml, "catalog.shop")!.Rds);
        Assert.Contains("outbound|80||way-out.ops.svc.cluster.local", Given.Snapshot(yaml).Clusters.Keys);
    }

    [Fact]
    public void Callers_are_sent_to_the_port_that_the_application_serves()
    {
        const string service = """
            apiVersion: v1
            kind: Service
            metadata: { name: catalog, namespace: shop }
            spec: { ports: [{ name: http, port: 80, targetPort: 90 }] }
            ---

            """;

        Assert.Empty(Given.Snapshot(service, Given.Workload("catalog", "c1")).Assignment().Endpoints);
        Assert.Equal(["10.0.0.1:5000"], Given.Snapshot(
            service + Sidecar("ingress: [{ port: { number: 90 }, defaultEndpoint: '127.0.0.1:5000' }]", "shop"), Given.Workload("catalog", "c1")).Assignment().Addresses());
    }

    [Fact]
    public void A_host_is_seen_if_some_entry_includes_it_and_none_excludes_it()
    {
        var entries = (from ns in Gen.Elements("*", "shop", "bank")
                       from host in Gen.Elements("*", "*.shop.svc.cluster.local", "catalog.shop.svc.cluster.local", "pricing.bank.svc.cluster.local")
                       from excluded in Gen.Elements(true, false, false)
                       select new EgressHost(ns, host, excluded)).ListOf();

        Check.QuickThrowOnFailure(Prop.ForAll(entries.ToArbitrary(), hosts =>
        {
            var sidecar = new SidecarManifest { Name = "s", Egress = [new SidecarEgress(null, [.. hosts])] };
            bool Hits(EgressHost entry) => entry.Namespace is "*" or "shop" && entry.Host is "*" or "*.shop.svc.cluster.local" or "catalog.shop.svc.cluster.local" && entry.Namespace != "bank";

            var expected = hosts.Any(entry => !entry.IsExcluded && Hits(entry)) && !hosts.Any(entry => entry.IsExcluded && Hits(entry));
            return SidecarScopes.Sees(sidecar, "catalog.shop.svc.cluster.local", "shop", 80) == expected;
        }));
    }
}
