using Envoy.Config.Route.V3;
using Envoy.Extensions.Filters.Http.Cors.V3;
using ProxylessMesh.ControlPlane.Translation;

namespace ProxylessMesh.ControlPlane.Tests.Translation;

/// <summary>Cross-origin policies of routes, at the servers that the routes lead to.</summary>
public class InboundCorsTests
{
    private const string Filter = "envoy.filters.http.cors";

    private static string HttpRoute(string rules, string ns = "shop") => $$"""
        apiVersion: gateway.networking.k8s.io/v1
        kind: HTTPRoute
        metadata: { name: catalog, namespace: {{ns}} }
        spec:
          parentRefs: [{ group: "", kind: Service, name: catalog, namespace: shop }]
          rules: {{rules}}
        ---

        """;

    private static IReadOnlyList<Route> Routes(string yaml, string service = "catalog")
        => new InboundCors(Given.Manifests(yaml), Given.Workload(service, "c1"), 5000).Routes();

    private static string Shape(Route route) => $"{(route.Match.Path.Length > 0 ? "=" + route.Match.Path : route.Match.Prefix + "*")}{(route.TypedPerFilterConfig.ContainsKey(Filter) ? " cors" : "")}";

    [Fact]
    public void Rules_that_lead_to_a_server_keep_their_order_and_their_policies()
    {
        const string rules = """
            [
              { matches: [{ path: { value: /open } }], filters: [{ type: CORS, cors: { allowOrigins: ["*"] } }], backendRefs: [{ name: catalog, port: 80 }] },
              { matches: [{ path: { type: Exact, value: /open/closed } }], backendRefs: [{ name: catalog, port: 80 }] },
              { matches: [{ path: { value: /open/other } }], filters: [{ type: CORS, cors: { allowOrigins: ["*"] } }], backendRefs: [{ name: other, port: 80 }] }
            ]
            """;

        Assert.Equal(["=/open/closed", "=/open cors", "/open/* cors"], Routes(HttpRoute(rules)).Select(Shape));
        Assert.Equal(["=/open/other cors", "/open/other/* cors"], Routes(HttpRoute(rules), "other").Select(Shape));
    }

    [Fact]
    public void Without_a_policy_and_from_a_consumer_s_route_there_is_nothing()
    {
        Assert.Empty(Routes(HttpRoute("[{ backendRefs: [{ name: catalog, port: 80 }] }]")));
        Assert.Empty(Routes(HttpRoute("[{ filters: [{ type: CORS, cors: { allowOrigins: ['*'] } }], backendRefs: [{ name: catalog, namespace: shop, port: 80 }] }]", "web")));
    }

    [Fact]
    public void A_path_is_asked_for_as_the_rewrite_leaves_it()
        => Assert.Equal(
            ["=/new cors", "/new/* cors"],
            Routes(HttpRoute("[{ matches: [{ path: { value: /old } }], filters: [{ type: CORS, cors: {} }, { type: URLRewrite, urlRewrite: { path: { type: ReplacePrefixMatch, replacePrefixMatch: /new } } }], backendRefs: [{ name: catalog, port: 80 }] }]")).Select(Shape));

    [Fact]
    public void Origins_are_matched_as_browsers_write_them()
    {
        var policy = Policy(HttpRoute(
            """
            [{ filters: [{ type: CORS, cors: { allowOrigins: ["https://a.example:443", "http://a.example:8080", "https://*.b.example", "http://*"], allowMethods: [GET, PUT], allowHeaders: [x-a], exposeHeaders: [x-b], allowCredentials: true } }],
               backendRefs: [{ name: catalog, port: 80 }] }]
            """));

        Assert.Equal(
            ["https://a.example", "http://a.example:8080", @"https://[^:/]+\.b\.example", "http://[^:/]+"],
            policy.AllowOriginStringMatch.Select(match => match.Exact.Length > 0 ? match.Exact : match.SafeRegex.Regex));
        Assert.Equal(("GET,PUT", "x-a", "x-b", "5", true, false), (policy.AllowMethods, policy.AllowHeaders, policy.ExposeHeaders, policy.MaxAge, policy.AllowCredentials, policy.ForwardNotMatchingPreflights));
    }

    private static CorsPolicy Policy(string yaml) => Routes(yaml)[0].TypedPerFilterConfig[Filter].Unpack<CorsPolicy>();

    [Fact]
    public void A_VirtualService_s_policy_is_for_the_servers_of_its_destinations()
    {
        const string yaml = """
            apiVersion: networking.istio.io/v1
            kind: VirtualService
            metadata: { name: catalog, namespace: shop }
            spec:
              hosts: [catalog]
              http:
              - match: [{ uri: { prefix: /api } }]
                rewrite: { uri: /v1 }
                corsPolicy: { allowOrigins: [{ exact: "https://a.example" }] }
                route: [{ destination: { host: catalog } }]
              - route: [{ destination: { host: other } }]
            """;

        Assert.Equal(["/v1* cors"], Routes(yaml).Select(Shape));
        Assert.Empty(Routes(yaml, "other"));
    }

    [Fact]
    public void A_server_s_listener_has_the_filter_only_where_a_policy_leads_to_it()
    {
        var cors = HttpRoute("[{ filters: [{ type: CORS, cors: { allowOrigins: ['*'] } }], backendRefs: [{ name: catalog, port: 80 }] }]");

        Assert.Contains(Filter, Filters(cors));
        Assert.DoesNotContain(Filter, Filters(""));
        Assert.DoesNotContain(Filter, Filters(cors, "grpc/server?xds.resource.listening_address=10.0.0.1:5000"));
    }

    private static IEnumerable<string> Filters(string yaml, string name = "proxylessmesh/inbound/10.0.0.1:5000")
    {
        Assert.True(InboundName.TryParse(name, out var parsed));
        var listener = InboundTranslator.Translate(Given.Manifests(yaml), Given.Workload("catalog", "c1"), name, parsed);
        return listener.FilterChains[0].Filters[0].TypedConfig.Unpack<Envoy.Extensions.Filters.Network.HttpConnectionManager.V3.HttpConnectionManager>().HttpFilters.Select(filter => filter.Name);
    }
}
