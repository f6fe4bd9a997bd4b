using System.Net;
using ProxylessMesh.Authentication;
using ProxylessMesh.Spiffe;
using ProxylessMesh.Summaries;
using ProxylessMesh.Xds;
using ProxylessMesh.Xds.Matching;
using ProxylessMesh.Xds.Resources;
using static ProxylessMesh.Protos.V1.CallSummary.Types;
using static ProxylessMesh.Tests.Policies;

namespace ProxylessMesh.Tests.Summaries;

/// <summary>What a proposed policy would do to calls of which only the recorded facts are known.</summary>
public sealed class PolicyProposalTests
{
    private static readonly PermissionConfig Tenant = new PermissionConfig.Header(new HeaderMatcher { Name = "x-tenant", Value = StringMatcher.Exact("a") });

    private static readonly CallKey Get = new()
    {
        Caller = "spiffe://mesh.local/ns/shop/sa/storefront",
        IsTls = true,
        Method = "GET",
        Path = "/items/7",
        Endpoint = "/items/{id}",
        Host = "catalog",
        Port = 8080,
    };

    [Fact]
    public void Call_that_a_new_policy_denies_is_named_with_it()
        => Assert.Equal(new RecordedVerdict(Verdict.Denied, "no-items"), Judge(Strict(Deny(Policy("no-items", PathPrefix("/items"), Anyone))), Get));

    [Fact]
    public void Call_that_no_ALLOW_policy_would_match_is_denied_by_none()
        => Assert.Equal(new RecordedVerdict(Verdict.Denied), Judge(Strict(Allow(Policy("batch", Anything, Principal("batch")))), Get));

    [Fact]
    public void Rule_on_a_header_cannot_be_told_and_says_which()
        => Assert.Equal(new RecordedVerdict(Verdict.Unknown, "tenant", "header x-tenant"), Judge(Strict(Deny(Policy("tenant", Tenant, Anyone))), Get));

    [Fact]
    public void Negated_unknown_is_unknown_too()
    {
        Assert.Equal(Verdict.Unknown, Judge(Strict(Deny(Policy("tenant", Not(Tenant), Anyone))), Get).Answer);
        Assert.Equal(Verdict.Unknown, Judge(Strict(Allow(Policy("tenant", Not(Tenant), Anyone))), Get).Answer);
    }

    [Fact]
    public void Unknown_that_makes_no_difference_is_none()
    {
        // Another caller's policy, and an ALLOW policy beside one that lets the call in anyway.
        Assert.Equal(Verdict.Allowed, Judge(Strict(Deny(Policy("tenant", Tenant, Principal("batch")))), Get).Answer);
        Assert.Equal(Verdict.Allowed, Judge(Strict(Allow(Policy("all", Anything, Anyone), Policy("tenant", Tenant, Anyone))), Get).Answer);
        Assert.Equal(Verdict.Denied, Judge(Strict(Deny(Policy("all", Anything, Anyone), Policy("tenant", Tenant, Anyone))), Get).Answer);
    }

    [Fact]
    public void Unchanged_policy_is_known_by_what_it_did()
    {
        var config = Strict(Deny(Policy("tenant", Tenant, Anyone)), Allow(Policy("tenants", Tenant, Anyone)));

        Assert.Equal(Verdict.Allowed, Judge(config, Get with { Policy = "tenants" }, changed: []).Answer);
        Assert.Equal(new RecordedVerdict(Verdict.Denied, "tenant"), Judge(config, Get with { Outcome = CallOutcome.Denied, Policy = "tenant" }, changed: []));
        Assert.Equal(Verdict.Unknown, Judge(config, Get with { Policy = "tenants" }, changed: ["tenant"]).Answer);
        Assert.Equal(Verdict.Unknown, Judge(config, Get with { Policy = "tenants" }, changed: [], isOfToday: false).Answer);
    }

    [Theory]
    [InlineData("/items", nameof(Verdict.Denied))]
    [InlineData("/items/", nameof(Verdict.Denied))]
    [InlineData("/items/1", nameof(Verdict.Unknown))]
    [InlineData("/ITEMS/1", nameof(Verdict.Unknown))]
    [InlineData("/orders", nameof(Verdict.Allowed))]
    public void Folded_paths_are_judged_by_what_they_all_begin_with(string prefix, string expected)
        => Assert.Equal(expected, Judge(Strict(Deny(Policy("p", PathPrefix(prefix), Anyone))), Get with { Path = null }).Answer.ToString());

    [Theory]
    [InlineData("/items", nameof(Verdict.Allowed))]
    [InlineData("/items/1", nameof(Verdict.Unknown))]
    [InlineData("/orders", nameof(Verdict.Denied))]
    public void Folded_paths_are_let_in_by_what_they_all_begin_with(string prefix, string expected)
        => Assert.Equal(expected, Judge(Strict(Allow(Policy("p", PathPrefix(prefix), Anyone))), Get with { Path = null }).Answer.ToString());

    [Fact]
    public void What_an_authorizer_is_asked_about_cannot_be_told()
    {
        var asks = new RbacFilterConfig("custom", Rules: null, ShadowRules: new RbacConfig { Action = RbacAction.Deny, Policies = [Policy("ask", PathPrefix("/items"), Anyone)] }) { ShadowPrefix = "istio_ext_authz_" };

        Assert.Equal(new RecordedVerdict(Verdict.Unknown, "ask", "what the authorizer answers"), Judge(Strict(asks), Get, changed: ["ask"]));
        Assert.Equal(Verdict.Allowed, Judge(Strict(asks), Get, changed: []).Answer);
        Assert.Equal(Verdict.Allowed, Judge(Strict(asks), Get with { Path = "/orders" }, changed: ["ask"]).Answer);
    }

    [Fact]
    public void Plaintext_call_is_denied_where_STRICT_comes_and_judged_without_identity_elsewhere()
    {
        var plaintext = Get with { Caller = null, Address = IPAddress.Parse("10.0.0.5"), IsTls = false };

        Assert.Equal(new RecordedVerdict(Verdict.Denied, PolicyProposal.ModePolicy), Judge(Strict(), plaintext));
        Assert.Equal(Verdict.Allowed, Judge(Permissive(), plaintext).Answer);
        Assert.Equal(Verdict.Denied, Judge(Permissive(Allow(Policy("p", Anything, Principal("storefront")))), plaintext).Answer);
    }

    [Fact]
    public void Where_mesh_TLS_ends_its_callers_prove_nothing_any_more()
    {
        Assert.Equal(Verdict.Allowed, Judge(Disabled(), Get).Answer);
        Assert.Equal(Verdict.Denied, Judge(Disabled(Allow(Policy("p", Anything, Principal("storefront")))), Get).Answer);
    }

    [Fact]
    public void Probe_passes_whatever_the_policy()
    {
        var probe = Get with { Caller = null, IsTls = false, Outcome = CallOutcome.Probe };

        Assert.Equal(Verdict.Allowed, Judge(Permissive(Deny(Policy("all", Anything, Anyone))), probe).Answer);
        Assert.Equal(Verdict.Allowed, Judge(Strict(), probe).Answer);
    }

    [Fact]
    public void Address_rule_is_told_while_the_caller_has_one_address()
    {
        var config = Strict(Deny(Policy("p", Anything, new PrincipalConfig.DirectAddress(IPNetwork.Parse("10.0.0.0/24")))));

        Assert.Equal(Verdict.Denied, Judge(config, Get, addresses: ["10.0.0.1"]).Answer);
        Assert.Equal(Verdict.Allowed, Judge(config, Get, addresses: ["10.0.1.1"]).Answer);
        Assert.Equal(new RecordedVerdict(Verdict.Unknown, "p", "the caller's address"), Judge(config, Get, addresses: ["10.0.0.1", "10.0.1.1"]));
    }

    private static RecordedVerdict Judge(InboundConfig config, CallKey key, string[]? changed = null, bool isOfToday = true, params string[] addresses)
    {
        var peers = (addresses is [] ? ["10.0.0.1"] : addresses).Select(static address => new MeshPeer(
            SpiffeId.Parse("spiffe://mesh.local/ns/shop/sa/storefront"), new IPEndPoint(IPAddress.Parse(address), 1), new IPEndPoint(IPAddress.Parse("10.0.0.9"), 8080))).ToList();
        var entry = new CallEntry(10, DateTimeOffset.UnixEpoch, peers[0]);
        peers.ForEach(peer => entry.Add(1, peer));
        var policies = config.Listener.FilterChains.SelectMany(static chain => chain.Http.Filters).OfType<RbacFilterConfig>().SelectMany(static filter => (filter.Rules ?? filter.ShadowRules!).Policies).Select(static policy => policy.Name);
        return new PolicyProposal(config.Listener, changed ?? policies).Judge(key, entry, isOfToday);
    }
}
