using Envoy.Extensions.Filters.Http.JwtAuthn.V3;
using Envoy.Extensions.Filters.Network.HttpConnectionManager.V3;
using ProxylessMesh.ControlPlane.Translation;

namespace ProxylessMesh.ControlPlane.Tests.Translation;

public class RequestAuthenticationTranslatorTests
{
    private const string Keys = """{"keys":[{"kty":"EC","crv":"P-256","kid":"1","x":"a","y":"b"}]}""";

    [Fact]
    public void A_rule_becomes_a_provider_whose_token_may_be_missing()
    {
        var jwt = Only(Policy("a", "shop", $$"""
            - issuer: https://login.example
              jwks: '{{Keys}}'
              audiences: [catalog]
              fromHeaders: [{ name: x-token, prefix: "Token " }]
              fromParams: [token]
              fromCookies: [session]
              outputPayloadToHeader: x-user
              outputClaimToHeaders: [{ header: x-group, claim: account.group }]
              forwardOriginalToken: true
              spaceDelimitedClaims: [roles, scope]
            """));

        var (name, provider) = Assert.Single(jwt.Providers);
        Assert.Equal("origins-0", name);
        Assert.Equal("https://login.example", provider.Issuer);
        Assert.Equal(["catalog"], provider.Audiences);
        Assert.Equal(Keys, provider.LocalJwks.InlineString);
        Assert.Equal([new JwtHeader { Name = "x-token", ValuePrefix = "Token " }], provider.FromHeaders);
        Assert.Equal(["token"], provider.FromParams);
        Assert.Equal(["session"], provider.FromCookies);
        Assert.True(provider.Forward);
        Assert.Equal("x-user", provider.ForwardPayloadHeader);
        Assert.Equal([new JwtClaimToHeader { HeaderName = "x-group", ClaimName = "account.group" }], provider.ClaimToHeaders);
        Assert.Equal("payload", provider.PayloadInMetadata);
        Assert.Equal(["scope", "permission", "roles"], provider.NormalizePayloadInMetadata.SpaceDelimitedClaims);
        Assert.True(jwt.BypassCorsPreflight);
        var rule = Assert.Single(jwt.Rules);
        Assert.Equal("/", rule.Match.Prefix);
        Assert.Equal(["ProviderName", "AllowMissing"], rule.Requires.RequiresAny.Requirements.Select(one => one.RequiresTypeCase.ToString()));
    }

    [Fact]
    public void Rules_of_all_policies_that_select_the_workload_join_in_the_order_of_their_issuers()
    {
        var jwt = Only(
            Policy("b", "shop", "- { issuer: z, jwks: '{\"keys\":[]}' }", "selector: { matchLabels: { app: catalog } }"),
            Policy("a", "mesh-system", "- { issuer: a, jwks: '{\"keys\":[]}' }"),
            Policy("c", "shop", "- { issuer: other, jwks: '{\"keys\":[]}' }", "selector: { matchLabels: { app: pricing } }"),
            Policy("d", "billing", "- { issuer: elsewhere, jwks: '{\"keys\":[]}' }"),
            Policy("e", "shop", "- { issuer: gateway, jwks: '{\"keys\":[]}' }", "targetRefs: [{ group: gateway.networking.k8s.io, kind: Gateway, name: g }]"));

        Assert.Equal(["a", "z"], jwt.Providers.OrderBy(provider => provider.Key).Select(provider => provider.Value.Issuer));
        var any = Assert.Single(jwt.Rules).Requires.RequiresAny.Requirements;
        Assert.Equal(["origins-0", "origins-1"], any.Take(2).Select(one => one.ProviderName));
        Assert.Equal(["origins-0", "origins-1"], any[2].RequiresAll.Requirements.Select(one => one.RequiresAny.Requirements[0].ProviderName));
        Assert.All(any[2].RequiresAll.Requirements, one => Assert.NotNull(one.RequiresAny.Requirements[1].AllowMissing));
    }

    [Fact]
    public void Without_a_policy_or_a_rule_there_is_no_filter()
    {
        Assert.Empty(Filters(""));
        Assert.Empty(Filters("apiVersion: security.istio.io/v1\nkind: RequestAuthentication\nmetadata: { name: a, namespace: shop }\nspec: {}\n"));
    }

    [Fact]
    public void Keys_that_were_not_fetched_yet_make_every_token_invalid()
        => Assert.Equal("""{"keys":[]}""", Assert.Single(Only(Policy("a", "shop", "- { issuer: a, jwksUri: 'https://login.example/keys' }")).Providers).Value.LocalJwks.InlineString);

    [Fact]
    public void Only_public_keys_leave_the_control_plane()
        => Assert.Equal(
            """{"keys":[{"kty":"RSA","n":"a","e":"AQAB"},{"kty":"EC","crv":"P-256","x":"a","y":"b"}]}""",
            PublicKeys.Of("""{"keys":[{"kty":"RSA","n":"a","e":"AQAB","d":"s","p":"s","q":"s","dp":"s","dq":"s","qi":"s","oth":[]},{"kty":"oct","k":"s"},{"kty":"EC","crv":"P-256","x":"a","y":"b","d":"s"},1,{"kty":5}]}"""));

    [Theory]
    [InlineData("nonsense")]
    [InlineData("[]")]
    [InlineData("{}")]
    [InlineData("""{"keys":1}""")]
    public void What_is_no_key_set_has_no_keys(string text) => Assert.Equal("""{"keys":[]}""", PublicKeys.Of(text));

    [Fact]
    public void The_filter_stands_before_authorization()
    {
        Assert.True(InboundName.TryParse("proxylessmesh/inbound/10.0.0.1:5000", out var name));
        var yaml = Policy("a", "shop", "- { issuer: a, jwks: '{\"keys\":[]}' }") + "apiVersion: security.istio.io/v1\nkind: AuthorizationPolicy\nmetadata: { name: a, namespace: shop }\nspec: {}\n";
        var listener = InboundTranslator.Translate(Given.Manifests(yaml), Given.Workload("catalog", "c1"), "proxylessmesh/inbound/10.0.0.1:5000", name);

        var filters = HttpConnectionManager.Parser.ParseFrom(listener.FilterChains[0].Filters[0].TypedConfig.Value).HttpFilters.Select(filter => filter.Name).ToList();

        var jwt = filters.IndexOf("envoy.filters.http.jwt_authn");
        Assert.InRange(jwt, 0, filters.FindIndex(filter => filter.StartsWith("envoy.filters.http.rbac", StringComparison.Ordinal)) - 1);
    }

    private static string Policy(string name, string ns, string rules, string more = "")
        => $"apiVersion: security.istio.io/v1\nkind: RequestAuthentication\nmetadata: {{ name: {name}, namespace: {ns} }}\nspec:\n  {more}\n  jwtRules:\n{string.Join('\n', rules.Split('\n').Select(line => "  " + line))}\n---\n";

    private static IEnumerable<HttpFilter> Filters(string yaml) => RequestAuthenticationTranslator.Filters(Given.Manifests(yaml), Given.Workload("catalog", "c1"));

    private static JwtAuthentication Only(params string[] policies)
        => JwtAuthentication.Parser.ParseFrom(Assert.Single(Filters(string.Concat(policies))).TypedConfig.Value);
}
