using System.Collections.Frozen;
using ProxylessMesh.Admission;
using ProxylessMesh.Snapshots;
using ProxylessMesh.Tests.Rbac;
using ProxylessMesh.Xds;
using ProxylessMesh.Xds.Matching;
using ProxylessMesh.Xds.Resources;
using static ProxylessMesh.Tests.Policies;

namespace ProxylessMesh.Tests.Snapshots;

public sealed class InboundChainTests
{
    private static readonly RouteRuleConfig ForItems = RouteAll with { Match = new RequestMatcher { Path = PathMatcher.Prefix("/items") } };

    [Fact]
    public void Request_that_no_route_takes_does_not_get_in()
    {
        var config = Strict().WithRoutes(Host("*", ForItems));

        Assert.True(Decide(config, "/items/7"));
        Assert.Null(Decide(config, "/admin"));
    }

    [Fact]
    public void Route_whose_action_is_not_a_servers_lets_nothing_in_and_hides_the_ones_behind_it()
    {
        var config = Strict().WithRoutes(Host("*", ForItems with { Action = new UnsupportedActionConfig("redirect") }, RouteAll));

        Assert.Null(Decide(config, "/items/7"));
        Assert.True(Decide(config, "/other"));
    }

    [Fact]
    public void Virtual_host_is_chosen_by_the_authority()
    {
        Assert.True(Decide(Strict().WithRoutes(Host("catalog", RouteAll)), "/"));
        Assert.Null(Decide(Strict().WithRoutes(Host("pricing", RouteAll)), "/"));
    }

    [Fact]
    public void Routes_that_could_not_be_found_let_nothing_in() => Assert.Null(Decide(Strict().WithRoutes(), "/"));

    [Fact]
    public void Override_of_the_route_wins_over_the_hosts_and_both_over_the_filter()
    {
        var open = new Dictionary<string, HttpFilterConfig> { ["allow"] = new DisabledFilterConfig("allow") }.ToFrozenDictionary();
        var closed = new Dictionary<string, HttpFilterConfig> { ["allow"] = Allow() }.ToFrozenDictionary();
        var policy = Strict(Allow(Policy("p", Anything, Principal("storefront"))));

        Assert.False(Decide(policy, "/", "intruder"));
        Assert.True(Decide(policy.WithRoutes(Host("*", RouteAll with { FilterOverrides = open })), "/", "intruder"));
        Assert.False(Decide(policy.WithRoutes(Host("*", RouteAll) with { FilterOverrides = closed }), "/"));
        Assert.True(Decide(policy.WithRoutes(Host("*", RouteAll with { FilterOverrides = open }) with { FilterOverrides = closed }), "/"));
    }

    [Fact]
    public void Override_of_one_route_does_not_reach_another()
    {
        var open = new Dictionary<string, HttpFilterConfig> { ["allow"] = new DisabledFilterConfig("allow") }.ToFrozenDictionary();
        var config = Strict(Allow()).WithRoutes(Host("*", ForItems with { FilterOverrides = open }, RouteAll));

        Assert.True(Decide(config, "/items/7"));
        Assert.False(Decide(config, "/admin"));
    }

    private static bool? Decide(InboundConfig config, string path, string caller = "storefront")
    {
        var request = Requests.From(caller, path: path);
        return new InboundCompiler(new AdmissionPool(TimeProvider.System), TimeProvider.System).Compile(config).Tls!.Find(request)?.Engine?.Decide(request).Allowed;
    }
}
