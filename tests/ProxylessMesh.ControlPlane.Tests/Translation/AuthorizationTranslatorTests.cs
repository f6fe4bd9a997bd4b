using Envoy.Config.Rbac.V3;
using ProxylessMesh.ControlPlane.Translation;
using ProxylessMesh.Manifests;
using ProxylessMesh.Manifests.Kinds;
using RbacFilter = Envoy.Extensions.Filters.Http.Rbac.V3.RBAC;

namespace ProxylessMesh.ControlPlane.Tests.Translation;

public class AuthorizationTranslatorTests
{
    private static string Policy(string name, string spec, string ns = "shop") => $$"""
        apiVersion: security.istio.io/v1
        kind: AuthorizationPolicy
        metadata: { name: {{name}}, namespace: {{ns}} }
        spec: {{spec}}
        ---

        """;

    private static List<RbacFilter> WholeFilters(string yaml, RuleAudience audience = RuleAudience.Mesh)
        => [.. AuthorizationTranslator.Filters(Given.Manifests(yaml), Given.Workload("catalog", "c1", version: "v1"), audience).Select(filter => filter.TypedConfig.Unpack<RbacFilter>())];

    private static List<RBAC> Filters(string yaml, RuleAudience audience = RuleAudience.Mesh) => [.. WholeFilters(yaml, audience).Select(filter => filter.Rules)];

    private static Policy Rule(string rule) => Assert.Single(Assert.Single(Filters(Policy("p", $"{{ rules: [{rule}] }}"))).Policies).Value;

    private static Principal Source(string source) => Assert.Single(Rule($"{{ from: [{{ source: {source} }}] }}").Principals);

    private static Permission Operation(string operation) => Assert.Single(Rule($"{{ to: [{{ operation: {operation} }}] }}").Permissions);

    [Fact]
    public void No_policy_no_filter() => Assert.Empty(Filters(""));

    [Fact]
    public void An_empty_spec_denies_all()
    {
        var rules = Assert.Single(Filters(Policy("nothing", "{}")));

        Assert.Equal(RBAC.Types.Action.Allow, rules.Action);
        Assert.Empty(rules.Policies);
    }

    [Fact]
    public void An_ALLOW_policy_whose_rules_are_an_empty_list_denies_all_beside_others_that_allow()
    {
        var rules = Assert.Single(Filters(Policy("nothing", "{}") + Policy("some", "{ rules: [{ to: [{ operation: { methods: [GET] } }] }] }")));

        Assert.Equal(["ns[shop]-policy[some]-rule[0]"], rules.Policies.Keys);
    }

    [Fact]
    public void A_rule_without_content_matches_everything()
    {
        var rule = Rule("{}");

        Assert.True(Assert.Single(rule.Permissions).Any);
        Assert.True(Assert.Single(rule.Principals).Any);
    }

    [Fact]
    public void A_DENY_policy_without_rules_denies_nothing_and_leaves_the_rest_open()
    {
        var policy = new AuthorizationPolicyManifest { Name = "none", Namespace = "shop", Action = AuthorizationAction.Deny };

        Assert.Empty(AuthorizationTranslator.Filters(new ManifestSet([policy]), Given.Workload("catalog", "c1")));
    }

    [Fact]
    public void DENY_is_decided_before_ALLOW()
    {
        var filters = Filters(Policy("a", "{ action: ALLOW, rules: [{}] }") + Policy("b", "{ action: DENY, rules: [{}] }"));

        Assert.Equal([RBAC.Types.Action.Deny, RBAC.Types.Action.Allow], filters.Select(filter => filter.Action));
        Assert.Equal(["ns[shop]-policy[b]-rule[0]"], filters[0].Policies.Keys);
        Assert.Equal(["ns[shop]-policy[a]-rule[0]"], filters[1].Policies.Keys);
    }

    [Fact]
    public void The_two_filters_have_different_names()
    {
        var manifests = Given.Manifests(Policy("a", "{ rules: [{}] }") + Policy("b", "{ action: DENY, rules: [{}] }"));

        var names = AuthorizationTranslator.Filters(manifests, Given.Workload("catalog", "c1")).Select(filter => filter.Name).ToList();

        Assert.Equal(names.Distinct(), names);
    }

    [Fact]
    public void Policies_are_chosen_by_namespace_and_labels_and_the_root_namespace_is_everywhere()
    {
        var rules = Assert.Single(Filters(
            Policy("root", "{ rules: [{}] }", "mesh-system")
            + Policy("root-selected", "{ selector: { matchLabels: { app: catalog } }, rules: [{}] }", "mesh-system")
            + Policy("mine", "{ selector: { matchLabels: { app: catalog, version: v1 } }, rules: [{}] }")
            + Policy("other-version", "{ selector: { matchLabels: { app: catalog, version: v2 } }, rules: [{}] }")
            + Policy("other-namespace", "{ rules: [{}] }", "bank")));

        Assert.Equal(
            ["ns[mesh-system]-policy[root-selected]-rule[0]", "ns[mesh-system]-policy[root]-rule[0]", "ns[shop]-policy[mine]-rule[0]"],
            rules.Policies.Keys.Order(StringComparer.Ordinal));
    }

    [Theory]
    [InlineData("mesh.local/ns/shop/sa/storefront", "{ \"exact\": \"spiffe://mesh.local/ns/shop/sa/storefront\" }")]
    [InlineData("cluster.local/ns/shop/sa/storefront", "{ \"exact\": \"spiffe://mesh.local/ns/shop/sa/storefront\" }")]
    [InlineData("other.org/ns/shop/*", "{ \"prefix\": \"spiffe://other.org/ns/shop/\" }")]
    [InlineData("*/sa/storefront", "{ \"suffix\": \"/sa/storefront\" }")]
    [InlineData("*", "{ \"prefix\": \"spiffe://\" }")]
    public void Principals_match_the_identity_without_its_scheme(string principal, string matcher)
    {
        var ids = Source($"{{ principals: [\"{principal}\"] }}").AndIds.Ids;

        Assert.Equal(matcher, Assert.Single(Assert.Single(ids).OrIds.Ids).Authenticated.PrincipalName.ToString());
    }

    [Theory]
    [InlineData("shop", "{ \"contains\": \"/ns/shop/\" }")]
    [InlineData("shop*", "{ \"safeRegex\": { \"regex\": \".*/ns/shop[^/]*/.*\" } }")]
    public void Namespaces_are_those_of_the_identity(string ns, string matcher)
        => Assert.Equal(matcher, Source($"{{ namespaces: [\"{ns}\"] }}").AndIds.Ids[0].OrIds.Ids[0].Authenticated.PrincipalName.ToString());

    [Fact]
    public void Fields_of_a_source_are_all_asked_and_values_of_a_field_in_turn()
    {
        var ids = Source("{ principals: [a, b], notNamespaces: [x, y], ipBlocks: [10.0.0.0/8] }").AndIds.Ids;

        Assert.Equal(3, ids.Count);
        Assert.Equal(2, ids[0].OrIds.Ids.Count);
        Assert.Equal(2, ids[1].NotId.OrIds.Ids.Count);
        Assert.Equal(("10.0.0.0", 8u), (ids[2].OrIds.Ids[0].DirectRemoteIp.AddressPrefix, ids[2].OrIds.Ids[0].DirectRemoteIp.PrefixLen));
    }

    [Fact]
    public void Fields_of_an_operation_are_all_asked_and_values_of_a_field_in_turn()
    {
        var rules = Operation("{ hosts: [Catalog], ports: [\"5000\"], methods: [GET, \"P*\"], notPaths: [\"/admin*\"] }").AndRules.Rules;

        Assert.Equal(4, rules.Count);
        Assert.Equal((":authority", "Catalog", true), (rules[0].OrRules.Rules[0].Header.Name, rules[0].OrRules.Rules[0].Header.StringMatch.Exact, rules[0].OrRules.Rules[0].Header.StringMatch.IgnoreCase));
        Assert.Equal(5000u, rules[1].OrRules.Rules[0].DestinationPort);
        Assert.Equal((":method", "GET", false), (rules[2].OrRules.Rules[0].Header.Name, rules[2].OrRules.Rules[0].Header.StringMatch.Exact, rules[2].OrRules.Rules[0].Header.StringMatch.IgnoreCase));
        Assert.Equal("P", rules[2].OrRules.Rules[1].Header.StringMatch.Prefix);
        Assert.Equal("/admin", rules[3].NotRule.OrRules.Rules[0].UrlPath.Path.Prefix);
    }

    [Fact]
    public void Several_sources_and_operations_of_a_rule_are_alternatives()
    {
        var rule = Rule("{ from: [{ source: { principals: [a] } }, { source: { namespaces: [b] } }], to: [{ operation: { methods: [GET] } }, { operation: { paths: [/x] } }] }");

        Assert.Equal((2, 2), (rule.Principals.Count, rule.Permissions.Count));
    }

    [Theory]
    [InlineData("spiffe://mesh.local/ns/shop/sa/storefront", true)]
    [InlineData("spiffe://other.example/ns/shop/sa/storefront", true)]
    [InlineData("spiffe://mesh.local/ns/shop/sa/storefront2", false)]
    [InlineData("spiffe://mesh.local/ns/bank/sa/storefront", false)]
    [InlineData("spiffe://mesh.local/ns/bank/sa/teller", true)]
    public void A_service_account_is_a_namespace_and_a_name_in_any_trust_domain(string identity, bool matches)
    {
        var ids = Source("{ serviceAccounts: [storefront, bank/teller] }").AndIds.Ids.Single().OrIds.Ids;

        Assert.Equal(matches, ids.Any(id => System.Text.RegularExpressions.Regex.IsMatch(identity, $"^(?:{id.Authenticated.PrincipalName.SafeRegex.Regex})$")));
    }

    [Fact]
    public void Addresses_of_callers_are_remote_addresses()
        => Assert.Equal("10.0.0.0", Source("{ remoteIpBlocks: [10.1.2.3/8] }").AndIds.Ids.Single().OrIds.Ids.Single().RemoteIp.AddressPrefix);

    [Theory]
    [InlineData("/a/{*}/c", "/a/b/c", true)]
    [InlineData("/a/{*}/c", "/a/b/b/c", false)]
    [InlineData("/a/{*}/c", "/a//c", false)]
    [InlineData("/a/{**}", "/a/", true)]
    [InlineData("/a/{**}", "/a/b/c", true)]
    [InlineData("/a/{**}/z", "/a/b/c/z", true)]
    [InlineData("/a.b/{*}", "/axb/c", false)]
    public void A_path_template_takes_whole_segments_on_gRPC_servers(string template, string path, bool matches)
    {
        var regex = Filters(Policy("p", $"{{ rules: [{{ to: [{{ operation: {{ paths: [\"{template}\"] }} }}] }}] }}"), RuleAudience.Grpc).Single().Policies.Single().Value
            .Permissions.Single().AndRules.Rules.Single().OrRules.Rules.Single().UrlPath.Path.SafeRegex.Regex;

        Assert.Equal(matches, System.Text.RegularExpressions.Regex.IsMatch(path, $"^(?:{regex})$"));
    }

    [Fact]
    public void Conditions_on_the_caller_join_every_principal()
    {
        var rule = Rule("{ from: [{ source: { namespaces: [a] } }, { source: { namespaces: [b] } }], when: [{ key: source.ip, values: [10.0.0.1], notValues: [10.0.0.2] }, { key: 'request.headers[x]', values: ['*', 'v*'] }] }");

        Assert.True(rule.Permissions.Single().Any);
        Assert.Equal(2, rule.Principals.Count);
        Assert.All(rule.Principals, principal =>
        {
            var ids = principal.AndIds.Ids;
            Assert.Equal(4, ids.Count);
            Assert.Equal("10.0.0.1", ids[1].OrIds.Ids.Single().DirectRemoteIp.AddressPrefix);
            Assert.Equal("10.0.0.2", ids[2].NotId.OrIds.Ids.Single().DirectRemoteIp.AddressPrefix);
            Assert.Equal((true, "v"), (ids[3].OrIds.Ids[0].Header.PresentMatch, ids[3].OrIds.Ids[1].Header.StringMatch.Prefix));
        });
    }

    [Fact]
    public void Conditions_on_the_connection_join_every_permission()
    {
        var rule = Rule("{ when: [{ key: destination.port, values: ['80', '90'] }, { key: connection.sni, notValues: ['*.example'] }, { key: destination.ip, values: [10.0.0.0/24] }] }");

        Assert.True(rule.Principals.Single().Any);
        var rules = rule.Permissions.Single().AndRules.Rules;
        Assert.True(rules[0].Any);
        Assert.Equal([80u, 90u], rules[1].OrRules.Rules.Select(permission => permission.DestinationPort));
        Assert.Equal(".example", rules[2].NotRule.OrRules.Rules.Single().RequestedServerName.Suffix);
        Assert.Equal(24u, rules[3].OrRules.Rules.Single().DestinationIp.PrefixLen);
    }

    [Theory]
    [InlineData("cluster.local", "spiffe://mesh.local/ns/a/sa/b", true)]
    [InlineData("mesh.local", "spiffe://mesh.local/ns/a/sa/b", true)]
    [InlineData("mesh", "spiffe://mesh.local/ns/a/sa/b", false)]
    [InlineData("me*", "spiffe://mesh.local/ns/a/sa/b", true)]
    [InlineData("*.local", "spiffe://mesh.local/ns/a/sa/b", true)]
    [InlineData("*.local", "spiffe://x/mesh.local/ns/a/sa/b", false)]
    public void A_trust_domain_is_the_first_part_of_an_identity(string value, string identity, bool matches)
    {
        var regex = Rule($"{{ when: [{{ key: source.trustDomain, values: ['{value}'] }}] }}").Principals.Single().AndIds.Ids[1].OrIds.Ids.Single().Authenticated.PrincipalName.SafeRegex.Regex;

        Assert.Equal(matches, System.Text.RegularExpressions.Regex.IsMatch(identity, $"^(?:{regex})$"));
    }

    [Fact]
    public void A_policy_for_gateways_closes_nothing()
        => Assert.Empty(Filters(Policy("edge", "{ targetRefs: [{ kind: Gateway, group: gateway.networking.k8s.io, name: a }] }")));

    [Fact]
    public void A_path_template_is_envoys_for_our_servers()
    {
        var template = Operation("{ paths: ['/a/{*}/c/{**}'] }").AndRules.Rules.Single().OrRules.Rules.Single().UriTemplate;

        Assert.Equal("/a/*/c/**", template.TypedConfig.Unpack<Envoy.Extensions.Path.Match.UriTemplate.V3.UriTemplateMatchConfig>().PathTemplate);
    }

    [Fact]
    public void AUDIT_is_recorded_before_anything_is_decided()
    {
        var filters = Filters(Policy("a", "{ rules: [{}] }") + Policy("b", "{ action: AUDIT, rules: [{}] }") + Policy("c", "{ action: DENY, rules: [{}] }"));

        Assert.Equal([RBAC.Types.Action.Log, RBAC.Types.Action.Deny, RBAC.Types.Action.Allow], filters.Select(filter => filter.Action));
    }

    [Fact]
    public void A_policy_in_dry_run_is_a_shadow_rule_and_decides_nothing()
    {
        var filters = WholeFilters("""
            apiVersion: security.istio.io/v1
            kind: AuthorizationPolicy
            metadata: { name: tried, namespace: shop, annotations: { istio.io/dry-run: "true" } }
            spec: { action: DENY, rules: [{}] }
            ---
            apiVersion: security.istio.io/v1
            kind: AuthorizationPolicy
            metadata: { name: nobody, namespace: shop, annotations: { istio.io/dry-run: "true" } }
            spec: {}
            """);

        Assert.Equal(["istio_dry_run_deny_", "istio_dry_run_allow_"], filters.Select(filter => filter.ShadowRulesStatPrefix));
        Assert.All(filters, filter => Assert.Null(filter.Rules));
        Assert.Equal("ns[shop]-policy[tried]-rule[0]", filters[0].ShadowRules.Policies.Keys.Single());
        Assert.Empty(filters[1].ShadowRules.Policies);
    }

    [Theory]
    [InlineData("mesh.local/ns/shop/sa/a", "spiffe://mesh.local/ns/shop/sa/a, spiffe://old.local/ns/shop/sa/a")]
    [InlineData("old.local/ns/shop/sa/a", "spiffe://mesh.local/ns/shop/sa/a, spiffe://old.local/ns/shop/sa/a")]
    [InlineData("cluster.local/ns/shop/sa/a", "spiffe://mesh.local/ns/shop/sa/a, spiffe://old.local/ns/shop/sa/a")]
    [InlineData("other.org/ns/shop/sa/a", "spiffe://other.org/ns/shop/sa/a")]
    public void A_principal_of_the_mesh_is_one_under_every_alias_of_its_trust_domain(string principal, string identities)
    {
        var id = Assert.Single(Assert.Single(Assert.Single(Assert.Single(Filters(Aliases + Policy("p", $"{{ rules: [{{ from: [{{ source: {{ principals: [{principal}] }} }}] }}] }}"))).Policies).Value.Principals).AndIds.Ids).OrIds.Ids.Single();

        Assert.Equal(identities, string.Join(", ", id.OrIds is { } several ? several.Ids.Select(one => one.Authenticated.PrincipalName.Exact) : [id.Authenticated.PrincipalName.Exact]));
    }

    private const string Aliases = """
        apiVersion: mesh.proxyless.dev/v1alpha1
        kind: MeshConfig
        metadata: { name: mesh, namespace: mesh-system }
        spec: { trustDomainAliases: [old.local] }
        ---

        """;

    [Theory]
    [InlineData("https://issuer.example/sub", "https://issuer.example", "sub")]
    [InlineData("issuer/*", "issuer", ".+")]
    [InlineData("*/sub", ".+", "sub")]
    [InlineData("*", ".+", ".+")]
    [InlineData("iss*", "iss", ".+")]
    public void An_end_user_is_issuer_and_subject_of_the_token(string value, string issuer, string subject)
    {
        var ids = Source($"{{ requestPrincipals: ['{value}'] }}").AndIds.Ids.Single().OrIds.Ids.Single().AndIds.Ids;

        Assert.All(ids, id => Assert.Equal("envoy.filters.http.jwt_authn", id.Metadata.Filter));
        Assert.Equal([["payload", "iss"], ["payload", "sub"]], ids.Select(id => id.Metadata.Path.Select(segment => segment.Key).ToArray()));
        Assert.Equal([issuer, subject], ids.Select(id => id.Metadata.Value.StringMatch).Select(text => text.SafeRegex?.Regex ?? text.Exact + text.Prefix));
    }

    [Fact]
    public void A_claim_is_a_text_or_one_of_a_list()
    {
        var metadata = Rule("{ when: [{ key: 'request.auth.claims[realm][roles]', values: [admin] }] }").Principals.Single().AndIds.Ids[1].OrIds.Ids.Single().Metadata;

        Assert.Equal(["payload", "realm", "roles"], metadata.Path.Select(segment => segment.Key));
        Assert.Equal("admin", metadata.Value.OrMatch.ValueMatchers[0].StringMatch.Exact);
        Assert.Equal("admin", metadata.Value.OrMatch.ValueMatchers[1].ListMatch.OneOf.StringMatch.Exact);
    }

    // What a server cannot be asked: an ALLOW rule lets nobody in, a DENY rule keeps more out.
    [Theory]
    [InlineData("from: [{ source: { principals: [a], requestPrincipals: [x] } }]")]
    [InlineData("from: [{ source: { principals: [a], notRequestPrincipals: [x] } }]")]
    [InlineData("from: [{ source: { principals: [a] } }], when: [{ key: 'request.auth.claims[x]', values: [y] }]")]
    [InlineData("from: [{ source: { principals: [a] } }], when: [{ key: 'experimental.envoy.filters.http.jwt_authn[payload]', values: [y] }]")]
    public void What_a_gRPC_server_cannot_know_never_lets_more_in(string rule)
    {
        var filters = Filters(Policy("allow", $"{{ rules: [{{ {rule} }}] }}") + Policy("deny", $"{{ action: DENY, rules: [{{ {rule} }}] }}"), RuleAudience.Grpc);

        Assert.Empty(filters[1].Policies);
        var deny = filters[0].Policies.Single().Value;
        Assert.DoesNotContain("metadata", deny.ToString(), StringComparison.OrdinalIgnoreCase);
        Assert.Contains("spiffe://a", deny.ToString(), StringComparison.Ordinal);
    }

    [Fact]
    public void Without_HTTP_only_the_connection_can_be_asked()
    {
        const string Rule = "{ from: [{ source: { principals: [a] } }], to: [{ operation: { methods: [GET], ports: ['90'] } }] }";
        var filters = Filters(Policy("allow", $"{{ rules: [{Rule}] }}") + Policy("deny", $"{{ action: DENY, rules: [{Rule}] }}"), RuleAudience.Tcp);

        Assert.Empty(filters[1].Policies);
        Assert.Equal(90u, Assert.Single(filters[0].Policies.Single().Value.Permissions.Single().AndRules.Rules).OrRules.Rules.Single().DestinationPort);
    }

    [Theory]
    [InlineData("Service", "catalog", true)]
    [InlineData("Service", "pricing", false)]
    public void A_policy_for_services_is_for_the_workloads_behind_them(string kind, string name, bool isSelected)
        => Assert.Equal(isSelected, Filters(Policy("p", $"{{ targetRefs: [{{ kind: {kind}, name: {name} }}], rules: [{{}}] }}")).Count == 1);

    [Theory]
    [InlineData("v1", true)]
    [InlineData("v2", false)]
    public void A_policy_for_a_ServiceEntry_is_for_the_workloads_that_it_selects(string version, bool isSelected)
        => Assert.Equal(isSelected, Filters($$"""
            apiVersion: networking.istio.io/v1
            kind: ServiceEntry
            metadata: { name: outer, namespace: shop }
            spec: { hosts: [outer.example], location: MESH_INTERNAL, resolution: STATIC, ports: [{ number: 80, name: http, protocol: HTTP }], workloadSelector: { labels: { app: catalog, version: {{version}} } } }
            ---

            """ + Policy("p", "{ targetRefs: [{ group: networking.istio.io, kind: ServiceEntry, name: outer }], rules: [{}] }")).Count == 1);
}
