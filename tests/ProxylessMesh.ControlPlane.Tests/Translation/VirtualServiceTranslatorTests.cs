using Envoy.Config.Route.V3;
using Google.Protobuf.Collections;
using ProxylessMesh.ControlPlane.Translation;
using ProxylessMesh.Manifests.Kinds;
using RedirectCode = Envoy.Config.Route.V3.RedirectAction.Types.RedirectResponseCode;

namespace ProxylessMesh.ControlPlane.Tests.Translation;

/// <summary>What becomes of a VirtualService's conditions and actions, in the words of Envoy's route configuration.</summary>
public class VirtualServiceTranslatorTests
{
    private const string CatalogCluster = "outbound|80||catalog.shop.svc.cluster.local";

    private const string TwoPorts = """
        apiVersion: v1
        kind: Service
        metadata: { name: catalog, namespace: shop }
        spec: { ports: [{ name: http, port: 80 }, { name: alt, port: 8080 }] }
        ---

        """;

    private static string VirtualService(string http, string rest = "") => $$"""
        apiVersion: networking.istio.io/v1
        kind: VirtualService
        metadata: { name: catalog, namespace: shop }
        spec: { hosts: [catalog], http: {{http}}{{rest}} }
        ---

        """;

    private static RepeatedField<Route> Routes(string http) => Given.Snapshot(VirtualService(http), Given.Workload("catalog", "c1")).VirtualHost().Routes;

    private static Route Only(string route) => Assert.Single(Routes($"[{{ {route} }}]"));

    [Fact]
    public void A_route_that_takes_every_call_is_the_last()
    {
        Assert.Equal(
            ["VirtualService/shop/catalog/0"],
            Routes("[{ match: [{ uri: { regex: \".*\" } }, { uri: { exact: /x } }], route: [{ destination: { host: catalog } }] }, { route: [{ destination: { host: other } }] }]").Select(route => route.Name));
        Assert.Equal(2, Routes("[{ match: [{ uri: { prefix: / }, method: { exact: GET } }], route: [{ destination: { host: catalog } }] }, { route: [{ destination: { host: other } }] }]").Count);
    }

    [Fact]
    public void A_match_for_gateways_alone_is_left_out()
        => Assert.Equal(["VirtualService/shop/catalog/in", "VirtualService/shop/catalog/both"], Routes(
            """
            [
              { name: edge, match: [{ gateways: [edge], uri: { prefix: /a } }], route: [{ destination: { host: other } }] },
              { name: in, match: [{ gateways: [mesh], uri: { prefix: /b } }], route: [{ destination: { host: catalog } }] },
              { name: both, match: [{ gateways: [edge, mesh], uri: { prefix: /c } }], route: [{ destination: { host: catalog } }] }
            ]
            """).Select(route => route.Name));

    [Fact]
    public void A_VirtualService_for_gateways_alone_changes_nothing()
    {
        var snapshot = Given.Snapshot(VirtualService("[{ redirect: { uri: /x } }]", ", gateways: [edge]"), Given.Workload("catalog", "c1"));

        Assert.Equal("default", Assert.Single(snapshot.VirtualHost().Routes).Name);
    }

    [Fact]
    public void A_match_for_a_port_is_a_route_of_that_port_alone()
    {
        var snapshot = Given.Snapshot(TwoPorts + VirtualService("[{ match: [{ port: 8080 }], directResponse: { status: 410 } }]"), Given.Workload("catalog", "c1"));

        Assert.Equal(410u, Assert.Single(snapshot.VirtualHost("catalog.shop.svc.cluster.local:8080").Routes).DirectResponse.Status);
        Assert.Equal("default", Assert.Single(snapshot.VirtualHost().Routes).Name);
    }

    [Theory]
    [InlineData(80, "[^:]*(:80)?")]
    [InlineData(8080, ".*:8080")]
    public void A_service_without_ports_tells_them_apart_by_the_authority(int port, string authority)
    {
        var header = Assert.Single(Only($"match: [{{ port: {port} }}], route: [{{ destination: {{ host: catalog }} }}]").Match.Headers);

        Assert.Equal((":authority", authority), (header.Name, header.SafeRegexMatch.Regex));
    }

    [Fact]
    public void Scheme_and_pseudo_headers_are_conditions_on_headers()
    {
        var headers = Only("match: [{ scheme: { exact: https }, headers: { \":method\": { exact: GET }, \":path\": { prefix: /a } } }], route: [{ destination: { host: catalog } }]").Match.Headers;

        Assert.Equal([":scheme", ":method", ":path"], headers.Select(header => header.Name));
    }

    [Theory]
    [InlineData("{ regex: \"*\" }")]
    [InlineData("{}")]
    public void Without_a_header_whatever_its_value_is_a_test_for_absence(string value)
    {
        var header = Assert.Single(Only($"match: [{{ withoutHeaders: {{ x: {value} }} }}], route: [{{ destination: {{ host: catalog }} }}]").Match.Headers);

        Assert.Equal((true, true, false), (header.PresentMatch, header.InvertMatch, header.TreatMissingHeaderAsEmpty));
    }

    [Theory]
    [InlineData("derivePort: FROM_REQUEST_PORT, scheme: https", 80u, "https")]
    [InlineData("derivePort: FROM_REQUEST_PORT", 0u, "")]
    [InlineData("derivePort: FROM_PROTOCOL_DEFAULT, scheme: https", 0u, "https")]
    [InlineData("port: 443, scheme: https", 0u, "https")]
    [InlineData("port: 80", 0u, "")]
    [InlineData("port: 8443", 8443u, "")]
    public void The_port_of_a_redirect_is_written_unless_the_scheme_has_it(string redirect, uint port, string scheme)
    {
        var action = Only($"redirect: {{ {redirect} }}").Redirect;

        Assert.Equal((port, scheme, RedirectCode.MovedPermanently), (action.PortRedirect, action.SchemeRedirect, action.ResponseCode));
        Assert.Equal(RedirectAction.PathRewriteSpecifierOneofCase.None, action.PathRewriteSpecifierCase);
    }

    [Theory]
    [InlineData(301, nameof(RedirectCode.MovedPermanently))]
    [InlineData(302, nameof(RedirectCode.Found))]
    [InlineData(303, nameof(RedirectCode.SeeOther))]
    [InlineData(307, nameof(RedirectCode.TemporaryRedirect))]
    [InlineData(308, nameof(RedirectCode.PermanentRedirect))]
    public void A_redirect_changes_path_host_and_status(int code, string status)
    {
        var whole = Only($"redirect: {{ uri: /b, authority: shop.example, redirectCode: {code} }}").Redirect;
        var prefix = Only("match: [{ uri: { prefix: /a } }], redirect: { prefixRewrite: /b }").Redirect;

        Assert.Equal(("/b", "shop.example", status), (whole.PathRedirect, whole.HostRedirect, whole.ResponseCode.ToString()));
        Assert.Equal("/b", prefix.PrefixRewrite);
    }

    [Fact]
    public void A_direct_response_has_its_status_and_body()
    {
        var answer = Only("directResponse: { status: 503, body: { string: closed } }").DirectResponse;

        Assert.Equal((503u, "closed"), (answer.Status, answer.Body.InlineBytes.ToStringUtf8()));
        Assert.Null(Only("directResponse: { status: 204 }").DirectResponse.Body);
    }

    [Fact]
    public void Rewrites_are_of_a_prefix_or_by_expression_and_of_the_host()
    {
        var byPrefix = Only("match: [{ uri: { prefix: /a } }], rewrite: { uri: /b, authority: inner }, route: [{ destination: { host: catalog } }]").Route_;
        var byExpression = Only("rewrite: { uriRegexRewrite: { match: \"/(a)\", rewrite: '/x\\1' } }, route: [{ destination: { host: catalog } }]").Route_;

        Assert.Equal(("/b", "inner", CatalogCluster), (byPrefix.PrefixRewrite, byPrefix.HostRewriteLiteral, byPrefix.Cluster));
        Assert.Equal(("/(a)", "/x\\1"), (byExpression.RegexRewrite.Pattern.Regex, byExpression.RegexRewrite.Substitution));
        Assert.Equal(RouteAction.HostRewriteSpecifierOneofCase.None, byExpression.HostRewriteSpecifierCase);
    }

    [Theory]
    [InlineData("headers: { request: { set: { \":authority\": a } } }, route: [{ destination: { host: catalog } }]", "a")]
    [InlineData("route: [{ destination: { host: catalog }, headers: { request: { set: { Host: b } } } }]", "b")]
    [InlineData("headers: { request: { set: { \":authority\": a } } }, route: [{ destination: { host: catalog }, headers: { request: { set: { Host: b } } } }]", "a")]
    [InlineData("headers: { request: { add: { host: a } } }, route: [{ destination: { host: catalog } }]", "a")]
    public void The_authority_among_headers_is_a_rewrite_of_the_host_and_the_route_s_comes_first(string route, string authority)
    {
        var wire = Only(route);

        Assert.Equal((authority, CatalogCluster), (wire.Route_.HostRewriteLiteral, wire.Route_.Cluster));
        Assert.Empty(wire.RequestHeadersToAdd);
    }

    [Fact]
    public void Of_several_destinations_each_has_its_authority_unless_the_route_has_one()
    {
        const string shares = "route: [{ destination: { host: catalog }, weight: 1, headers: { request: { set: { Host: b } } } }, { destination: { host: other }, weight: 1 }]";

        var own = Only(shares).Route_;
        var routed = Only("rewrite: { authority: a }, " + shares).Route_;

        Assert.Equal(["b", ""], own.WeightedClusters.Clusters.Select(cluster => cluster.HostRewriteLiteral));
        Assert.Equal(RouteAction.HostRewriteSpecifierOneofCase.None, own.HostRewriteSpecifierCase);
        Assert.Equal(["", ""], routed.WeightedClusters.Clusters.Select(cluster => cluster.HostRewriteLiteral));
        Assert.Equal("a", routed.HostRewriteLiteral);
    }

    [Fact]
    public void Headers_of_a_single_destination_come_after_the_route_s()
    {
        var route = Only("headers: { request: { set: { x: route } } }, route: [{ destination: { host: catalog }, headers: { request: { set: { x: destination } }, response: { remove: [y] } } }]");

        Assert.Equal(["route", "destination"], route.RequestHeadersToAdd.Select(option => option.Header.Value));
        Assert.Equal(["y"], route.ResponseHeadersToRemove);
    }

    [Fact]
    public void A_percent_sign_in_a_header_is_doubled_on_the_wire()
        => Assert.Equal("100%%", Assert.Single(Only("headers: { response: { set: { x: \"100%%\" } } }, route: [{ destination: { host: catalog } }]").ResponseHeadersToAdd).Header.Value);

    [Fact]
    public void Mirrors_copy_their_share_and_their_clusters_exist()
    {
        var snapshot = Given.Snapshot(VirtualService(
            """
            [{ route: [{ destination: { host: catalog } }],
               mirrors: [{ destination: { host: a }, percentage: { value: 12.5 } }, { destination: { host: b } }, { destination: { host: c }, percentage: { value: 0 } }] }]
            """), Given.Workload("catalog", "c1"));

        var policies = Assert.Single(snapshot.VirtualHost().Routes).Route_.RequestMirrorPolicies;
        Assert.Equal(
            [("outbound|80||a.shop.svc.cluster.local", 125_000u), ("outbound|80||b.shop.svc.cluster.local", 1_000_000u)],
            policies.Select(policy => (policy.Cluster, policy.RuntimeFraction.DefaultValue.Numerator)));
        Assert.All(policies, policy => Assert.Contains(policy.Cluster, snapshot.Clusters.Keys));
    }

    [Theory]
    [InlineData("mirror: { host: a }", 1_000_000u)]
    [InlineData("mirror: { host: a }, mirrorPercentage: { value: 5 }", 50_000u)]
    [InlineData("mirror: { host: a }, mirrorPercent: 5", 50_000u)]
    public void A_single_mirror_has_the_route_s_percentage(string mirror, uint millionths)
        => Assert.Equal(millionths, Assert.Single(Only($"{mirror}, route: [{{ destination: {{ host: catalog }} }}]").Route_.RequestMirrorPolicies).RuntimeFraction.DefaultValue.Numerator);

    [Fact]
    public void A_mirror_of_nothing_is_none()
        => Assert.Empty(Only("mirror: { host: a }, mirrorPercentage: { value: 0 }, route: [{ destination: { host: catalog } }]").Route_.RequestMirrorPolicies);

    [Theory]
    [InlineData("attempts: 2", true)]
    [InlineData("attempts: 2, retryIgnorePreviousHosts: true", true)]
    [InlineData("attempts: 2, retryIgnorePreviousHosts: false", false)]
    public void Retries_look_for_another_endpoint_unless_told_not_to(string retries, bool looks)
    {
        var policy = Only($"retries: {{ {retries} }}, route: [{{ destination: {{ host: catalog }} }}]").Route_.RetryPolicy;

        Assert.Equal((looks ? 1 : 0, looks ? 5L : 0), (policy.RetryHostPredicate.Count, policy.HostSelectionRetryMaxAttempts));
    }

    [Fact]
    public void A_cross_origin_policy_is_Envoy_s()
    {
        var policy = CorsTranslator.Translate(new VirtualServiceCors
        {
            AllowOrigins = [new StringMatch(StringMatchKind.Exact, "https://a"), new StringMatch(StringMatchKind.Regex, "https://.*")],
            AllowMethods = ["GET", "POST"],
            AllowHeaders = ["x-a", "x-b"],
            ExposeHeaders = ["x-c"],
            MaxAge = TimeSpan.FromHours(24),
            AllowCredentials = true,
            IgnoresUnmatchedPreflights = true,
        });

        Assert.Equal(("https://a", "https://.*"), (policy.AllowOriginStringMatch[0].Exact, policy.AllowOriginStringMatch[1].SafeRegex.Regex));
        Assert.Equal(("GET,POST", "x-a,x-b", "x-c", "86400"), (policy.AllowMethods, policy.AllowHeaders, policy.ExposeHeaders, policy.MaxAge));
        Assert.Equal((true, false), (policy.AllowCredentials, policy.ForwardNotMatchingPreflights));
    }
}
