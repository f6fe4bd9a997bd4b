using Envoy.Config.Route.V3;
using Envoy.Extensions.Filters.Http.Fault.V3;
using Envoy.Extensions.Filters.Http.StatefulSession.V3;
using Envoy.Extensions.Http.StatefulSession.Cookie.V3;
using Envoy.Extensions.Http.StatefulSession.Header.V3;
using Google.Protobuf.Collections;

namespace ProxylessMesh.ControlPlane.Tests.Translation;

/// <summary>What the rules of HTTPRoutes and GRPCRoutes do to a call, on the wire.</summary>
public class GatewayRouteTranslatorTests
{
    private const string Catalog = "outbound|80||catalog.shop.svc.cluster.local";
    private const string V1 = "outbound|80||catalog-v1.shop.svc.cluster.local";
    private const string V2 = "outbound|80||catalog-v2.shop.svc.cluster.local";
    private const string Fault = "envoy.filters.http.fault";

    private const string TwoPorts = """
        apiVersion: v1
        kind: Service
        metadata: { name: catalog, namespace: shop }
        spec: { ports: [{ name: http, port: 80 }, { name: alt, port: 8080 }] }
        ---

        """;

    private static string Document(string kind, string rules, string name = "catalog", string parent = "") => $$"""
        apiVersion: gateway.networking.k8s.io/v1
        kind: {{kind}}
        metadata: { name: {{name}}, namespace: shop }
        spec:
          parentRefs: [{ group: "", kind: Service, name: catalog{{parent}} }]
          rules: {{rules}}
        ---

        """;

    private static RepeatedField<Route> Http(string rule) => Given.Snapshot(Document("HTTPRoute", $"[{rule}]")).VirtualHost().Routes;

    private static RepeatedField<Route> Grpc(string rules) => Given.Snapshot(Document("GRPCRoute", rules)).VirtualHost().Routes;

    // The table that the API gives for ReplacePrefixMatch, by what the data plane will make of it.
    [Theory]
    [InlineData("/foo/bar", "/foo", "/xyz", "/xyz/bar")]
    [InlineData("/foo/bar", "/foo", "/xyz/", "/xyz/bar")]
    [InlineData("/foo/bar", "/foo/", "/xyz", "/xyz/bar")]
    [InlineData("/foo/bar", "/foo/", "/xyz/", "/xyz/bar")]
    [InlineData("/foo", "/foo", "/xyz", "/xyz")]
    [InlineData("/foo/", "/foo", "/xyz", "/xyz/")]
    [InlineData("/foo/bar", "/foo", "", "/bar")]
    [InlineData("/foo/", "/foo", "", "/")]
    [InlineData("/foo", "/foo", "", "/")]
    [InlineData("/foo/", "/foo", "/", "/")]
    [InlineData("/foo", "/foo", "/", "/")]
    [InlineData("/foo/bar", "/foo", "xyz", "/xyz/bar")]
    [InlineData("/bar", "/", "/xyz", "/xyz/bar")]
    public void A_prefix_is_replaced_by_whole_elements(string path, string prefix, string replacement, string changed)
    {
        var matches = $"matches: [{{ path: {{ value: {prefix} }} }}]";
        var modifier = $"path: {{ type: ReplacePrefixMatch, replacePrefixMatch: \"{replacement}\" }}";

        var rewritten = Http($"{{ {matches}, filters: [{{ type: URLRewrite, urlRewrite: {{ {modifier} }} }}], backendRefs: [{{ name: catalog, port: 80 }}] }}");
        var redirected = Http($"{{ {matches}, filters: [{{ type: RequestRedirect, requestRedirect: {{ {modifier} }} }}] }}");

        Assert.Equal(changed, Changed(rewritten, path, route => route.Route_.PrefixRewrite));
        Assert.Equal(changed, Changed(redirected, path, route => route.Redirect.PrefixRewrite));
    }

    // Envoy's prefix_rewrite: what the route matched, all of an exact path or the prefix, becomes the new text.
    private static string Changed(IEnumerable<Route> routes, string path, Func<Route, string> rewrite)
    {
        var route = routes.First(route => route.Match.Path == path || (route.Match.Prefix.Length > 0 && path.StartsWith(route.Match.Prefix, StringComparison.Ordinal)));
        return rewrite(route) + path[(route.Match.Prefix.Length > 0 ? route.Match.Prefix : route.Match.Path).Length..];
    }

    [Fact]
    public void A_whole_path_and_the_host_are_replaced()
    {
        var action = Assert.Single(Http("{ filters: [{ type: URLRewrite, urlRewrite: { hostname: a.example, path: { type: ReplaceFullPath, replaceFullPath: 'new\\1' } } }], backendRefs: [{ name: catalog, port: 80 }] }")).Route_;

        Assert.Equal(("a.example", "^/.*$", @"/new\\1"), (action.HostRewriteLiteral, action.RegexRewrite.Pattern.Regex, action.RegexRewrite.Substitution));
    }

    [Theory]
    [InlineData("{ statusCode: 301 }", "", "", 0, 0)]
    [InlineData("{ hostname: a.example }", "", "a.example", 8080, 1)]
    [InlineData("{ hostname: a.example, port: 9000, statusCode: 307 }", "", "a.example", 9000, 3)]
    [InlineData("{ scheme: https, statusCode: 308 }", "https", "", 443, 4)]
    [InlineData("{ scheme: https, hostname: a.example }", "https", "a.example", 0, 1)]
    [InlineData("{ scheme: http, hostname: a.example, port: 80, statusCode: 303 }", "http", "a.example", 0, 2)]
    [InlineData("{ scheme: http, hostname: a.example, port: 443 }", "http", "a.example", 443, 1)]
    public void A_redirect_leads_to_the_port_that_the_standard_derives(string redirect, string scheme, string host, int port, int status)
    {
        var yaml = TwoPorts + Document("HTTPRoute", $"[{{ filters: [{{ type: RequestRedirect, requestRedirect: {redirect} }}] }}]");

        var action = Assert.Single(Given.Snapshot(yaml).VirtualHost("catalog.shop.svc.cluster.local:8080").Routes).Redirect;

        Assert.Equal((scheme, host, (uint)port, status), (action.SchemeRedirect, action.HostRedirect, action.PortRedirect, (int)action.ResponseCode));
    }

    [Fact]
    public void A_redirect_to_a_whole_path_keeps_its_headers()
    {
        var route = Assert.Single(Http(
            "{ filters: [{ type: RequestRedirect, requestRedirect: { path: { type: ReplaceFullPath, replaceFullPath: /new } } }, { type: ResponseHeaderModifier, responseHeaderModifier: { set: [{ name: x-a, value: b }] } }] }"));

        Assert.Equal(("/new", "x-a"), (route.Redirect.PathRedirect, Assert.Single(route.ResponseHeadersToAdd).Header.Key));
    }

    [Fact]
    public void Copies_go_to_every_mirror_and_their_clusters_exist()
    {
        var snapshot = Given.Snapshot(Document("HTTPRoute",
            """
            [{ backendRefs: [{ name: catalog, port: 80 }], filters: [
               { type: RequestMirror, requestMirror: { backendRef: { name: catalog-v1, port: 80 } } },
               { type: RequestMirror, requestMirror: { backendRef: { name: catalog-v2, port: 80 }, fraction: { numerator: 1, denominator: 3 } } },
               { type: RequestMirror, requestMirror: { backendRef: { kind: Pod, name: x } } }] }]
            """));

        var mirrors = Assert.Single(snapshot.VirtualHost().Routes).Route_.RequestMirrorPolicies;
        Assert.Equal([(V1, 1_000_000u), (V2, 333_333u)], mirrors.Select(mirror => (mirror.Cluster, mirror.RuntimeFraction.DefaultValue.Numerator)));
        Assert.All(mirrors, mirror => Assert.Contains(mirror.Cluster, snapshot.Clusters.Keys));
    }

    [Fact]
    public void Header_values_reach_the_wire_as_they_are_written()
    {
        var route = Assert.Single(Http(
            """
            { filters: [{ type: RequestHeaderModifier, requestHeaderModifier: { set: [{ name: x-a, value: "100% %REQ(x)%" }] } }],
                backendRefs: [{ name: catalog, port: 80, filters: [{ type: ResponseHeaderModifier, responseHeaderModifier: { add: [{ name: x-b, value: "%" }] } }] }] }
            """));

        // Envoy makes one % of two.
        Assert.Equal("100%% %%REQ(x)%%", Assert.Single(route.RequestHeadersToAdd).Header.Value);
        Assert.Equal("%%", Assert.Single(Assert.Single(route.Route_.WeightedClusters.Clusters).ResponseHeadersToAdd).Header.Value);
    }

    [Fact]
    public void A_backend_has_the_last_word_on_a_header_that_its_rule_changes_too()
    {
        var route = Assert.Single(Http(
            """
            { filters: [{ type: RequestHeaderModifier, requestHeaderModifier: { set: [{ name: a, value: rule }, { name: b, value: rule }], add: [{ name: c, value: rule }], remove: [d, e] } }],
                backendRefs: [
                  { name: catalog-v1, port: 80, filters: [{ type: RequestHeaderModifier, requestHeaderModifier: { set: [{ name: A, value: v1 }, { name: d, value: v1 }], add: [{ name: c, value: v1 }], remove: [b] } }] },
                  { name: catalog-v2, port: 80 }] }
            """));

        Assert.Empty(route.RequestHeadersToAdd);
        var split = route.Route_.WeightedClusters.Clusters;
        Assert.Equal(["A=v1", "d=v1", "c=rule", "c=v1"], split[0].RequestHeadersToAdd.Select(option => $"{option.Header.Key}={option.Header.Value}"));
        Assert.Equal(["d", "e", "b"], split[0].RequestHeadersToRemove);
        Assert.Equal(["a=rule", "b=rule", "c=rule"], split[1].RequestHeadersToAdd.Select(option => $"{option.Header.Key}={option.Header.Value}"));
    }

    [Fact]
    public void The_share_of_a_backend_of_another_kind_is_answered_with_500()
    {
        var split = Assert.Single(Http("{ backendRefs: [{ name: catalog-v1, port: 80, weight: 3 }, { group: a.example, kind: Foo, name: x, weight: 1 }] }")).Route_.WeightedClusters;

        Assert.Equal([(V1, 3u), (Catalog, 1u)], split.Clusters.Select(cluster => (cluster.Name, cluster.Weight ?? 0)));
        Assert.Empty(split.Clusters[0].TypedPerFilterConfig);
        Assert.Equal(500u, split.Clusters[1].TypedPerFilterConfig[Fault].Unpack<HTTPFault>().Abort.HttpStatus);
    }

    [Theory]
    [InlineData("{ backendRefs: [{ kind: Pod, name: x }] }")]
    [InlineData("{ backendRefs: [{ kind: Pod, name: x }, { name: catalog, port: 80, weight: 0 }] }")]
    [InlineData("{ filters: [{ type: ExtensionRef, extensionRef: { group: a.example, kind: Waf, name: w } }], backendRefs: [{ name: catalog, port: 80 }] }")]
    [InlineData("{ backendRefs: [{ name: catalog, port: 80, filters: [{ type: ExtensionRef, extensionRef: { group: a.example, kind: Waf, name: w } }] }] }")]
    public void A_rule_that_cannot_be_carried_out_is_answered_with_500_and_not_skipped(string rule)
        => Assert.Equal(500u, Assert.Single(Http(rule)).TypedPerFilterConfig[Fault].Unpack<HTTPFault>().Abort.HttpStatus);

    [Fact]
    public void No_attempts_is_a_policy_that_retries_nothing()
    {
        var policy = Assert.Single(Http("{ retry: { attempts: 0, codes: [503] }, timeouts: { backendRequest: 1s }, backendRefs: [{ name: catalog, port: 80 }] }")).Route_.RetryPolicy;

        Assert.Equal(("", null, 1), (policy.RetryOn, policy.NumRetries, policy.PerTryTimeout.Seconds));
    }

    [Fact]
    public void A_GRPCRoute_that_leads_nowhere_is_answered_with_UNAVAILABLE()
    {
        var routes = Grpc("[{ backendRefs: [{ kind: Pod, name: x }] }, { backendRefs: [{ name: catalog, port: 80 }, { kind: Pod, name: x }] }]");

        Assert.Equal(14u, routes[0].TypedPerFilterConfig[Fault].Unpack<HTTPFault>().Abort.GrpcStatus);
        Assert.Equal(14u, routes[1].Route_.WeightedClusters.Clusters[1].TypedPerFilterConfig[Fault].Unpack<HTTPFault>().Abort.GrpcStatus);
    }

    [Fact]
    public void A_backend_that_is_rewritten_takes_its_share_by_chance_and_the_others_split_the_rest()
    {
        var routes = Http(
            """
            { backendRefs: [
                { name: catalog, port: 80, weight: 2 },
                { name: catalog-v1, port: 80, weight: 5, filters: [{ type: URLRewrite, urlRewrite: { hostname: v1.example } }, { type: RequestHeaderModifier, requestHeaderModifier: { set: [{ name: x-v, value: "1" }] } }] },
                { name: catalog-v2, port: 80, weight: 3 }] }
            """);

        Assert.Equal([500_000u, null], routes.Select(route => route.Match.RuntimeFraction?.DefaultValue.Numerator));
        Assert.Equal("v1.example", routes[0].Route_.HostRewriteLiteral);
        Assert.Equal((V1, "x-v"), (Assert.Single(routes[0].Route_.WeightedClusters.Clusters).Name, Assert.Single(routes[0].Route_.WeightedClusters.Clusters[0].RequestHeadersToAdd).Header.Key));
        Assert.Equal([(Catalog, 2u), (V2, 3u)], routes[1].Route_.WeightedClusters.Clusters.Select(cluster => (cluster.Name, cluster.Weight ?? 0)));
        Assert.Equal("", routes[1].Route_.HostRewriteLiteral);
    }

    [Fact]
    public void Shares_by_chance_add_up_to_the_weights()
    {
        var routes = Http(
            """
            { backendRefs: [
                { name: catalog, port: 80, weight: 1, filters: [{ type: URLRewrite, urlRewrite: { hostname: a.example } }] },
                { name: catalog-v1, port: 80, weight: 0, filters: [{ type: URLRewrite, urlRewrite: { hostname: b.example } }] },
                { name: catalog-v2, port: 80, weight: 3, filters: [{ type: RequestRedirect, requestRedirect: { hostname: c.example } }] }] }
            """);

        Assert.Equal([250_000u, null], routes.Select(route => route.Match.RuntimeFraction?.DefaultValue.Numerator));
        Assert.Equal(("a.example", "c.example"), (routes[0].Route_.HostRewriteLiteral, routes[1].Redirect.HostRedirect));
    }

    [Theory]
    [InlineData("{ path: { value: /cart } }", "/cart", "/cart")]
    [InlineData("{ path: { type: Exact, value: /cart } }", "/cart")]
    [InlineData("{ path: { type: RegularExpression, value: '/c.*' } }", "/")]
    [InlineData("{}", "/")]
    public void A_session_s_cookie_belongs_to_the_path_that_was_matched(string match, params string[] paths)
    {
        var routes = Http($"{{ matches: [{match}], sessionPersistence: {{ cookie: {{ name: s, lifetimeType: Permanent }}, absoluteTimeout: 1h }}, backendRefs: [{{ name: catalog, port: 80 }}] }}");

        var cookies = routes.Select(route => Session(route).SessionState.TypedConfig.Unpack<CookieBasedSessionState>().Cookie).ToList();
        Assert.Equal(paths, cookies.Select(cookie => cookie.Path));
        Assert.All(cookies, cookie => Assert.Equal(("s", TimeSpan.FromHours(1)), (cookie.Name, cookie.Ttl.ToTimeSpan())));
    }

    [Fact]
    public void A_session_may_be_named_by_a_header_and_lives_as_long_as_the_client_keeps_it()
        => Assert.Equal(
            "x-s",
            Session(Assert.Single(Grpc("[{ sessionPersistence: { type: Header, header: { name: x-s } }, backendRefs: [{ name: catalog, port: 80 }] }]"))).SessionState.TypedConfig.Unpack<HeaderBasedSessionState>().Name);

    // Optional: gRPC clients refuse an override of a filter that they do not know.
    private static StatefulSession Session(Route route)
    {
        var wrapped = route.TypedPerFilterConfig["envoy.filters.http.stateful_session"].Unpack<FilterConfig>();
        Assert.True(wrapped.IsOptional);
        return wrapped.Config.Unpack<StatefulSessionPerRoute>().StatefulSession;
    }

    [Theory]
    [InlineData("{ service: a.B, method: C }", "=/a.B/C")]
    [InlineData("{ service: .a.B }", "/a.B/*")]
    [InlineData("{ method: C }", "~/[^/]+/C")]
    [InlineData("{ type: RegularExpression, service: 'a|b', method: 'C.*' }", "~/(?:a|b)/(?:C.*)")]
    [InlineData("{ type: RegularExpression, service: 'a.*' }", "~/(?:a.*)/[^/]+")]
    public void A_gRPC_method_is_a_path(string method, string path)
    {
        var route = Assert.Single(Grpc($"[{{ matches: [{{ method: {method} }}], backendRefs: [{{ name: catalog, port: 80 }}] }}]"));

        Assert.Equal(path, Path(route));
        Assert.Equal("GRPCRoute/shop/catalog/0", route.Name);
    }

    private static string Path(Route route) => route.Match.PathSpecifierCase switch
    {
        RouteMatch.PathSpecifierOneofCase.Path => "=" + route.Match.Path,
        RouteMatch.PathSpecifierOneofCase.Prefix => route.Match.Prefix + "*",
        _ => "~" + route.Match.SafeRegex.Regex,
    };

    [Fact]
    public void Rules_of_GRPCRoutes_are_ordered_by_service_method_and_headers()
    {
        const string backend = "backendRefs: [{ name: catalog, port: 80 }]";
        var routes = Given.Snapshot(
            Document("GRPCRoute",
                $$"""
                [
                  { name: all, {{backend}} },
                  { name: header, matches: [{ headers: [{ name: a, value: b }] }], {{backend}} },
                  { name: service, matches: [{ method: { service: a.LongName } }], {{backend}} },
                  { name: regex, matches: [{ method: { type: RegularExpression, service: 'a.*' } }], {{backend}} }
                ]
                """, "older")
            + Document("GRPCRoute",
                $$"""
                [
                  { name: short, matches: [{ method: { service: a.B, method: LongMethod } }], {{backend}} },
                  { name: method, matches: [{ method: { service: a.LongName, method: C } }], {{backend}} },
                  { name: method-header, matches: [{ method: { service: a.LongName, method: C }, headers: [{ name: a, value: b }] }], {{backend}} },
                  { name: any-service, matches: [{ method: { method: C } }], {{backend}} }
                ]
                """, "newer")).VirtualHost().Routes;

        Assert.Equal(["method-header", "method", "service", "short", "any-service", "regex", "header", "all"], routes.Select(route => route.Name.Split('/')[^1]));
    }

    [Fact]
    public void On_a_port_with_a_GRPCRoute_an_HTTPRoute_has_no_effect()
    {
        var snapshot = Given.Snapshot(
            TwoPorts
            + Document("HTTPRoute", "[{ backendRefs: [{ name: catalog-v1, port: 80 }] }]")
            + Document("GRPCRoute", "[{ backendRefs: [{ name: catalog-v2, port: 80 }] }]", parent: ", sectionName: alt"));

        Assert.Equal(V1, Assert.Single(snapshot.VirtualHost().Routes).Route_.Cluster);
        Assert.Equal(V2, Assert.Single(snapshot.VirtualHost("catalog.shop.svc.cluster.local:8080").Routes).Route_.Cluster);
    }

    [Fact]
    public void The_order_of_files_changes_nothing_but_what_age_decides()
    {
        for (var seed = 0; seed < 100; seed++)
        {
            var random = new Random(seed);
            var documents = Enumerable.Range(0, 4).Select(i => Document("HTTPRoute", $"[{string.Join(", ", Enumerable.Range(0, 4).Select(_ => Rule(random)))}]", $"r{i}")).ToArray();
            var shuffled = documents.ToArray();
            random.Shuffle(shuffled);

            var (left, right) = (Order(documents), Order(shuffled));

            // Rules whose matches are as specific as each other may change places; no rule may pass a more specific one.
            Assert.Equal(left.Select(Specificity), right.Select(Specificity));
            Assert.Equal(left.Order(StringComparer.Ordinal), right.Order(StringComparer.Ordinal));
        }
    }

    private static List<string> Order(string[] documents)
        => [.. Given.Snapshot(string.Concat(documents)).VirtualHost().Routes.Select(route => $"{Path(route)} {route.Match.Headers.Count(header => header.Name == ":method")} {route.Match.Headers.Count(header => header.Name != ":method")} {route.Match.QueryParameters.Count} {route.Name}")];

    private static string Specificity(string route) => $"{route[0]} {route.Split(' ')[0].Length} {string.Join(' ', route.Split(' ')[1..4])}";

    private static string Rule(Random random)
    {
        string[] paths = ["type: Exact, value: /a", "type: Exact, value: /a/b", "value: /", "value: /a", "value: /b", "value: /a/b"];
        var headers = string.Join(", ", Enumerable.Range(0, random.Next(3)).Select(i => $"{{ name: h{i}, value: v }}"));
        var query = string.Join(", ", Enumerable.Range(0, random.Next(3)).Select(i => $"{{ name: q{i}, value: v }}"));
        return $"{{ matches: [{{ path: {{ {paths[random.Next(paths.Length)]} }}, headers: [{headers}], queryParams: [{query}]{(random.Next(2) == 0 ? ", method: GET" : "")} }}], backendRefs: [{{ name: catalog, port: 80 }}] }}";
    }
}
