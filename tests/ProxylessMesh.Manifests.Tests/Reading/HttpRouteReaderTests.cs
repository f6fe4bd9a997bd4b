using ProxylessMesh.Manifests.Kinds;
using static ProxylessMesh.Manifests.Tests.ReadManifests;

namespace ProxylessMesh.Manifests.Tests.Reading;

public sealed class HttpRouteReaderTests
{
    private const string Parent = "parentRefs: [{ group: \"\", kind: Service, name: catalog }]\n";

    [Fact]
    public void A_split_by_weight_is_read_with_its_defaults()
    {
        var route = Route("rules:\n- backendRefs:\n  - { name: catalog-v1, port: 80, weight: 90 }\n  - { name: catalog-v2, port: 80 }\n");

        Assert.Equal("catalog.shop.svc.cluster.local", Assert.Single(route.Parents).Host);
        var rule = Assert.Single(route.Rules);
        Assert.Equal([HttpRouteMatch.Everything], rule.Matches);
        Assert.Equal([("catalog-v1.shop.svc.cluster.local", 90), ("catalog-v2.shop.svc.cluster.local", 1)], rule.Backends.Select(backend => (backend.Host, backend.Weight)));
        Assert.Null(rule.RequestTimeout);
    }

    [Fact]
    public void All_parts_of_a_rule_are_read()
    {
        var rule = Route("""
            rules:
            - name: beta
              matches:
              - path: { type: Exact, value: /items }
                method: GET
                headers: [{ name: X-Beta, value: "yes" }]
                queryParams: [{ type: RegularExpression, name: Page, value: "[0-9]+" }]
              filters:
              - type: RequestHeaderModifier
                requestHeaderModifier: { set: [{ name: a, value: b }], remove: [c] }
              backendRefs: [{ name: catalog, port: 80 }]
              timeouts: { request: 2s, backendRequest: 500ms }
              retry: { codes: [503], attempts: 2, backoff: 25ms }
            """).Rules.Single();

        var match = Assert.Single(rule.Matches);
        Assert.Equal((HttpPathMatchType.Exact, "/items", "GET"), (match.PathType, match.Path, match.Method));
        Assert.Equal(new RouteValueMatch("x-beta", "yes", IsRegex: false), Assert.Single(match.Headers));
        Assert.Equal(new RouteValueMatch("Page", "[0-9]+", IsRegex: true), Assert.Single(match.QueryParameters));
        Assert.Equal(new HeaderValue("a", "b"), Assert.Single(rule.Filters.RequestHeaders.Set));
        Assert.Equal("c", Assert.Single(rule.Filters.RequestHeaders.Remove));
        Assert.Equal((TimeSpan.FromSeconds(2), TimeSpan.FromMilliseconds(500)), (rule.RequestTimeout, rule.BackendRequestTimeout));
        Assert.Equal((503, 2, TimeSpan.FromMilliseconds(25)), (rule.Retry?.Codes.Single(), rule.Retry?.Attempts, rule.Retry?.Backoff));
    }

    [Fact]
    public void Wrong_word_deep_inside_has_its_exact_place()
        => Invalid(Document(ManifestKind.HttpRoute, "catalog", Parent + """
            rules:
            - matches:
              - path: { value: /a }
              - path:
                  type: PathPrefx
                  value: /b
              backendRefs: [{ name: catalog, port: 80 }]
            """)).Is(12, 15, "spec.rules[0].matches[1].path.type", "not one of Exact, PathPrefix, RegularExpression", "Write 'PathPrefix'");

    [Theory]
    [InlineData("matches: [{ path: { value: items } }]", "spec.rules[0].matches[0].path.value", "begin with '/'")]
    [InlineData("matches: [{ path: { value: /a//b } }]", "spec.rules[0].matches[0].path.value", "'//'")]
    [InlineData("matches: [{ path: { value: /a/.. } }]", "spec.rules[0].matches[0].path.value", "'/..'")]
    [InlineData("matches: [{ path: { value: \"/a?b=c\" } }]", "spec.rules[0].matches[0].path.value", "characters")]
    [InlineData("matches: [{ path: { value: /a%zz } }]", "spec.rules[0].matches[0].path.value", "characters")]
    [InlineData("matches: [{ path: { type: RegularExpression, value: \"(a\" } }]", "spec.rules[0].matches[0].path.value", "does not compile")]
    [InlineData("matches: [{ path: { type: RegularExpression, value: \"(?=a)b\" } }]", "spec.rules[0].matches[0].path.value", "backtracking")]
    [InlineData("matches: [{ path: { type: RegularExpression, value: \"((a{1000}){1000}){1000}\" } }]", "spec.rules[0].matches[0].path.value", "too large")]
    [InlineData("matches: [{ method: get }]", "spec.rules[0].matches[0].method", "not one of")]
    [InlineData("matches: [{ headers: [{ name: \"a b\", value: c }] }]", "spec.rules[0].matches[0].headers[0].name", "not a header name")]
    [InlineData("matches: [{ headers: [{ name: a, value: c }, { name: A, value: d }] }]", "spec.rules[0].matches[0].headers", "more than one condition")]
    [InlineData("matches: [{ headers: [{ name: a }] }]", "spec.rules[0].matches[0].headers[0].value", "missing")]
    [InlineData("timeouts: { request: 1.5s }", "spec.rules[0].timeouts.request", "not a duration")]
    [InlineData("timeouts: { request: 5 }", "spec.rules[0].timeouts.request", "not a duration")]
    [InlineData("timeouts: { request: 1s, backendRequest: 2s }", "spec.rules[0].timeouts.backendRequest", "longer than the whole call (1s)")]
    [InlineData("filters: [{ type: ExternalAuth, externalAuth: { protocol: GRPC } }]", "spec.rules[0].filters[0].type", "not supported yet")]
    [InlineData("filters: [{ type: RequestHeaderModifier }]", "spec.rules[0].filters[0].requestHeaderModifier", "missing")]
    [InlineData("filters: [{ type: RequestHeaderModifier, requestHeaderModifier: { set: [{ name: a, value: b }], remove: [A] } }]", "spec.rules[0].filters[0].requestHeaderModifier", "changed twice")]
    [InlineData("sessionPersistence: {}", "spec.rules[0].sessionPersistence.cookie", "missing")]
    [InlineData("retry: { codes: [200] }", "spec.rules[0].retry.codes[0]", "out of range")]
    public void Bad_rules_are_refused(string rule, string field, string problem)
    {
        var errors = Read(Document(ManifestKind.HttpRoute, "catalog", Parent + $"rules:\n- {rule}\n  backendRefs: [{{ name: catalog, port: 80 }}]\n")).Errors;

        var error = Assert.Single(errors, error => error.Field == field);
        Assert.Contains(problem, error.Problem, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("{ port: 80 }", "spec.rules[0].backendRefs[0].name", "missing")]
    [InlineData("{ name: catalog }", "spec.rules[0].backendRefs[0].port", "missing")]
    [InlineData("{ name: catalog, port: 80, weight: -1 }", "spec.rules[0].backendRefs[0].weight", "out of range")]
    [InlineData("{ name: catalog, port: 80, weight: 1000001 }", "spec.rules[0].backendRefs[0].weight", "out of range")]
    [InlineData("{ kind: '*', name: catalog, port: 80 }", "spec.rules[0].backendRefs[0].kind", "not a kind")]
    public void Bad_backends_are_refused(string backend, string field, string problem)
    {
        var error = Invalid(Document(ManifestKind.HttpRoute, "catalog", Parent + $"rules:\n- backendRefs: [{backend}]\n"));

        Assert.Equal(field, error.Field);
        Assert.Contains(problem, error.Problem, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("{ group: \"\", kind: Service, name: catalog }, { group: \"\", kind: Service, name: catalog, port: 80 }", "spec.parentRefs", "more than once")]
    [InlineData("{ group: \"\", kind: Service, name: catalog, sectionName: a }, { group: \"\", kind: Service, name: catalog, sectionName: a, port: 80 }", "spec.parentRefs", "more than once")]
    [InlineData("{ group: \"\", kind: Service, name: catalog, sectionName: a }, { group: \"\", kind: Service, name: catalog, sectionName: a }", "spec.parentRefs", "more than once")]
    [InlineData("{ group: \"\", kind: Service, name: Catalog }", "spec.parentRefs[0].name", "DNS label")]
    [InlineData("{ group: \"\", kind: Service, name: catalog, port: 0 }", "spec.parentRefs[0].port", "out of range")]
    public void Bad_parents_are_refused(string parents, string field, string problem)
    {
        var error = Invalid(Document(ManifestKind.HttpRoute, "catalog", $"parentRefs: [{parents}]\nrules: [{{ backendRefs: [{{ name: catalog, port: 80 }}] }}]"));

        Assert.Equal(field, error.Field);
        Assert.Contains(problem, error.Problem, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("parentRefs: [{ name: public }]\nrules: [{ backendRefs: [{ name: catalog, port: 80 }] }]", "NoMatchingParent")]
    [InlineData("parentRefs: [{ group: \"\", kind: Service, name: catalog }]\nhostnames: [shop.example]\nrules: [{ backendRefs: [{ name: catalog, port: 80 }] }]", "no effect on routes of Services")]
    [InlineData("parentRefs: [{ group: \"\", kind: Service, name: catalog }]\nrules: [{ backendRefs: [{ kind: Pod, name: catalog, port: 80 }, { name: catalog, port: 80 }] }]", "InvalidKind")]
    [InlineData("parentRefs: [{ group: \"\", kind: Service, name: catalog }]\nrules: [{ filters: [{ type: ExtensionRef, extensionRef: { group: a.example, kind: Waf, name: w } }], backendRefs: [{ name: catalog, port: 80 }] }]", "answered with 500")]
    public void What_is_legal_and_not_carried_out_as_one_might_think_draws_a_warning(string spec, string problem)
    {
        var reading = Read(Document(ManifestKind.HttpRoute, "catalog", spec));

        Assert.True(reading.IsValid);
        Assert.Contains(reading.Warnings, warning => warning.Problem.Contains(problem, StringComparison.Ordinal));
    }

    [Fact]
    public void A_parent_that_is_no_service_leaves_those_that_are()
    {
        var route = Valid<HttpRouteManifest>(Document(ManifestKind.HttpRoute, "catalog", "parentRefs: [{ name: public }, { group: \"\", kind: Service, name: catalog, namespace: bank, sectionName: http }]\nrules: [{ backendRefs: [{ name: catalog, port: 80 }] }]"));

        Assert.Equal(new RouteParent { Name = "catalog", Namespace = "bank", PortName = "http", Index = 1 }, Assert.Single(route.Parents));
    }

    [Fact]
    public void Weights_that_add_up_to_nothing_are_legal_but_pointed_at()
    {
        var reading = Read(Document(ManifestKind.HttpRoute, "catalog", Parent + "rules:\n- backendRefs: [{ name: catalog, port: 80, weight: 0 }]"));

        Assert.True(reading.IsValid);
        Assert.Contains(reading.Warnings, warning => warning.Problem.Contains("answered with 500", StringComparison.Ordinal));
    }

    private static HttpRouteManifest Route(string rules) => Valid<HttpRouteManifest>(Document(ManifestKind.HttpRoute, "catalog", Parent + rules));
}
