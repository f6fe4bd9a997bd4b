using Envoy.Config.Listener.V3;
using Envoy.Config.Route.V3;
using Envoy.Extensions.Filters.Network.HttpConnectionManager.V3;
using ProxylessMesh.ControlPlane.Workloads;
using ProxylessMesh.ControlPlane.Xds;
using ProxylessMesh.Protos;

namespace ProxylessMesh.ControlPlane.Tests.Translation;

/// <summary>Which VirtualService counts for which callers, and what delegates put in place of a route.</summary>
public class VirtualServicesTests
{
    private const string Status = "directResponse: { status: 410 }";

    private static string VirtualService(string name, string spec, string ns = "shop") => $$"""
        apiVersion: networking.istio.io/v1
        kind: VirtualService
        metadata: { name: {{name}}, namespace: {{ns}} }
        spec: { {{spec}} }
        ---

        """;

    // Route names as a registered workload of the namespace sees them, without the kind.
    private static string[] Seen(string yaml, Workload caller, string listener = "catalog.shop")
    {
        var snapshot = Given.Snapshot(yaml, Given.Workload("catalog", "c1"), caller);
        var content = snapshot with { Workloads = WorkloadSetOf(caller) };
        var node = new AdsNode(caller.InstanceId, caller.Id, caller.Namespace, "");
        var resources = new NodeResources();
        var api = Listener.Parser.ParseFrom(resources.Find(content, node, XdsTypeUrls.Listener, listener)!.Bytes).ApiListener.ApiListener_;
        var name = api.Unpack<HttpConnectionManager>().Rds.RouteConfigName;
        var routes = RouteConfiguration.Parser.ParseFrom(resources.Find(content, node, XdsTypeUrls.RouteConfiguration, name)!.Bytes);
        return [.. Assert.Single(routes.VirtualHosts).Routes.Select(route => route.Name.Replace("VirtualService/", "", StringComparison.Ordinal))];
    }

    private static string[] Seen(string yaml, string ns, string version = "") => Seen(yaml, Given.Workload("web", "w1", ns, version));

    private static WorkloadSet WorkloadSetOf(Workload workload) => new(1, WorkloadSet.Empty.ByInstance.Add(workload.InstanceId, workload));

    [Fact]
    public void The_nearest_of_several_for_one_host_counts()
    {
        var yaml = VirtualService("everybody", $"hosts: [catalog.shop], http: [{{ {Status} }}]", "ops")
            + VirtualService("exported", $"hosts: [catalog.shop], exportTo: [web, batch], http: [{{ {Status} }}]", "ops")
            + VirtualService("own", $"hosts: [catalog.shop], exportTo: [.], http: [{{ {Status} }}]", "web");

        Assert.Equal(["web/own/0"], Seen(yaml, "web"));
        Assert.Equal(["ops/exported/0"], Seen(yaml, "batch"));
        Assert.Equal(["ops/everybody/0"], Seen(yaml, "shop"));
    }

    [Fact]
    public void The_most_specific_host_counts_before_the_nearest()
    {
        var yaml = VirtualService("exact", $"hosts: [catalog], http: [{{ {Status} }}]")
            + VirtualService("wide", $"hosts: ['*.svc.cluster.local'], exportTo: [.], http: [{{ {Status} }}]", "web")
            + VirtualService("narrow", $"hosts: ['*.shop.svc.cluster.local'], http: [{{ {Status} }}]");

        Assert.Equal(["shop/exact/0"], Seen(yaml, "web"));
        Assert.Equal(["shop/narrow/0"], Seen(yaml, Given.Workload("web", "w1", "shop"), "web.shop"));
        Assert.Equal(["web/wide/0"], Seen(yaml, Given.Workload("web", "w1", "web"), "web.web"));
    }

    [Fact]
    public void A_VirtualService_that_is_not_exported_here_changes_nothing()
        => Assert.Equal(["default"], Seen(VirtualService("v", $"hosts: [catalog], exportTo: [web], http: [{{ {Status} }}]"), "shop"));

    [Fact]
    public void Routes_for_some_callers_are_theirs_alone()
    {
        var yaml = VirtualService(
            "v",
            $$"""
            hosts: [catalog], http: [
              { name: beta, match: [{ sourceLabels: { version: v2, app: web } }], {{Status}} },
              { name: batch, match: [{ sourceNamespace: batch, uri: { prefix: /x } }], {{Status}} },
              { name: all, route: [{ destination: { host: catalog } }] }]
            """);

        Assert.Equal(["shop/v/beta"], Seen(yaml, "web", "v2"));
        Assert.Equal(["shop/v/all"], Seen(yaml, "web", "v1"));
        Assert.Equal(["shop/v/batch", "shop/v/all"], Seen(yaml, "batch"));
        Assert.Equal(["shop/v/beta"], Seen(yaml, "batch", "v2"));
    }

    [Fact]
    public void Where_nothing_is_for_a_caller_the_service_is_as_it_was()
        => Assert.Equal(["default"], Seen(VirtualService("v", $"hosts: [catalog], http: [{{ match: [{{ sourceNamespace: other }}], {Status} }}]"), "web"));

    [Fact]
    public void Clusters_of_routes_for_any_caller_exist()
    {
        var snapshot = Given.Snapshot(
            VirtualService("v", "hosts: [catalog], http: [{ match: [{ sourceNamespace: a }], route: [{ destination: { host: one } }] }, { match: [{ sourceNamespace: b }], route: [{ destination: { host: two } }], mirror: { host: three } }]")
            + VirtualService("w", "hosts: [catalog.shop], exportTo: [.], http: [{ route: [{ destination: { host: four } }] }]", "web"),
            Given.Workload("catalog", "c1"));

        Assert.ProperSubset(
            snapshot.Clusters.Keys.ToHashSet(),
            new HashSet<string>(["outbound|80||one.shop.svc.cluster.local", "outbound|80||two.shop.svc.cluster.local", "outbound|80||three.shop.svc.cluster.local", "outbound|80||four.web.svc.cluster.local"]));
    }

    private static string Root(string route) => VirtualService("root", $"hosts: [catalog], http: [{{ name: r, {route} delegate: {{ name: team, namespace: teams }} }}, {{ name: last, {Status} }}]");

    private static string Team(string http, string exportTo = "") => VirtualService("team", $"{exportTo}http: {http}", "teams");

    [Fact]
    public void A_delegate_s_routes_stand_in_the_place_of_the_route_and_inherit_from_it()
    {
        var yaml = Root("match: [{ uri: { prefix: /team }, method: { exact: GET } }], timeout: 3s, headers: { request: { set: { x: root } } }, fault: { abort: { httpStatus: 500, percentage: { value: 1 } } },")
            + Team("[{ name: a, match: [{ uri: { exact: /team/a } }], timeout: 1s, route: [{ destination: { host: one } }] }, { route: [{ destination: { host: two } }] }]");

        var routes = Given.Snapshot(yaml, Given.Workload("catalog", "c1")).VirtualHost().Routes;

        Assert.Equal(["VirtualService/shop/root/r-a", "VirtualService/shop/root/r", "VirtualService/shop/root/last"], routes.Select(route => route.Name));
        Assert.Equal(("/team/a", TimeSpan.FromSeconds(1)), (routes[0].Match.Path, routes[0].Route_.Timeout.ToTimeSpan()));
        Assert.Equal(("/team", TimeSpan.FromSeconds(3)), (routes[1].Match.Prefix, routes[1].Route_.Timeout.ToTimeSpan()));
        Assert.All(routes.Take(2), route => Assert.Equal((":method", "x", 1), (route.Match.Headers[0].Name, route.RequestHeadersToAdd[0].Header.Key, route.TypedPerFilterConfig.Count)));
        Assert.Equal(["outbound|80||one.teams.svc.cluster.local", "outbound|80||two.teams.svc.cluster.local"], routes.Take(2).Select(route => route.Route_.Cluster));
    }

    [Theory]
    [InlineData("uri: { prefix: /a }", "uri: { prefix: /a/b }", true)]
    [InlineData("uri: { prefix: /a }", "uri: { exact: /a/b }", true)]
    [InlineData("uri: { prefix: /a/b }", "uri: { prefix: /a }", false)]
    [InlineData("uri: { exact: /a }", "uri: { prefix: /a }", false)]
    [InlineData("uri: { exact: /a }", "uri: { exact: /a }", true)]
    [InlineData("uri: { regex: /a }", "uri: { exact: /a }", false)]
    [InlineData("uri: { regex: /a }", "method: { exact: GET }", true)]
    [InlineData("headers: { x: { exact: a } }", "headers: { x: { exact: b } }", false)]
    [InlineData("headers: { x: { exact: a } }", "headers: { y: { exact: b } }", true)]
    [InlineData("queryParams: { q: { prefix: a } }", "queryParams: { q: { exact: ab } }", true)]
    [InlineData("withoutHeaders: { x: { exact: a } }", "withoutHeaders: { x: { exact: b } }", false)]
    [InlineData("port: 80", "port: 81", false)]
    [InlineData("port: 80", "method: { exact: GET }", true)]
    [InlineData("sourceNamespace: web", "sourceNamespace: web", true)]
    [InlineData("sourceNamespace: web", "sourceNamespace: shop", false)]
    [InlineData("sourceLabels: { app: web }", "sourceLabels: { app: other }", false)]
    [InlineData("gateways: [mesh]", "gateways: [mesh, edge]", false)]
    [InlineData("ignoreUriCase: true", "uri: { prefix: /a }", false)]
    public void A_delegate_s_condition_must_lie_within_the_root_s(string root, string child, bool isTaken)
    {
        var seen = Seen(Root($"match: [{{ {root} }}],") + Team($"[{{ match: [{{ {child} }}], {Status} }}]"), "web");

        Assert.Equal(isTaken, seen.Contains("shop/root/r"));
    }

    [Fact]
    public void Each_condition_of_a_delegate_is_joined_with_every_one_of_the_root_s_that_it_fits()
    {
        var paths = Given.Snapshot(
            Root("match: [{ name: a, uri: { prefix: /a } }, { name: g, headers: { x: { exact: y } } }],") + Team($"[{{ match: [{{ name: b, uri: {{ prefix: /a/b }} }}], {Status} }}]"),
            Given.Workload("catalog", "c1")).VirtualHost().Routes;

        Assert.Equal([("VirtualService/shop/root/r/a-b", 0), ("VirtualService/shop/root/r/g-b", 1)], paths.Take(2).Select(route => (route.Name, route.Match.Headers.Count)));
    }

    [Theory]
    [InlineData("")]
    [InlineData("exportTo: [.], ")]
    public void A_delegate_that_is_missing_or_not_exported_leaves_nothing(string exportTo)
        => Assert.Equal(["shop/root/last"], Seen(Root("match: [{ uri: { prefix: /a } }],") + (exportTo.Length == 0 ? "" : Team($"[{{ {Status} }}]", exportTo)), "web"));
}
