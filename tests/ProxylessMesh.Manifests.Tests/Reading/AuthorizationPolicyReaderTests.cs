using System.Net;
using ProxylessMesh.Manifests.Kinds;
using static ProxylessMesh.Manifests.Tests.ReadManifests;

namespace ProxylessMesh.Manifests.Tests.Reading;

public sealed class AuthorizationPolicyReaderTests
{
    [Fact]
    public void Empty_policy_allows_nothing_and_empty_rule_matches_everything()
    {
        var nothing = Valid<AuthorizationPolicyManifest>(Document(ManifestKind.AuthorizationPolicy, "a", "{}"));
        var everything = Valid<AuthorizationPolicyManifest>(Document(ManifestKind.AuthorizationPolicy, "b", "rules: [{}]"));

        Assert.Equal((AuthorizationAction.Allow, 0), (nothing.Action, nothing.Rules.Length));
        Assert.Equal((0, 0), (everything.Rules.Single().From.Length, everything.Rules.Single().To.Length));
    }

    [Fact]
    public void All_conditions_are_read()
    {
        var policy = Valid<AuthorizationPolicyManifest>(Document(ManifestKind.AuthorizationPolicy, "catalog", """
            selector: { matchLabels: { app: catalog } }
            action: DENY
            rules:
            - from:
              - source: { principals: ["*/sa/storefront"], notNamespaces: [bank], ipBlocks: [10.1.2.3/8, "::1"] }
              to:
              - operation: { methods: [GET], paths: ["/v1/*"], notPorts: ["9090"], hosts: ["*"] }
            """));

        Assert.Equal("catalog", policy.Selector["app"]);
        Assert.Equal(AuthorizationAction.Deny, policy.Action);
        var rule = Assert.Single(policy.Rules);
        var source = Assert.Single(rule.From);
        Assert.Equal("*/sa/storefront", Assert.Single(source.Principals));
        Assert.Equal([IPNetwork.Parse("10.0.0.0/8"), IPNetwork.Parse("::1/128")], source.IpBlocks);
        var operation = Assert.Single(rule.To);
        Assert.Equal(("GET", "/v1/*", 9090), (operation.Methods.Single(), operation.Paths.Single(), operation.NotPorts.Single()));
    }

    [Theory]
    [InlineData("action: DENY", "spec", "never denies")]
    [InlineData("action: AUDIT\nrules: [{}]", "spec.action", "not supported yet")]
    [InlineData("action: Allow", "spec.action", "not one of ALLOW, DENY")]
    [InlineData("rules: [{ when: [{ key: a }] }]", "spec.rules[0].when", "not supported yet")]
    [InlineData("rules: [{ from: [] }]", "spec.rules[0].from", "empty")]
    [InlineData("rules: [{ from: [{}] }]", "spec.rules[0].from[0].source", "missing")]
    [InlineData("rules: [{ from: [{ source: {} }] }]", "spec.rules[0].from[0].source", "empty")]
    [InlineData("rules: [{ from: [{ source: { principals: [] } }] }]", "spec.rules[0].from[0].source.principals", "empty")]
    [InlineData("rules: [{ from: [{ source: { principals: [\"\"] } }] }]", "spec.rules[0].from[0].source.principals[0]", "empty")]
    [InlineData("rules: [{ from: [{ source: { principal: [a] } }] }]", "spec.rules[0].from[0].source.principal", "unknown field")]
    [InlineData("rules: [{ from: [{ source: { requestPrincipals: [a] } }] }]", "spec.rules[0].from[0].source.requestPrincipals", "not supported yet")]
    [InlineData("rules: [{ from: [{ source: { principals: [\"a*b\"] } }] }]", "spec.rules[0].from[0].source.principals[0]", "in the middle")]
    [InlineData("rules: [{ from: [{ source: { ipBlocks: [10.0.0.0/33] } }] }]", "spec.rules[0].from[0].source.ipBlocks[0]", "not an address")]
    [InlineData("rules: [{ to: [{ operation: { ports: [80] } }] }]", "spec.rules[0].to[0].operation.ports[0]", "a text is needed")]
    [InlineData("rules: [{ to: [{ operation: { ports: [\"http\"] } }] }]", "spec.rules[0].to[0].operation.ports[0]", "not a port")]
    [InlineData("rules: [{ to: [{ operation: { paths: [\"/{*}/x\"] } }] }]", "spec.rules[0].to[0].operation.paths[0]", "templates")]
    [InlineData("rules: [{ to: [{ operation: { paths: [\"/x?y\"] } }] }]", "spec.rules[0].to[0].operation.paths[0]", "query")]
    [InlineData("selector: { app: catalog }", "spec.selector.app", "unknown field")]
    [InlineData("selector:", "spec.selector", "no value")]
    [InlineData("rules:", "spec.rules", "no value")]
    public void Policy_that_would_not_do_what_it_says_is_refused(string spec, string field, string problem)
    {
        var reading = Read(Document(ManifestKind.AuthorizationPolicy, "catalog", spec));

        Assert.Empty(reading.Manifests.All);
        Assert.Contains(problem, Assert.Single(reading.Errors, error => error.Field == field).Problem, StringComparison.Ordinal);
    }

    [Fact]
    public void Dry_run_is_refused_because_the_policy_would_be_enforced()
        => Invalid("""
            apiVersion: security.istio.io/v1
            kind: AuthorizationPolicy
            metadata: { name: a, annotations: { istio.io/dry-run: "true" } }
            spec: { rules: [{}] }
            """).Is(1, 1, "", "istio.io/dry-run is not supported yet", "Remove the annotation");
}
