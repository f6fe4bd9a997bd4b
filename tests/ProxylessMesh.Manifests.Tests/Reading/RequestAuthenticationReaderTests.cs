using ProxylessMesh.Manifests.Kinds;
using static ProxylessMesh.Manifests.Tests.ReadManifests;

namespace ProxylessMesh.Manifests.Tests.Reading;

public sealed class RequestAuthenticationReaderTests
{
    private const string Keys = """{"keys":[{"kty":"EC","crv":"P-256","x":"a","y":"b"}]}""";

    [Fact]
    public void A_rule_is_read_whole()
    {
        var rule = Assert.Single(Valid<RequestAuthenticationManifest>(Policy("""
            - issuer: https://login.example
              audiences: [a, b]
              jwksUri: https://login.example/keys
              fromHeaders: [{ name: x-token, prefix: "Token " }, { name: x-bare }]
              fromParams: [token]
              fromCookies: [session]
              outputPayloadToHeader: x-user
              outputClaimToHeaders: [{ header: x-group, claim: account.group }]
              forwardOriginalToken: true
              spaceDelimitedClaims: [roles]
              timeout: 1.5s
            """)).Rules);

        Assert.Equal("https://login.example", rule.Issuer);
        Assert.Equal(["a", "b"], rule.Audiences);
        Assert.Equal(new Uri("https://login.example/keys"), rule.JwksUri);
        Assert.Equal([new JwtHeader("x-token", "Token "), new JwtHeader("x-bare", "")], rule.FromHeaders);
        Assert.Equal(["token"], rule.FromParams);
        Assert.Equal(["session"], rule.FromCookies);
        Assert.Equal("x-user", rule.OutputPayloadToHeader);
        Assert.Equal([new JwtClaimHeader("x-group", "account.group")], rule.OutputClaimToHeaders);
        Assert.True(rule.ForwardOriginalToken);
        Assert.Equal(["roles"], rule.SpaceDelimitedClaims);
        Assert.Equal(TimeSpan.FromSeconds(1.5), rule.Timeout);
    }

    [Fact]
    public void What_is_left_out_is_as_in_Istio()
    {
        var rule = Assert.Single(Valid<RequestAuthenticationManifest>(Policy($"- issuer: a\n  jwks: '{Keys}'")).Rules);

        Assert.Equal(Keys, rule.Jwks);
        Assert.Null(rule.JwksUri);
        Assert.Empty(rule.FromHeaders);
        Assert.False(rule.ForwardOriginalToken);
        Assert.Equal(TimeSpan.FromSeconds(5), rule.Timeout);
    }

    [Fact]
    public void A_policy_without_rules_is_valid()
        => Assert.Empty(Valid<RequestAuthenticationManifest>(Document(ManifestKind.RequestAuthentication, "a", "{}")).Rules);

    [Fact]
    public void A_policy_for_a_gateway_is_not_for_the_mesh()
    {
        var reading = Read(Document(ManifestKind.RequestAuthentication, "a", "targetRefs: [{ group: gateway.networking.k8s.io, kind: Gateway, name: g }]"));

        Assert.Empty(reading.Errors);
        Assert.False(Assert.IsType<RequestAuthenticationManifest>(Assert.Single(reading.Manifests.All)).IsForMesh);
    }

    [Theory]
    [InlineData("""{"keys":[{"kty":"RSA","n":"a","e":"AQAB","d":"secret"}]}""")]
    [InlineData("""{"keys":[{"kty":"oct","k":"secret"}]}""")]
    public void Keys_that_only_the_issuer_may_know_are_warned_of_without_being_shown(string keys)
    {
        var reading = Read(Policy($"- issuer: a\n  jwks: '{keys}'"));

        var warning = Assert.Single(reading.Warnings);
        Assert.Equal("spec.jwtRules[0].jwks", warning.Field);
        Assert.Contains("public keys alone", warning.Cure, StringComparison.Ordinal);
    }

    [Fact]
    public void Keys_over_http_are_warned_of()
        => Assert.Contains("sign tokens", Assert.Single(Read(Policy("- { issuer: a, jwksUri: 'http://login.example/keys' }")).Warnings).Problem, StringComparison.Ordinal);

    [Theory]
    [InlineData("- {}", "issuer", "missing")]
    [InlineData("- { issuer: '' }", "issuer", "empty")]
    [InlineData("- { issuer: a, audiences: [''] }", "audiences[0]", "empty")]
    [InlineData("- { issuer: a, jwksUri: login.example }", "jwksUri", "not an address")]
    [InlineData("- { issuer: a, jwksUri: 'file:///etc/keys' }", "jwksUri", "not an address")]
    [InlineData("- { issuer: a, jwksUri: 'https://user:word@login.example' }", "jwksUri", "not an address")]
    [InlineData("- { issuer: a, jwks: keys }", "jwks", "not JSON")]
    [InlineData("- { issuer: a, jwks: '{}' }", "jwks", "not a JWK Set")]
    [InlineData("- { issuer: a, jwks: '{\"keys\":[1]}' }", "jwks", "not a JWK Set")]
    [InlineData("- { issuer: a, jwks: '{\"keys\":[]}', jwksUri: 'https://login.example' }", "jwksUri", "beside 'jwks'")]
    [InlineData("- { issuer: a, fromHeaders: [{ prefix: a }] }", "fromHeaders[0].name", "missing")]
    [InlineData("- { issuer: a, fromHeaders: [{ name: 'a b' }] }", "fromHeaders[0].name", "not a header name")]
    [InlineData("- { issuer: a, fromParams: [''] }", "fromParams[0]", "empty")]
    [InlineData("- { issuer: a, fromCookies: ['a=b'] }", "fromCookies[0]", "cookie")]
    [InlineData("- { issuer: a, outputPayloadToHeader: 'a:b' }", "outputPayloadToHeader", "not a header name")]
    [InlineData("- { issuer: a, outputClaimToHeaders: [{ claim: sub }] }", "outputClaimToHeaders[0].header", "missing")]
    [InlineData("- { issuer: a, outputClaimToHeaders: [{ header: sub }] }", "outputClaimToHeaders[0].claim", "missing")]
    [InlineData("- { issuer: a, spaceDelimitedClaims: [''] }", "spaceDelimitedClaims[0]", "empty")]
    [InlineData("- { issuer: a, timeout: 0s }", "timeout", "out of range")]
    [InlineData("- { issuer: a, presence: MANDATORY }", "presence", "unknown field")]
    public void A_bad_rule_is_refused_at_its_place(string rule, string field, string problem)
    {
        var error = Invalid(Policy(rule));

        Assert.Equal($"spec.jwtRules[0].{field}", error.Field);
        Assert.Contains(problem, error.Problem, StringComparison.Ordinal);
    }

    [Fact]
    public void Two_outputs_for_one_header_are_refused()
        => Assert.Contains(
            "'X-User' is written by two",
            Invalid(Policy("- { issuer: a, outputPayloadToHeader: x-user, outputClaimToHeaders: [{ header: X-User, claim: sub }] }")).Problem,
            StringComparison.OrdinalIgnoreCase);

    private static string Policy(string rules) => Document(ManifestKind.RequestAuthentication, "a", "jwtRules:\n" + rules);
}
