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
    public void Conditions_and_service_accounts_are_read()
    {
        var rule = Valid<AuthorizationPolicyManifest>(Document(ManifestKind.AuthorizationPolicy, "catalog", """
            rules:
            - from: [{ source: { serviceAccounts: [storefront, bank/teller], notRemoteIpBlocks: [10.1.2.3/8] } }]
              when:
              - { key: "request.headers[X-Token]", values: ["a*"], notValues: [abc] }
              - { key: source.serviceAccount, notValues: [intruder] }
            """)).Rules.Single();

        Assert.Equal(["shop/storefront", "bank/teller"], rule.From[0].ServiceAccounts);
        Assert.Equal(IPNetwork.Parse("10.0.0.0/8"), rule.From[0].NotRemoteIpBlocks.Single());
        Assert.Equal((AuthorizationKey.RequestHeader, "x-token", "a*", "abc"), (rule.When[0].Key, rule.When[0].Name, rule.When[0].Values.Single(), rule.When[0].NotValues.Single()));
        Assert.Equal((AuthorizationKey.SourceServiceAccount, "shop/intruder"), (rule.When[1].Key, rule.When[1].NotValues.Single()));
    }

    [Fact]
    public void A_policy_for_gateways_is_checked_and_has_no_effect()
    {
        var reading = Read(Document(ManifestKind.AuthorizationPolicy, "edge", "targetRef: { kind: Gateway, group: gateway.networking.k8s.io, name: a }"));

        Assert.Contains("no effect here", Assert.Single(reading.Warnings).Problem, StringComparison.Ordinal);
        Assert.False(reading.Manifests.AuthorizationPolicies.Single().IsForMesh);
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
    [InlineData("action: CUSTOM\nprovider: { name: a }", "spec", "never asks")]
    [InlineData("action: CUSTOM\nrules: [{}]", "spec.provider", "missing")]
    [InlineData("action: CUSTOM\nrules: [{}]\nprovider: {}", "spec.provider.name", "missing")]
    [InlineData("rules: [{}]\nprovider: { name: a }", "spec.provider", "only a CUSTOM policy")]
    [InlineData("action: Allow", "spec.action", "not one of ALLOW, DENY, AUDIT, CUSTOM")]
    [InlineData("rules: [{ when: [{ key: source.ip }] }]", "spec.rules[0].when[0]", "compares with nothing")]
    [InlineData("rules: [{ when: [{ values: [a] }] }]", "spec.rules[0].when[0].key", "missing")]
    [InlineData("rules: [{ when: [{ key: source.ips, values: [a] }] }]", "spec.rules[0].when[0].key", "not an attribute")]
    [InlineData("rules: [{ when: [{ key: destination.namespace, values: [a] }] }]", "spec.rules[0].when[0].key", "not an attribute")]
    [InlineData("rules: [{ when: [{ key: 'request.headers[]', values: [a] }] }]", "spec.rules[0].when[0].key", "not a header name")]
    [InlineData("rules: [{ when: [{ key: 'request.auth.claims[]', values: [a] }] }]", "spec.rules[0].when[0].key", "names no claim")]
    [InlineData("rules: [{ when: [{ key: 'request.auth.claims[a]b[c]', values: [a] }] }]", "spec.rules[0].when[0].key", "names no claim")]
    [InlineData("rules: [{ when: [{ key: request.auth.issuer, values: [a] }] }]", "spec.rules[0].when[0].key", "not an attribute")]
    [InlineData("rules: [{ when: [{ key: experimental.envoy.filters.a, values: [a] }] }]", "spec.rules[0].when[0].key", "does not say what")]
    [InlineData("rules: [{ when: [{ key: source.ip, values: [a.b.c.d] }] }]", "spec.rules[0].when[0].values[0]", "not an address")]
    [InlineData("rules: [{ when: [{ key: source.ip, notValues: [a.b.c.d] }] }]", "spec.rules[0].when[0].notValues[0]", "not an address")]
    [InlineData("rules: [{ when: [{ key: destination.port, values: ['x'] }] }]", "spec.rules[0].when[0].values[0]", "not a port")]
    [InlineData("rules: [{ when: [{ key: source.trustDomain, values: ['fo*bar*'] }] }]", "spec.rules[0].when[0].values[0]", "'*' stands")]
    [InlineData("rules: [{ when: [{ key: source.serviceAccount, values: [a/b/c] }] }]", "spec.rules[0].when[0].values[0]", "not a service account")]
    [InlineData("rules: [{ when: [{ key: source.serviceAccount, values: [/b] }] }]", "spec.rules[0].when[0].values[0]", "not a service account")]
    [InlineData("rules: [{ when: [{ key: connection.sni, values: [''] }] }]", "spec.rules[0].when[0].values[0]", "empty")]
    [InlineData("rules: [{ from: [{ source: { serviceAccounts: [a], namespaces: [b] } }] }]", "spec.rules[0].from[0].source.namespaces", "beside service accounts")]
    [InlineData("rules: [{ from: [{ source: { notServiceAccounts: [a], principals: [b] } }] }]", "spec.rules[0].from[0].source.principals", "beside service accounts")]
    [InlineData("rules: [{ from: [{ source: { remoteIpBlocks: [ip1] } }] }]", "spec.rules[0].from[0].source.remoteIpBlocks[0]", "not an address")]
    [InlineData("rules: [{ to: [{ operation: { paths: ['/a/{}/b'] } }] }]", "spec.rules[0].to[0].operation.paths[0]", "no segment of a template")]
    [InlineData("rules: [{ to: [{ operation: { paths: ['/a/{x}/b'] } }] }]", "spec.rules[0].to[0].operation.paths[0]", "no segment of a template")]
    [InlineData("rules: [{ to: [{ operation: { paths: ['/{*}/b/*'] } }] }]", "spec.rules[0].to[0].operation.paths[0]", "no segment of a template")]
    [InlineData("rules: [{ to: [{ operation: { paths: ['/{**}/b/{*}'] } }] }]", "spec.rules[0].to[0].operation.paths[0]", "behind '{**}'")]
    [InlineData("targetRef: { kind: Gateway, group: gateway.networking.k8s.io }", "spec.targetRef.name", "missing")]
    [InlineData("targetRef: { kind: Gateway, group: other, name: a }", "spec.targetRef.kind", "no policy is for this kind")]
    [InlineData("targetRefs: [{ group: networking.istio.io, kind: ServiceEntry, name: a }]", "spec", "no ServiceEntry 'a'")]
    [InlineData("targetRefs: [{ kind: Gateway, group: gateway.networking.k8s.io, name: a, namespace: b }]", "spec.targetRefs[0].namespace", "its own namespace")]
    [InlineData("selector: { matchLabels: { a: b } }\ntargetRef: { kind: Gateway, group: gateway.networking.k8s.io, name: a }", "spec.targetRef", "beside 'selector'")]
    [InlineData("rules: [{ from: [] }]", "spec.rules[0].from", "empty")]
    [InlineData("rules: [{ from: [{}] }]", "spec.rules[0].from[0].source", "missing")]
    [InlineData("rules: [{ from: [{ source: {} }] }]", "spec.rules[0].from[0].source", "empty")]
    [InlineData("rules: [{ from: [{ source: { principals: [] } }] }]", "spec.rules[0].from[0].source.principals", "empty")]
    [InlineData("rules: [{ from: [{ source: { principals: [\"\"] } }] }]", "spec.rules[0].from[0].source.principals[0]", "empty")]
    [InlineData("rules: [{ from: [{ source: { principal: [a] } }] }]", "spec.rules[0].from[0].source.principal", "unknown field")]
    [InlineData("rules: [{ from: [{ source: { requestPrincipals: [\"\"] } }] }]", "spec.rules[0].from[0].source.requestPrincipals[0]", "empty")]
    [InlineData("rules: [{ from: [{ source: { principals: [\"a*b\"] } }] }]", "spec.rules[0].from[0].source.principals[0]", "in the middle")]
    [InlineData("rules: [{ from: [{ source: { ipBlocks: [10.0.0.0/33] } }] }]", "spec.rules[0].from[0].source.ipBlocks[0]", "not an address")]
    [InlineData("rules: [{ to: [{ operation: { ports: [80] } }] }]", "spec.rules[0].to[0].operation.ports[0]", "a text is needed")]
    [InlineData("rules: [{ to: [{ operation: { ports: [\"http\"] } }] }]", "spec.rules[0].to[0].operation.ports[0]", "not a port")]
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

    [Theory]
    [InlineData("ALLOW", "\"true\"", true)]
    [InlineData("DENY", "\"T\"", true)]
    [InlineData("DENY", "\"0\"", false)]
    public void Dry_run_is_an_annotation(string action, string value, bool isDryRun)
        => Assert.Equal(isDryRun, Valid<AuthorizationPolicyManifest>(Annotated(action, value)).IsDryRun);

    [Theory]
    [InlineData("ALLOW", "maybe", "is 'maybe'")]
    [InlineData("AUDIT", "\"true\"", "is for ALLOW and DENY")]
    [InlineData("CUSTOM, provider: { name: a }", "\"true\"", "is for ALLOW and DENY")]
    public void Dry_run_says_true_or_false_of_a_decision(string action, string value, string problem)
        => Assert.Contains(problem, Read(Annotated(action, value)).Errors.First(error => error.Field.Length == 0).Problem, StringComparison.Ordinal);

    [Fact]
    public void Tokens_and_metadata_are_attributes()
    {
        var when = Valid<AuthorizationPolicyManifest>(Document(ManifestKind.AuthorizationPolicy, "catalog", """
            rules:
            - when:
              - { key: "request.auth.claims[realm_access][roles]", values: [admin] }
              - { key: request.auth.principal, values: ["*"] }
              - { key: request.auth.audiences, values: [a] }
              - { key: request.auth.presenter, notValues: [b] }
              - { key: "experimental.envoy.filters.http.jwt_authn[payload]", values: [x] }
            """)).Rules.Single().When;

        Assert.Equal([AuthorizationKey.RequestClaim, AuthorizationKey.RequestPrincipal, AuthorizationKey.RequestAudiences, AuthorizationKey.RequestPresenter, AuthorizationKey.FilterMetadata], when.Select(condition => condition.Key));
        Assert.Equal(["realm_access", "roles"], when[0].Path);
        Assert.Equal("envoy.filters.http.jwt_authn", when[4].Name);
        Assert.Equal(["payload"], when[4].Path);
    }

    [Fact]
    public void A_filter_that_nobody_has_draws_a_warning()
    {
        var reading = Read(Document(ManifestKind.AuthorizationPolicy, "a", "rules: [{ when: [{ key: 'experimental.envoy.filters.a.b[c]', values: [x] }] }]"));

        Assert.Contains("never holds", Assert.Single(reading.Warnings).Problem, StringComparison.Ordinal);
        Assert.Empty(reading.Errors);
    }

    [Fact]
    public void A_policy_may_be_for_services()
    {
        var reading = Read(Document(ManifestKind.AuthorizationPolicy, "a", "targetRefs: [{ kind: Service, name: catalog }, { kind: Gateway, group: gateway.networking.k8s.io, name: edge }]"));

        var policy = Assert.IsType<AuthorizationPolicyManifest>(Assert.Single(reading.Manifests.All));
        Assert.Equal([new PolicyTarget(ManifestKind.Service, "catalog")], policy.Targets);
        Assert.True(policy.IsForMesh);
        Assert.Contains("no Service 'catalog'", Assert.Single(reading.Warnings).Problem, StringComparison.Ordinal);
    }

    [Fact]
    public void A_provider_that_nobody_wrote_draws_a_warning()
    {
        var reading = Read(Document(ManifestKind.AuthorizationPolicy, "a", "action: CUSTOM\nprovider: { name: opa }\nrules: [{}]"));

        Assert.Contains("every call that the policy matches is denied", Assert.Single(reading.Warnings).Problem, StringComparison.Ordinal);
    }

    private static string Annotated(string action, string value) => $$"""
        apiVersion: security.istio.io/v1
        kind: AuthorizationPolicy
        metadata: { name: a, annotations: { istio.io/dry-run: {{value}} } }
        spec: { action: {{action}}, rules: [{}] }
        """;
}
