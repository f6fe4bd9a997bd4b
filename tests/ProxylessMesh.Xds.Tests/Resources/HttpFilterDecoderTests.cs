using Envoy.Config.Rbac.V3;
using Envoy.Extensions.Filters.Http.Fault.V3;
using Envoy.Extensions.Filters.Network.HttpConnectionManager.V3;
using Google.Protobuf;
using Google.Protobuf.WellKnownTypes;
using ProxylessMesh.Xds.Client;
using ProxylessMesh.Xds.Resources;
using RbacFilter = Envoy.Extensions.Filters.Http.Rbac.V3.RBAC;

namespace ProxylessMesh.Xds.Tests.Resources;

public class HttpFilterDecoderTests
{
    private static readonly Dictionary<string, Action<Policy>> PolicyChanges = new(StringComparer.Ordinal)
    {
        { "policies[p].permissions is missing", p => p.Permissions.Clear() },
        { "policies[p].principals is missing", p => p.Principals.Clear() },
        { "permissions[0]: has no rule", p => p.Permissions[0] = new Permission() },
        { "permissions[0].not_rule.any = false; must be true", p => p.Permissions[0] = new Permission { NotRule = new() { Any = false } } },
        { "and_rules.rules is missing", p => p.Permissions[0] = new Permission { AndRules = new() } },
        { "destination_ip.prefix_len = 33", p => p.Permissions[0] = new Permission { DestinationIp = new() { AddressPrefix = "10.0.0.0", PrefixLen = 33 } } },
        { "header.name = :scheme", p => p.Permissions[0] = new Permission { Header = new() { Name = ":scheme", ExactMatch = "http" } } },
        { "header.name = Grpc-Timeout", p => p.Principals[0] = new Principal { Header = new() { Name = "Grpc-Timeout", PresentMatch = true } } },
        { "principals[0]: has no identifier", p => p.Principals[0] = new Principal() },
        { "authenticated.principal_name.safe_regex.regex", p => p.Principals[0] = new Principal { Authenticated = new() { PrincipalName = new() { SafeRegex = new() { Regex = "[" } } } } },
        { "a CEL condition", p => p.MergeFrom(new byte[] { 0x1a, 0x00 }) },
    };

    private static readonly Dictionary<string, Action<HttpConnectionManager>> ConnectionChanges = new(StringComparer.Ordinal)
    {
        { "http_filters = empty; the last filter must be the router", h => h.HttpFilters.Clear() },
        { "http_filters[1].name = router; occurs twice", h => h.HttpFilters.Add(h.HttpFilters[0]) },
        { "rds.config_source = unset; must be ads or self", h => h.Rds = new Rds { RouteConfigName = "routes" } },
        { "has neither rds nor route_config", h => h.ClearRouteSpecifier() },
        { "xff_num_trusted_hops = 1; must be 0", h => h.XffNumTrustedHops = 1 },
    };

    public static TheoryData<string> BadPolicies => [.. PolicyChanges.Keys];

    public static TheoryData<string> BadConnections => [.. ConnectionChanges.Keys];

    [Theory]
    [MemberData(nameof(BadPolicies))]
    public void Policy_that_cannot_be_enforced_is_refused(string expected)
    {
        var policy = new Policy { Permissions = { new Permission { Any = true } }, Principals = { new Principal { Any = true } } };
        PolicyChanges[expected](policy);

        Assert.Contains(expected, Server(new RbacFilter { Rules = new RBAC { Policies = { ["p"] = policy } } }).Error, StringComparison.Ordinal);
    }

    [Fact]
    public void Matcher_tree_in_place_of_rules_is_refused_and_not_read_as_no_rules()
    {
        var filter = new RbacFilter();
        filter.MergeFrom(new byte[] { 0x22, 0x00 });

        Assert.Contains("does not know", Server(filter).Error, StringComparison.Ordinal);
    }

    [Fact]
    public void Policies_come_sorted_and_metadata_never_matches()
    {
        var policy = new Policy { Permissions = { new Permission { Metadata = new() { Invert = true } } }, Principals = { new Principal { Metadata = new() } } };
        var decoded = Server(new RbacFilter { Rules = new RBAC { Action = RBAC.Types.Action.Deny, Policies = { ["b"] = policy, ["a"] = policy } } });

        var rules = Assert.IsType<RbacFilterConfig>(((ListenerConfig)decoded.Config!).FilterChains[0].Http.Filters[0]).Rules!;

        Assert.Equal((RbacAction.Deny, "a,b"), (rules.Action, string.Join(',', rules.Policies.Select(static p => p.Name))));
        Assert.Equal(new PermissionConfig.Any(), rules.Policies[0].Permissions[0]);
        Assert.Equal(new PrincipalConfig.Not(new PrincipalConfig.Any()), rules.Policies[0].Principals[0]);
    }

    [Fact]
    public void Log_is_kept_because_it_is_recorded()
    {
        var decoded = Server(new RbacFilter { Rules = new RBAC { Action = RBAC.Types.Action.Log } });

        Assert.Equal(RbacAction.Log, Assert.IsType<RbacFilterConfig>(((ListenerConfig)decoded.Config!).FilterChains[0].Http.Filters[0]).Rules!.Action);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void Filter_of_the_other_side_is_refused_unless_it_is_optional(bool optional)
    {
        var hcm = XdsResources.Hcm();
        hcm.HttpFilters.Insert(0, new HttpFilter { Name = "fault", IsOptional = optional, TypedConfig = Any.Pack(new HTTPFault()) });

        var decoded = DecoderTests.Decode(ResourceType.Listeners, XdsResources.ServerListener("in", XdsResources.Chain(hcm)));

        Assert.Equal(optional, decoded.Error is null);
    }

    [Theory]
    [MemberData(nameof(BadConnections))]
    public void Connection_manager_is_refused(string expected)
    {
        var hcm = XdsResources.Hcm();
        ConnectionChanges[expected](hcm);

        var decoded = DecoderTests.Decode(ResourceType.Listeners, XdsResources.ServerListener("in", XdsResources.Chain(hcm)));

        Assert.Contains(expected, decoded.Error, StringComparison.Ordinal);
    }

    [Fact]
    public void Fault_is_read_and_a_route_can_switch_it_off()
    {
        var listener = XdsResources.Listener();
        var hcm = XdsResources.Hcm();
        hcm.HttpFilters.Insert(0, new HttpFilter
        {
            Name = "fault",
            TypedConfig = Any.Pack(new HTTPFault
            {
                Delay = new() { FixedDelay = new() { Nanos = 100_000_000 }, Percentage = new() { Numerator = 5 } },
                Abort = new() { HttpStatus = 503, Percentage = new() { Numerator = 500, Denominator = Envoy.Type.V3.FractionalPercent.Types.DenominatorType.Hundred } },
            }),
        });
        listener.ApiListener.ApiListener_ = Any.Pack(hcm);
        var routes = XdsResources.Routes();
        routes.VirtualHosts[0].TypedPerFilterConfig["fault"] = Any.Pack(new Envoy.Config.Route.V3.FilterConfig { Disabled = true });

        var fault = Assert.IsType<FaultFilterConfig>(DecoderTests.Accepted<ListenerConfig>(ResourceType.Listeners, listener).Api!.Filters[0]).Fault;
        var overrides = DecoderTests.Accepted<RouteConfig>(ResourceType.Routes, routes).VirtualHosts[0].FilterOverrides;

        Assert.Equal((TimeSpan.FromMilliseconds(100), 50_000, 503, 1_000_000), (fault.Delay, fault.DelayFraction.PerMillion, fault.AbortHttpStatus, fault.AbortFraction.PerMillion));
        Assert.IsType<DisabledFilterConfig>(overrides["fault"]);
    }

    private static DecodedResource Server(RbacFilter filter)
    {
        var hcm = XdsResources.Hcm();
        hcm.HttpFilters.Insert(0, new HttpFilter { Name = "rbac", TypedConfig = Any.Pack(filter) });
        return DecoderTests.Decode(ResourceType.Listeners, XdsResources.ServerListener("in", XdsResources.Chain(hcm)));
    }
}
