using Envoy.Config.Core.V3;
using Envoy.Config.Route.V3;
using Envoy.Extensions.Filters.Http.Fault.V3;
using Google.Protobuf.Collections;
using Google.Protobuf.WellKnownTypes;

namespace ProxylessMesh.ControlPlane.Tests.Translation;

public class RouteTranslatorTests
{
    private const string CatalogCluster = "outbound|80||catalog.shop.svc.cluster.local";
    private const string V1Cluster = "outbound|80||catalog-v1.shop.svc.cluster.local";
    private const string V2Cluster = "outbound|80||catalog-v2.shop.svc.cluster.local";

    private static string HttpRoute(string rules, string name = "catalog", string parent = "name: catalog") => $$"""
        apiVersion: gateway.networking.k8s.io/v1
        kind: HTTPRoute
        metadata: { name: {{name}}, namespace: shop }
        spec:
          parentRefs: [{ group: "", kind: Service, {{parent}} }]
          rules: {{rules}}
        ---

        """;

    private static string VirtualService(string http) => $$"""
        apiVersion: networking.istio.io/v1
        kind: VirtualService
        metadata: { name: catalog, namespace: shop }
        spec:
          hosts: [catalog]
          http: {{http}}
        ---

        """;

    private static RepeatedField<Route> Routes(string yaml) => Given.Snapshot(yaml, Given.Workload("catalog", "c1")).VirtualHost().Routes;

    // What a route asks of the path, in one word.
    private static string Path(Route route) => route.Match.PathSpecifierCase switch
    {
        RouteMatch.PathSpecifierOneofCase.Path => "=" + route.Match.Path,
        RouteMatch.PathSpecifierOneofCase.Prefix => route.Match.Prefix + "*",
        _ => "~" + route.Match.SafeRegex.Regex,
    };

    [Fact]
    public void Without_a_manifest_everything_goes_to_the_service()
    {
        var host = Given.Snapshot("", Given.Workload("catalog", "c1")).VirtualHost();

        Assert.Equal(["*"], host.Domains);
        var route = Assert.Single(host.Routes);
        Assert.Equal(("/", CatalogCluster), (route.Match.Prefix, route.Route_.Cluster));
        Assert.Null(route.Route_.Timeout);
        Assert.Null(route.Route_.RetryPolicy);
        Assert.Empty(route.TypedPerFilterConfig);
    }

    [Fact]
    public void Weights_are_those_that_were_asked_for_zero_included()
    {
        var route = Assert.Single(Routes(HttpRoute("[{ backendRefs: [{ name: catalog-v1, port: 80, weight: 80 }, { name: catalog-v2, port: 80, weight: 20 }, { name: catalog, port: 80, weight: 0 }] }]")));

        Assert.Equal([(V1Cluster, 80u), (V2Cluster, 20u), (CatalogCluster, 0u)], route.Route_.WeightedClusters.Clusters.Select(cluster => (cluster.Name, cluster.Weight ?? 1)));
        Assert.Equal(100u, route.Route_.WeightedClusters.TotalWeight);
    }

    [Theory]
    [InlineData("[{ backendRefs: [{ name: catalog-v1, port: 80, weight: 0 }] }]")]
    [InlineData("[{ backendRefs: [{ name: catalog-v1, port: 80, weight: 0 }, { name: catalog-v2, port: 80, weight: 0 }] }]")]
    [InlineData("[{ matches: [{ path: { value: / } }] }]")]
    public void A_rule_that_leads_nowhere_answers_500_and_its_cluster_exists(string rules)
    {
        var snapshot = Given.Snapshot(HttpRoute(rules), Given.Workload("catalog", "c1"));

        var route = Assert.Single(snapshot.VirtualHost().Routes);
        var abort = route.TypedPerFilterConfig["envoy.filters.http.fault"].Unpack<HTTPFault>().Abort;
        Assert.Equal((500u, 1_000_000u), (abort.HttpStatus, abort.Percentage.Numerator));
        Assert.Contains(route.Route_.Cluster, snapshot.Clusters.Keys);
    }

    [Fact]
    public void A_path_prefix_takes_whole_elements_in_words_that_every_client_knows()
    {
        var routes = Routes(HttpRoute("[{ matches: [{ path: { type: PathPrefix, value: /v1 } }], backendRefs: [{ name: catalog, port: 80 }] }]"));

        Assert.Equal(["=/v1", "/v1/*"], routes.Select(Path));
        Assert.All(routes, route => Assert.Equal(CatalogCluster, route.Route_.Cluster));
    }

    [Fact]
    public void Rules_of_all_routes_are_ordered_by_Gateway_API_s_precedence()
    {
        var routes = Routes(
            HttpRoute(
                """
                [
                  { name: everything, backendRefs: [{ name: catalog, port: 80 }] },
                  { name: short, matches: [{ path: { value: /a } }], backendRefs: [{ name: catalog, port: 80 }] },
                  { name: headers, matches: [{ path: { value: /a }, headers: [{ name: X-One, value: "1" }, { name: x-two, value: "2" }] }], backendRefs: [{ name: catalog, port: 80 }] },
                  { name: one-header, matches: [{ path: { value: /a }, headers: [{ name: x-one, value: "1" }] }], backendRefs: [{ name: catalog, port: 80 }] }
                ]
                """,
                "older")
            + HttpRoute(
                """
                [
                  { name: query, matches: [{ path: { value: /a }, queryParams: [{ name: q, value: "1" }] }], backendRefs: [{ name: catalog, port: 80 }] },
                  { name: method, matches: [{ path: { value: /a }, method: GET }], backendRefs: [{ name: catalog, port: 80 }] },
                  { name: regex, matches: [{ path: { type: RegularExpression, value: "/a.*" } }], backendRefs: [{ name: catalog, port: 80 }] },
                  { name: long, matches: [{ path: { value: /a/b/ } }], backendRefs: [{ name: catalog, port: 80 }] },
                  { name: exact, matches: [{ path: { type: Exact, value: /a } }], backendRefs: [{ name: catalog, port: 80 }] }
                ]
                """,
                "newer"));

        Assert.Equal(
            [
                "HTTPRoute/shop/newer/exact =/a",
                "HTTPRoute/shop/newer/regex ~/a.*",
                "HTTPRoute/shop/newer/long =/a/b", "HTTPRoute/shop/newer/long /a/b/*",
                "HTTPRoute/shop/newer/method =/a", "HTTPRoute/shop/newer/method /a/*",
                "HTTPRoute/shop/older/headers =/a", "HTTPRoute/shop/older/headers /a/*",
                "HTTPRoute/shop/older/one-header =/a", "HTTPRoute/shop/older/one-header /a/*",
                "HTTPRoute/shop/newer/query =/a", "HTTPRoute/shop/newer/query /a/*",
                "HTTPRoute/shop/older/short =/a", "HTTPRoute/shop/older/short /a/*",
                "HTTPRoute/shop/older/everything /*",
            ],
            routes.Select(route => $"{route.Name} {Path(route)}"));
    }

    [Fact]
    public void Of_equal_rules_the_older_route_s_is_taken_and_within_a_route_the_first()
    {
        var routes = Routes(
            HttpRoute("[{ name: a, backendRefs: [{ name: catalog, port: 80 }] }, { name: b, backendRefs: [{ name: catalog, port: 80 }] }]", "zzz")
            + HttpRoute("[{ name: c, backendRefs: [{ name: catalog, port: 80 }] }]", "aaa"));

        Assert.Equal(["HTTPRoute/shop/zzz/a", "HTTPRoute/shop/zzz/b", "HTTPRoute/shop/aaa/c"], routes.Select(route => route.Name));
    }

    [Fact]
    public void Header_method_and_query_matches_are_all_asked()
    {
        var match = Assert.Single(Routes(HttpRoute(
            """
            [{ matches: [{ method: POST, headers: [{ name: X-Canary, value: "1" }, { name: x-user, type: RegularExpression, value: "a+" }], queryParams: [{ name: q, value: v }] }], backendRefs: [{ name: catalog, port: 80 }] }]
            """))).Match;

        Assert.Equal([(":method", "POST"), ("x-canary", "1")], match.Headers.Take(2).Select(header => (header.Name, header.ExactMatch)));
        Assert.Equal(("x-user", "a+"), (match.Headers[2].Name, match.Headers[2].SafeRegexMatch.Regex));
        Assert.Equal(("q", "v"), (Assert.Single(match.QueryParameters).Name, match.QueryParameters[0].StringMatch.Exact));
    }

    [Fact]
    public void Headers_are_changed_as_the_filter_says()
    {
        var route = Assert.Single(Routes(HttpRoute(
            """
            [{ filters: [{ type: RequestHeaderModifier, requestHeaderModifier: { set: [{ name: x-set, value: s }], add: [{ name: x-add, value: a }], remove: [x-gone] } }],
               backendRefs: [{ name: catalog, port: 80 }] }]
            """)));

        Assert.Equal(
            [("x-set", "s", HeaderValueOption.Types.HeaderAppendAction.OverwriteIfExistsOrAdd), ("x-add", "a", HeaderValueOption.Types.HeaderAppendAction.AppendIfExistsOrAdd)],
            route.RequestHeadersToAdd.Select(option => (option.Header.Key, option.Header.Value, option.AppendAction)));
        Assert.Equal(["x-gone"], route.RequestHeadersToRemove);
    }

    [Fact]
    public void Headers_of_one_backend_stay_with_it()
    {
        var route = Assert.Single(Routes(HttpRoute(
            """
            [{ backendRefs: [{ name: catalog, port: 80, filters: [{ type: RequestHeaderModifier, requestHeaderModifier: { set: [{ name: x-set, value: s }] } }] }] }]
            """)));

        Assert.Equal("x-set", Assert.Single(Assert.Single(route.Route_.WeightedClusters.Clusters).RequestHeadersToAdd).Header.Key);
    }

    [Fact]
    public void Timeouts_bound_the_call_for_HTTP_and_gRPC_and_each_attempt()
    {
        var action = Assert.Single(Routes(HttpRoute("[{ timeouts: { request: 2s, backendRequest: 500ms }, backendRefs: [{ name: catalog, port: 80 }] }]"))).Route_;

        Assert.Equal(TimeSpan.FromSeconds(2), action.Timeout.ToTimeSpan());
        Assert.Equal(TimeSpan.FromSeconds(2), action.MaxStreamDuration.MaxStreamDuration_.ToTimeSpan());
        Assert.Equal(TimeSpan.FromMilliseconds(500), action.RetryPolicy.PerTryTimeout.ToTimeSpan());
    }

    [Fact]
    public void A_timeout_of_zero_lifts_the_limit()
    {
        var action = Assert.Single(Routes(HttpRoute("[{ timeouts: { request: 0s }, backendRefs: [{ name: catalog, port: 80 }] }]"))).Route_;

        Assert.Equal(new Duration(), action.Timeout);
        Assert.Null(action.RetryPolicy);
    }

    [Fact]
    public void A_route_for_one_port_leaves_the_others_alone()
    {
        const string service = """
            apiVersion: v1
            kind: Service
            metadata: { name: catalog, namespace: shop }
            spec: { ports: [{ name: http, port: 80 }, { name: alt, port: 8080 }] }
            ---

            """;

        var snapshot = Given.Snapshot(service + HttpRoute("[{ backendRefs: [{ name: catalog-v1, port: 80 }] }]", parent: "name: catalog, port: 8080"));

        Assert.Equal(CatalogCluster, Assert.Single(snapshot.VirtualHost().Routes).Route_.Cluster);
        Assert.Equal(V1Cluster, Assert.Single(snapshot.VirtualHost("catalog.shop.svc.cluster.local:8080").Routes).Route_.Cluster);
    }

    [Fact]
    public void A_VirtualService_keeps_its_written_order_and_comes_before_HTTPRoutes()
    {
        var routes = Routes(
            HttpRoute("[{ backendRefs: [{ name: catalog, port: 80 }] }]")
            + VirtualService(
                """
                [
                  { name: all, match: [{ uri: { prefix: /a } }], route: [{ destination: { host: catalog-v1 } }] },
                  { match: [{ name: one, uri: { exact: /x } }, { uri: { regex: "/y.*" }, ignoreUriCase: true }], route: [{ destination: { host: catalog-v2 } }] }
                ]
                """));

        Assert.Equal(
            ["VirtualService/shop/catalog/all /a*", "VirtualService/shop/catalog/1/one =/x", "VirtualService/shop/catalog/1 ~/y.*", "HTTPRoute/shop/catalog/0 /*"],
            routes.Select(route => $"{route.Name} {Path(route)}"));
    }

    [Fact]
    public void A_VirtualService_matches_headers_by_value_presence_and_absence()
    {
        var headers = Assert.Single(Routes(VirtualService(
            """
            [{ match: [{ method: { exact: GET }, headers: { x-a: { prefix: p }, x-b: {} }, withoutHeaders: { x-c: { exact: v }, x-d: {} } }], route: [{ destination: { host: catalog } }] }]
            """))).Match.Headers;

        Assert.Equal([":method", "x-a", "x-b", "x-c", "x-d"], headers.Select(header => header.Name));
        Assert.Equal("p", headers[1].PrefixMatch);
        Assert.True(headers[2].PresentMatch);
        Assert.Equal(("v", true, true), (headers[3].ExactMatch, headers[3].InvertMatch, headers[3].TreatMissingHeaderAsEmpty));
        Assert.Equal((true, true), (headers[4].PresentMatch, headers[4].InvertMatch));
    }

    [Fact]
    public void Faults_are_the_route_s_own()
    {
        var routes = Routes(VirtualService(
            """
            [
              { match: [{ uri: { exact: /slow } }], fault: { delay: { fixedDelay: 2s, percentage: { value: 12.5 } }, abort: { httpStatus: 503, percentage: { value: 0.1 } } }, route: [{ destination: { host: catalog } }] },
              { route: [{ destination: { host: catalog } }] }
            ]
            """));

        var fault = routes[0].TypedPerFilterConfig["envoy.filters.http.fault"].Unpack<HTTPFault>();
        Assert.Equal((TimeSpan.FromSeconds(2), 125_000u), (fault.Delay.FixedDelay.ToTimeSpan(), fault.Delay.Percentage.Numerator));
        Assert.Equal((503u, 1_000u), (fault.Abort.HttpStatus, fault.Abort.Percentage.Numerator));
        Assert.Empty(routes[1].TypedPerFilterConfig);
    }

    [Fact]
    public void Retries_are_those_that_were_asked_for()
    {
        var policy = Assert.Single(Routes(VirtualService(
            "[{ retries: { attempts: 3, perTryTimeout: 1s, retryOn: \"connect-failure,unavailable,503\" }, route: [{ destination: { host: catalog } }] }]"))).Route_.RetryPolicy;

        Assert.Equal((3u, "connect-failure,unavailable,retriable-status-codes"), (policy.NumRetries ?? 0, policy.RetryOn));
        Assert.Equal([503u], policy.RetriableStatusCodes);
        Assert.Equal(TimeSpan.FromSeconds(1), policy.PerTryTimeout.ToTimeSpan());
    }

    [Fact]
    public void No_attempts_is_a_policy_that_retries_nothing()
    {
        var policy = Assert.Single(Routes(VirtualService("[{ retries: { attempts: 0 }, route: [{ destination: { host: catalog } }] }]"))).Route_.RetryPolicy;

        Assert.Equal(("", null), (policy.RetryOn, policy.NumRetries));
    }

    [Fact]
    public void Subsets_and_ports_lead_to_clusters_that_exist()
    {
        const string rule = """
            apiVersion: networking.istio.io/v1
            kind: DestinationRule
            metadata: { name: catalog, namespace: shop }
            spec: { host: catalog, subsets: [{ name: v1, labels: { version: v1 } }, { name: v2, labels: { version: v2 } }] }
            ---

            """;

        var snapshot = Given.Snapshot(
            rule + VirtualService("[{ route: [{ destination: { host: catalog, subset: v1 }, weight: 90 }, { destination: { host: catalog, subset: v2, port: { number: 8080 } }, weight: 10 }] }]"),
            Given.Workload("catalog", "c1", version: "v1"));

        var clusters = Assert.Single(snapshot.VirtualHost().Routes).Route_.WeightedClusters.Clusters.Select(cluster => cluster.Name).ToList();
        Assert.Equal(["outbound|80|v1|catalog.shop.svc.cluster.local", "outbound|80|v2|catalog.shop.svc.cluster.local"], clusters);
        Assert.Single(snapshot.Assignment(clusters[0]).Endpoints);
        Assert.Empty(snapshot.Assignment(clusters[1]).Endpoints);
    }

    [Fact]
    public void A_destination_outside_the_mesh_is_a_cluster_without_endpoints()
    {
        var snapshot = Given.Snapshot(VirtualService("[{ route: [{ destination: { host: www.example.com } }] }]"), Given.Workload("catalog", "c1"));

        var cluster = Assert.Single(snapshot.VirtualHost().Routes).Route_.Cluster;
        Assert.Empty(snapshot.Assignment(cluster).Endpoints);
        Assert.Contains(cluster, snapshot.Clusters.Keys);
    }
}
