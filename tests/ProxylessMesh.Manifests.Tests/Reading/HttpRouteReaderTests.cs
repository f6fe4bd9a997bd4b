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
        Assert.Equal(new HttpRouteValueMatch("x-beta", "yes", IsRegex: false), Assert.Single(match.Headers));
        Assert.Equal(new HttpRouteValueMatch("Page", "[0-9]+", IsRegex: true), Assert.Single(match.QueryParameters));
        Assert.Equal(new HeaderValue("a", "b"), Assert.Single(rule.RequestHeaders.Set));
        Assert.Equal("c", Assert.Single(rule.RequestHeaders.Remove));
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
    [InlineData("filters: [{ type: URLRewrite, urlRewrite: {} }]", "spec.rules[0].filters[0].type", "not supported yet")]
    [InlineData("filters: [{ type: RequestHeaderModifier }]", "spec.rules[0].filters[0].requestHeaderModifier", "missing")]
    [InlineData("filters: [{ type: RequestHeaderModifier, requestHeaderModifier: { set: [{ name: a, value: b }], remove: [A] } }]", "spec.rules[0].filters[0].requestHeaderModifier", "changed twice")]
    [InlineData("sessionPersistence: {}", "spec.rules[0].sessionPersistence", "not supported yet")]
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
    [InlineData("{ kind: Pod, name: catalog, port: 80 }", "spec.rules[0].backendRefs[0].kind", "not a known word")]
    public void Bad_backends_are_refused(string backend, string field, string problem)
    {
        var error = Invalid(Document(ManifestKind.HttpRoute, "catalog", Parent + $"rules:\n- backendRefs: [{backend}]\n"));

        Assert.Equal(field, error.Field);
        Assert.Contains(problem, error.Problem, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("{ name: public }", "spec.parentRefs[0]", "only services are supported")]
    [InlineData("{ group: \"\", kind: Service, name: catalog, sectionName: http }", "spec.parentRefs[0].sectionName", "not supported yet")]
    [InlineData("{ group: \"\", kind: Service, name: catalog }, { group: \"\", kind: Service, name: catalog, port: 80 }", "spec.parentRefs", "more than once")]
    public void Bad_parents_are_refused(string parents, string field, string problem)
    {
        var error = Invalid(Document(ManifestKind.HttpRoute, "catalog", $"parentRefs: [{parents}]\nrules: [{{ backendRefs: [{{ name: catalog, port: 80 }}] }}]"));

        Assert.Equal(field, error.Field);
        Assert.Contains(problem, error.Problem, StringComparison.Ordinal);
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
