using System.Collections.Frozen;
using Envoy.Config.Listener.V3;
using Envoy.Config.Route.V3;
using Envoy.Extensions.Filters.Network.HttpConnectionManager.V3;
using ProxylessMesh.ControlPlane.Translation;
using ProxylessMesh.ControlPlane.Workloads;
using ProxylessMesh.ControlPlane.Xds;
using ProxylessMesh.Protos;
using ProxylessMesh.Spiffe;

namespace ProxylessMesh.ControlPlane.Tests.Translation;

/// <summary>Routes that depend on who calls: GAMMA's consumer routes, seen from the clients.</summary>
public class RouteVariantsTests
{
    private const string Catalog = "catalog.shop.svc.cluster.local:80";

    private static string Route(string name, string ns, string backend, string parentNamespace = "shop", string port = "") => $$"""
        apiVersion: gateway.networking.k8s.io/v1
        kind: HTTPRoute
        metadata: { name: {{name}}, namespace: {{ns}} }
        spec:
          parentRefs: [{ group: "", kind: Service, name: catalog, namespace: {{parentNamespace}}{{port}} }]
          rules: [{ backendRefs: [{ name: {{backend}}, namespace: shop, port: 80 }] }]
        ---

        """;

    private static AdsNode Node(string ns, string id = "n1") => new(id, SpiffeId.ForServiceAccount(Given.TrustDomain, ns, "web"), ns, "");

    // The name that the client's listener gives, and the routes behind it, as a session would look them up.
    private static (string RouteName, string[] Routes) Seen(XdsSnapshot snapshot, AdsNode node, string listener = "catalog.shop")
    {
        var resources = new NodeResources();
        var api = Listener.Parser.ParseFrom(resources.Find(snapshot, node, XdsTypeUrls.Listener, listener)!.Bytes).ApiListener.ApiListener_;
        var routeName = api.Unpack<HttpConnectionManager>().Rds.RouteConfigName;
        var configuration = RouteConfiguration.Parser.ParseFrom(resources.Find(snapshot, node, XdsTypeUrls.RouteConfiguration, routeName)!.Bytes);
        Assert.Equal(routeName, configuration.Name);
        return (routeName, [.. Assert.Single(configuration.VirtualHosts).Routes.Select(route => route.Name)]);
    }

    [Fact]
    public void A_consumer_route_replaces_the_producer_s_for_callers_of_its_namespace()
    {
        var snapshot = Given.Snapshot(Route("producer", "shop", "catalog-v1") + Route("consumer", "web", "catalog-v2"), Given.Workload("catalog", "c1"));

        Assert.Equal((Catalog + ";ns=web", "HTTPRoute/web/consumer/0"), (Seen(snapshot, Node("web")).RouteName, Assert.Single(Seen(snapshot, Node("web")).Routes)));
        Assert.Equal((Catalog, "HTTPRoute/shop/producer/0"), (Seen(snapshot, Node("shop")).RouteName, Assert.Single(Seen(snapshot, Node("shop")).Routes)));
        Assert.Equal(Catalog, Seen(snapshot, Node("other")).RouteName);
    }

    [Fact]
    public void Consumer_routes_of_one_namespace_are_merged_and_those_of_others_change_nothing()
    {
        var snapshot = Given.Snapshot(Route("a", "web", "catalog-v1") + Route("b", "web", "catalog-v2") + Route("c", "batch", "catalog"));

        Assert.Equal(["HTTPRoute/web/a/0", "HTTPRoute/web/b/0"], Seen(snapshot, Node("web")).Routes);
        Assert.Equal(["HTTPRoute/batch/c/0"], Seen(snapshot, Node("batch")).Routes);
        Assert.Equal(["default"], Seen(snapshot, Node("shop")).Routes);
    }

    [Fact]
    public void A_consumer_route_for_one_port_leaves_the_other_shared()
    {
        const string service = """
            apiVersion: v1
            kind: Service
            metadata: { name: catalog, namespace: shop }
            spec: { ports: [{ name: http, port: 80 }, { name: alt, port: 8080 }] }
            ---

            """;

        var snapshot = Given.Snapshot(service + Route("consumer", "web", "catalog-v2", port: ", port: 8080"));

        Assert.Equal(Catalog, Seen(snapshot, Node("web")).RouteName);
        Assert.Equal("catalog.shop.svc.cluster.local:8080;ns=web", Seen(snapshot, Node("web"), "catalog.shop:8080").RouteName);
    }

    [Fact]
    public void Every_cluster_of_a_variant_exists()
    {
        var snapshot = Given.Snapshot(Route("producer", "shop", "catalog-v1") + Route("consumer", "web", "catalog-v2") + Route("other", "batch", "catalog-v3"));

        Assert.Superset(
            new HashSet<string>(["v1", "v2", "v3"]).Select(version => $"outbound|80||catalog-{version}.shop.svc.cluster.local").ToHashSet(),
            snapshot.Clusters.Keys.ToHashSet());
    }

    [Fact]
    public void Callers_of_one_class_share_one_resource_and_a_change_of_workloads_keeps_it()
    {
        var translator = new MeshTranslator(Given.TrustDomain);
        var manifests = Given.Manifests(Route("consumer", "web", "catalog-v2"));
        var before = translator.Translate(manifests, []);
        Assert.True(before.TryGet(XdsTypeUrls.RouteConfiguration, Catalog + ";ns=web", out var first));

        var after = translator.Translate(manifests, [Given.Workload("catalog", "c1")]);

        Assert.True(after.TryGet(XdsTypeUrls.RouteConfiguration, Catalog + ";ns=web", out var second));
        Assert.Same(first, second);
    }

    [Theory]
    [InlineData(";ns=nobody")]
    [InlineData(";ns=web;ns=web")]
    [InlineData(";")]
    [InlineData(";ns=web;")]
    public void A_name_that_no_listener_gave_names_nothing(string suffix)
        => Assert.False(Given.Snapshot(Route("consumer", "web", "catalog-v2")).TryGet(XdsTypeUrls.RouteConfiguration, Catalog + suffix, out _));

    [Fact]
    public void Labels_and_account_are_those_of_the_registration_and_only_of_the_identity_that_made_it()
    {
        CallerFact[] facts = [CallerFact.Label("version", "v1"), CallerFact.ServiceAccount("web"), CallerFact.Namespace("shop")];
        var variants = new RouteVariants("catalog:80", [.. facts], (name, callers) => new RouteConfiguration { Name = name, VirtualHosts = { new VirtualHost { Name = string.Join(' ', callers.Facts) } } });
        var workload = Given.Workload("web", "w1", version: "v1");
        var snapshot = Given.Snapshot("", workload) with { Variants = new Dictionary<string, RouteVariants> { ["web.shop.svc.cluster.local:80"] = variants }, Workloads = new WorkloadSet(1, WorkloadSet.Empty.ByInstance.Add("w1", workload)) };
        string NameFor(AdsNode node) => Listener.Parser.ParseFrom(new NodeResources().Find(snapshot, node, XdsTypeUrls.Listener, "web.shop")!.Bytes)
            .ApiListener.ApiListener_.Unpack<HttpConnectionManager>().Rds.RouteConfigName;

        Assert.Equal("catalog:80;label:version=v1;ns=shop;sa=web", NameFor(new AdsNode("w1", workload.Id, "shop", "")));
        Assert.Equal("catalog:80;ns=shop;sa=web", NameFor(new AdsNode("w2", workload.Id, "shop", "")));
        Assert.Equal("catalog:80", NameFor(new AdsNode("w1", SpiffeId.ForServiceAccount(Given.TrustDomain, "other", "thief"), "other", "")));
        Assert.Equal("catalog:80;label:version=v1", NameFor(new AdsNode("w3", null, "other", "") { ClaimedLabels = new Dictionary<string, string> { ["version"] = "v1" }.ToFrozenDictionary() }));
        Assert.Equal("label:version=v1 ns=shop", Assert.Single(RouteConfiguration.Parser.ParseFrom(variants.Find("catalog:80;label:version=v1;ns=shop")!.Bytes).VirtualHosts).Name);
    }

    [Fact]
    public void A_long_label_stands_in_the_name_by_its_hash()
    {
        var fact = CallerFact.Label(new string('a', 200) + "/" + new string('b', 60), "v1");
        var variants = new RouteVariants("catalog:80", [fact], (name, callers) => new RouteConfiguration { Name = callers.Is(fact) ? "yes" : "no" });

        var name = variants.NameFor(new RouteAudience { Namespace = "shop", Labels = new Dictionary<string, string> { [fact.Key] = "v1" }.ToFrozenDictionary() });

        Assert.True(name.Length < 100);
        Assert.Equal("yes", RouteConfiguration.Parser.ParseFrom(variants.Find(name)!.Bytes).Name);
    }
}
