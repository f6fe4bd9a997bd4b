using ProxylessMesh.Manifests.Kinds;
using static ProxylessMesh.Manifests.Tests.ReadManifests;

namespace ProxylessMesh.Manifests.Tests.Reading;

public sealed class GrpcRouteReaderTests
{
    private const string Parent = "parentRefs: [{ group: \"\", kind: Service, name: pricing }]\n";

    private static GrpcRouteRule Rule(string rule) => Assert.Single(Valid<GrpcRouteManifest>(Document(ManifestKind.GrpcRoute, "pricing", Parent + $"rules:\n- {rule}\n")).Rules);

    [Fact]
    public void A_rule_without_matches_takes_every_call()
        => Assert.Equal([GrpcRouteMatch.Everything], Rule("{ backendRefs: [{ name: pricing, port: 80 }] }").Matches);

    [Fact]
    public void A_method_is_matched_by_name_or_expression()
    {
        var matches = Rule(
            """
            { backendRefs: [{ name: pricing, port: 80 }], matches: [
                { method: { service: .shop.v1.Pricing, method: Quote } },
                { method: { type: RegularExpression, service: "shop\\..*" } },
                { headers: [{ name: X-Beta, type: RegularExpression, value: "y.*" }] }] }
            """).Matches;

        Assert.Equal(("shop.v1.Pricing", "Quote", false), (matches[0].Service, matches[0].Method, matches[0].IsRegex));
        Assert.Equal((@"shop\..*", null, true), (matches[1].Service, matches[1].Method, matches[1].IsRegex));
        Assert.Equal(new RouteValueMatch("x-beta", "y.*", IsRegex: true), Assert.Single(matches[2].Headers));
    }

    [Theory]
    [InlineData("matches: [{ method: {} }]", "matches[0].method", "neither")]
    [InlineData("matches: [{ method: { service: a..b } }]", "matches[0].method.service", "not the name of a gRPC service")]
    [InlineData("matches: [{ method: { service: 1a } }]", "matches[0].method.service", "not the name of a gRPC service")]
    [InlineData("matches: [{ method: { method: a/b } }]", "matches[0].method.method", "not the name of a gRPC method")]
    [InlineData("matches: [{ path: { value: / } }]", "matches[0].path", "unknown field")]
    [InlineData("filters: [{ type: URLRewrite, urlRewrite: {} }]", "filters[0].type", "not a known word")]
    [InlineData("timeouts: { request: 1s }", "timeouts", "unknown field")]
    public void Bad_rules_are_refused(string rule, string field, string problem)
    {
        var error = Assert.Single(Read(Document(ManifestKind.GrpcRoute, "pricing", Parent + $"rules:\n- {{ {rule}, backendRefs: [{{ name: pricing, port: 80 }}] }}\n")).Errors, error => error.Field == $"spec.rules[0].{field}");

        Assert.Contains(problem, error.Problem, StringComparison.Ordinal);
    }
}
