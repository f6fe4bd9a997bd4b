using System.Net;
using ProxylessMesh.Rbac;
using ProxylessMesh.Xds.Matching;
using ProxylessMesh.Xds.Resources;
using static ProxylessMesh.Tests.Policies;

namespace ProxylessMesh.Tests.Rbac;

public sealed class RbacEngineTests
{
    [Fact]
    public void Without_filters_everyone_may_call() => Assert.True(Decide([], Requests.From("anyone")));

    [Fact]
    public void Allow_filter_without_policies_keeps_everyone_out() => Assert.False(Decide([Allow()], Requests.From("anyone")));

    [Fact]
    public void Allow_lets_in_whom_it_names_and_nobody_else()
    {
        var filters = Allow(Policy("p", Anything, Principal("storefront")));

        Assert.True(Decide([filters], Requests.From("storefront")));
        Assert.False(Decide([filters], Requests.From("intruder")));
        Assert.False(Decide([filters], Requests.From("storefront", namespaceName: "other")));
        Assert.False(Decide([filters], Requests.From(serviceAccount: null)));
    }

    [Theory]
    [InlineData("api.example", true)]
    [InlineData("www.example", false)]
    [InlineData(null, false)]
    public void A_server_name_is_the_one_of_the_handshake(string? serverName, bool allowed)
        => Assert.Equal(allowed, Decide([Allow(Policy("p", new PermissionConfig.RequestedServerName(StringMatcher.Prefix("api.")), Anyone))], Requests.From("anyone", serverName: serverName)));

    [Fact]
    public void Without_a_server_name_an_empty_one_is_compared()
        => Assert.True(Decide([Allow(Policy("p", new PermissionConfig.RequestedServerName(StringMatcher.Exact("")), Anyone))], Requests.From("anyone")));

    [Fact]
    public void Namespace_is_the_whole_segment()
    {
        var filters = Allow(Policy("p", Anything, Namespace("shop")));

        Assert.True(Decide([filters], Requests.From("anyone")));
        Assert.False(Decide([filters], Requests.From("anyone", namespaceName: "shop2")));
        Assert.False(Decide([filters], Requests.From("shop", namespaceName: "other")));
    }

    [Theory]
    [InlineData("GET", "/items", true)]
    [InlineData("GET", "/items/7", true)]
    [InlineData("GET", "/admin", false)]
    [InlineData("POST", "/items", false)]
    [InlineData("get", "/items", false)]
    public void Permission_asks_for_method_and_path_together(string method, string path, bool allowed)
    {
        var permission = new PermissionConfig.All([Method("GET"), PathPrefix("/items")]);

        Assert.Equal(allowed, Decide([Allow(Policy("p", permission, Anyone))], Requests.From("anyone", method, path)));
    }

    [Fact]
    public void Not_turns_a_permission_and_a_principal_around()
    {
        var notAdmin = Allow(Policy("p", Not(PathPrefix("/admin")), Anyone));
        var notIntruder = Allow(Policy("p", Anything, Not(Principal("intruder"))));

        Assert.False(Decide([notAdmin], Requests.From("a", path: "/admin/x")));
        Assert.True(Decide([notAdmin], Requests.From("a", path: "/items")));
        Assert.False(Decide([notIntruder], Requests.From("intruder")));
        Assert.True(Decide([notIntruder], Requests.From("storefront")));
    }

    [Fact]
    public void Authenticated_without_a_name_asks_only_for_an_identity()
    {
        var filters = Allow(Policy("p", Anything, new PrincipalConfig.Authenticated(Name: null)));

        Assert.True(Decide([filters], Requests.From("anyone")));
        Assert.False(Decide([filters], Requests.From(serviceAccount: null)));
    }

    [Fact]
    public void Addresses_and_ports_are_those_of_the_connection()
    {
        var fromSubnet = Allow(Policy("p", Anything, new PrincipalConfig.DirectAddress(IPNetwork.Parse("10.0.0.0/24"))));
        var toPort = Allow(Policy("p", new PermissionConfig.DestinationPorts(8080, 8081), Anyone));
        var toOtherPort = Allow(Policy("p", new PermissionConfig.DestinationPorts(8081, 8082), Anyone));

        Assert.True(Decide([fromSubnet], Requests.From(null, address: "10.0.0.9")));
        Assert.True(Decide([fromSubnet], Requests.From(null, address: "::ffff:10.0.0.9")));
        Assert.False(Decide([fromSubnet], Requests.From(null, address: "10.0.1.9", headers: ("x-forwarded-for", "10.0.0.9"))));
        Assert.True(Decide([toPort], Requests.From(null)));
        Assert.False(Decide([toOtherPort], Requests.From(null)));
    }

    [Fact]
    public void Header_sent_several_times_is_compared_as_one_list()
    {
        var filters = Deny(Policy("p", new PermissionConfig.Header(new HeaderMatcher { Name = "x-role", Value = StringMatcher.Contains("admin") }), Anyone));

        Assert.False(Decide([filters], Requests.From("a", headers: [("X-Role", "user"), ("X-Role", "admin")])));
        Assert.True(Decide([filters], Requests.From("a", headers: ("X-Role", "user"))));
    }

    [Fact]
    public void Decision_names_the_policy_that_matched()
    {
        var engine = RbacCompiler.Compile([Deny(Policy("ns[shop]-policy[no-admin]-rule[0]", PathPrefix("/admin"), Anyone)), Allow(Policy("all", Anything, Anyone))]);

        Assert.Equal(new RbacDecision(false, "ns[shop]-policy[no-admin]-rule[0]"), engine.Decide(Requests.From("a", path: "/admin")));
        Assert.Equal(new RbacDecision(true, "all"), engine.Decide(Requests.From("a")));
    }

    [Fact]
    public void Log_filter_and_shadow_rules_never_keep_anyone_out()
    {
        var log = new RbacFilterConfig("log", new RbacConfig { Action = RbacAction.Log, Policies = [Policy("p", Anything, Anyone)] }, ShadowRules: null);
        var engine = RbacCompiler.Compile([log, ShadowDeny(Policy("would-deny", Anything, Anyone))]);

        Assert.True(engine.Decide(Requests.From("a")).Allowed);
        Assert.True(engine.HasShadow);
        Assert.Equal(new RbacDecision(false, "would-deny"), engine.DecideShadow(Requests.From("a")));
    }

    [Fact]
    public void Decision_allocates_nothing()
    {
        Assert.SkipUnless(Allocations.AreMeasurable, "Allocation is exact only in a Release build.");
        RbacPolicyConfig[] policies = [.. Enumerable.Range(0, 100).Select(static i => Policy($"p{i:000}", new PermissionConfig.All([Method("GET"), PathPrefix($"/items/{i}")]), Principal($"service-{i}")))];
        RbacPolicyConfig[] mixed =
        [
            Policy("address", Anything, new PrincipalConfig.DirectAddress(IPNetwork.Parse("192.168.0.0/16"))),
            Policy("header", new PermissionConfig.Header(new HeaderMatcher { Name = "x-role", Value = StringMatcher.Exact("admin") }), Anyone),
            Policy("namespace", Anything, Namespace("elsewhere")),
        ];
        var engine = RbacCompiler.Compile([Deny(mixed), Allow(policies)]);
        var request = Requests.From("service-99", path: "/items/99", headers: ("x-role", "user"));
        Assert.True(engine.Decide(request).Allowed);

        Assert.Equal(0, Allocations.PerCall(() => engine.Decide(request)));
    }

    private static bool Decide(RbacFilterConfig[] filters, RbacInput request) => RbacCompiler.Compile(filters).Decide(request).Allowed;
}
