using Envoy.Config.Route.V3;
using Google.Protobuf;
using Google.Protobuf.WellKnownTypes;
using ProxylessMesh.Protos.V1;
using ProxylessMesh.Xds.Client;
using ProxylessMesh.Xds.Resources;
using Mirror = Envoy.Config.Route.V3.RouteAction.Types.RequestMirrorPolicy;

namespace ProxylessMesh.Xds.Tests.Resources;

/// <summary>What a route does with a call: each field as it arrives, and the path of each value that is refused.</summary>
public class RouteActionDecoderTests
{
    private const string HedgingKey = "proxylessmesh.hedging";

    private static readonly Dictionary<string, Action<Route>> Bad = new(StringComparer.Ordinal)
    {
        { "redirect.port_redirect = 65536", r => r.Redirect = new() { PortRedirect = 65536 } },
        { "redirect.host_redirect = a/b", r => r.Redirect = new() { HostRedirect = "a/b" } },
        { "redirect.response_code = 9", r => r.Redirect = new() { ResponseCode = (RedirectAction.Types.RedirectResponseCode)9 } },
        { "redirect.path_redirect = /a b", r => r.Redirect = new() { PathRedirect = "/a b" } },
        { "direct_response.status = 199; must be 200 to 599", r => r.DirectResponse = new() { Status = 199 } },
        { "route.prefix_rewrite = /a; excludes regex_rewrite", r => (r.Route_.PrefixRewrite, r.Route_.RegexRewrite) = ("/a", new() { Pattern = new() { Regex = "a" } }) },
        { "route.regex_rewrite.pattern.regex = (; does not compile", r => r.Route_.RegexRewrite = new() { Pattern = new() { Regex = "(" } } },
        { "route.regex_rewrite.pattern.regex = ; must have 1", r => r.Route_.RegexRewrite = new() { Substitution = "/" } },
        { "regex_rewrite.substitution = \\2", r => r.Route_.RegexRewrite = new() { Pattern = new() { Regex = "(a)" }, Substitution = "\\2" } },
        { "regex_rewrite.substitution = a\\", r => r.Route_.RegexRewrite = new() { Pattern = new() { Regex = "(a)" }, Substitution = "a\\" } },
        { "route.host_rewrite_literal = a/b", r => r.Route_.HostRewriteLiteral = "a/b" },
        { "route.idle_timeout = -1s", r => r.Route_.IdleTimeout = new() { Seconds = -1 } },
        { "route.hash_policy[0].header.header_name is missing", r => r.Route_.HashPolicy.Add(new RouteAction.Types.HashPolicy { Header = new() }) },
        { "route.hash_policy[0].cookie.ttl = -1s", r => r.Route_.HashPolicy.Add(new RouteAction.Types.HashPolicy { Cookie = new() { Name = "c", Ttl = new() { Seconds = -1 } } }) },
        { "route.request_mirror_policies[0].cluster is missing", r => r.Route_.RequestMirrorPolicies.Add(new Mirror()) },
        { "request_mirror_policies[0].cluster_header = h", r => r.Route_.RequestMirrorPolicies.Add(new Mirror { ClusterHeader = "h" }) },
        { "hedge_policy.initial_requests = 0", r => r.Route_.HedgePolicy = new() { InitialRequests = 0 } },
        { "typed_per_filter_config[proxylessmesh.hedging].max_attempts = 6; must be 2 to 5", r => r.TypedPerFilterConfig[HedgingKey] = Any.Pack(new Hedging { MaxAttempts = 6 }) },
        { "non_fatal_grpc_statuses = 17", r => r.TypedPerFilterConfig[HedgingKey] = Any.Pack(new Hedging { MaxAttempts = 2, NonFatalGrpcStatuses = { 17 } }) },
        { "rate_limited_retry_back_off.reset_headers is missing", r => r.Route_.RetryPolicy = new() { RateLimitedRetryBackOff = new() } },
        { "reset_headers[0].name = a b", r => r.Route_.RetryPolicy = new() { RateLimitedRetryBackOff = new() { ResetHeaders = { new RetryPolicy.Types.ResetHeader { Name = "a b" } } } } },
        { "rate_limited_retry_back_off.max_interval = 0s", r => r.Route_.RetryPolicy = new() { RateLimitedRetryBackOff = new() { MaxInterval = new(), ResetHeaders = { new RetryPolicy.Types.ResetHeader { Name = "a" } } } } },
        { "retry_policy.retriable_headers[0].name is missing", r => r.Route_.RetryPolicy = new() { RetriableHeaders = { new HeaderMatcher() } } },
        { "retry_policy.per_try_idle_timeout = -1s", r => r.Route_.RetryPolicy = new() { PerTryIdleTimeout = new() { Seconds = -1 } } },
    };

    private static readonly Dictionary<string, Action<Route>> Failing = new(StringComparer.Ordinal)
    {
        { "cluster_header", r => r.Route_.ClusterHeader = "x" },
        { "weighted_clusters.header_name", r => r.Route_.WeightedClusters = new() { HeaderName = "x", Clusters = { Side("a", 1) } } },
        { "weighted_clusters.clusters.cluster_header", r => r.Route_.WeightedClusters = new() { Clusters = { new WeightedCluster.Types.ClusterWeight { ClusterHeader = "x", Weight = 1 } } } },
        { "metadata_match", r => r.Route_.MetadataMatch = new() { FilterMetadata = { ["envoy.lb"] = new Struct() } } },
        { "path_rewrite_policy", r => r.Route_.PathRewritePolicy = new() { Name = "p" } },
        { "host_rewrite_header", r => r.Route_.HostRewriteHeader = "x" },
        { "host_rewrite_path_regex", r => r.Route_.HostRewritePathRegex = new() },
        { "append_x_forwarded_host", r => r.Route_.AppendXForwardedHost = true },
        { "hedge_policy.initial_requests", r => r.Route_.HedgePolicy = new() { InitialRequests = 2 } },
        { "hedge_policy.additional_request_chance", r => r.Route_.HedgePolicy = new() { AdditionalRequestChance = new() { Numerator = 1 } } },
        { "direct_response.body by Filename", r => r.DirectResponse = new() { Status = 200, Body = new() { Filename = "/etc/passwd" } } },
        { "scheme_redirect 'ftp'", r => r.Redirect = new() { SchemeRedirect = "ftp" } },
        { "match.tls_context", r => r.Match.TlsContext = new() },
    };

    public static TheoryData<string> BadRoutes => [.. Bad.Keys];

    public static TheoryData<string> FailingRoutes => [.. Failing.Keys];

    [Theory]
    [MemberData(nameof(BadRoutes))]
    public void Route_is_refused(string expected)
    {
        var wire = XdsResources.Routes();
        Bad[expected](wire.VirtualHosts[0].Routes[0]);

        Assert.Contains(expected, DecoderTests.Decode(ResourceType.Routes, wire).Error, StringComparison.Ordinal);
    }

    [Theory]
    [MemberData(nameof(FailingRoutes))]
    public void Route_that_cannot_be_carried_out_stays_in_its_place_with_the_reason(string expected)
    {
        var wire = XdsResources.Routes();
        Failing[expected](wire.VirtualHosts[0].Routes[0]);

        var route = Assert.Single(DecoderTests.Accepted<RouteConfig>(ResourceType.Routes, wire).VirtualHosts[0].Routes);

        Assert.StartsWith(expected, Assert.IsType<UnsupportedActionConfig>(route.Action).Reason, StringComparison.Ordinal);
    }

    [Fact]
    public void Redirect_has_everything_it_says()
    {
        var redirect = Decode<RedirectActionConfig>(r => r.Redirect = new()
        {
            HostRedirect = "new",
            PortRedirect = 8443,
            HttpsRedirect = true,
            PrefixRewrite = "/v2",
            StripQuery = true,
            ResponseCode = RedirectAction.Types.RedirectResponseCode.PermanentRedirect,
        });

        Assert.Equal(new RedirectActionConfig { Status = 308, Host = "new", Port = 8443, Scheme = "https", Path = new PrefixRewriteConfig("/v2"), StripQuery = true }, redirect);
    }

    [Fact]
    public void Redirect_without_fields_keeps_the_address_and_answers_301()
        => Assert.Equal(new RedirectActionConfig(), Decode<RedirectActionConfig>(r => r.Redirect = new()));

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void Direct_response_has_its_body_as_bytes(bool text)
    {
        var response = Decode<DirectResponseActionConfig>(r => r.DirectResponse = new()
        {
            Status = 418,
            Body = text ? new() { InlineString = "té" } : new() { InlineBytes = ByteString.CopyFromUtf8("té") },
        });

        Assert.Equal((418, "té"), (response.Status, System.Text.Encoding.UTF8.GetString(response.Body.Span)));
    }

    [Fact]
    public void Rewrites_of_path_and_host_are_read()
    {
        var prefix = Decode<ForwardActionConfig>(r => (r.Route_.PrefixRewrite, r.Route_.HostRewriteLiteral) = ("/new", "other:81"));
        var regex = Decode<ForwardActionConfig>(r => (r.Route_.RegexRewrite, r.Route_.AutoHostRewrite) = (new() { Pattern = new() { Regex = "^/(a+)" }, Substitution = "/\\1\\\\" }, true));

        Assert.Equal((new PrefixRewriteConfig("/new"), new HostRewriteConfig("other:81")), (prefix.PathRewrite, prefix.HostRewrite));
        var rewrite = Assert.IsType<RegexRewriteConfig>(regex.PathRewrite);
        Assert.Equal(("^/(a+)", "/\\1\\\\", new HostRewriteConfig(null)), (rewrite.Pattern.ToString(), rewrite.Substitution, regex.HostRewrite));
    }

    [Fact]
    public void Side_of_a_split_has_its_own_host_and_the_split_may_go_by_the_hash()
    {
        var side = Side("a", 1);
        side.HostRewriteLiteral = "a.internal";

        var action = Decode<ForwardActionConfig>(r => r.Route_.WeightedClusters = new() { UseHashPolicy = true, Clusters = { side, Side("b", 1) } });

        Assert.True(action.SplitByHash);
        Assert.Equal([new HostRewriteConfig("a.internal"), null], action.Clusters.Select(static part => part.HostRewrite));
    }

    [Fact]
    public void Hash_policies_keep_their_order_and_unknown_ones_give_no_result()
    {
        var action = Decode<ForwardActionConfig>(r => r.Route_.HashPolicy.Add(
        [
            new() { Header = new() { HeaderName = "X-User", RegexRewrite = new() { Pattern = new() { Regex = "a" }, Substitution = "b" } }, Terminal = true },
            new() { FilterState = new() { Key = "something.else" } },
            new() { Cookie = new() { Name = "sid", Ttl = new() { Seconds = 60 }, Path = "/p" } },
            new(),
            new() { QueryParameter = new() { Name = "q" } },
            new() { ConnectionProperties = new() { SourceIp = true } },
            new() { ConnectionProperties = new() },
            new() { FilterState = new() { Key = "io.grpc.channel_id" } },
        ]));

        Assert.Equal(
            [HashPolicyKind.Header, HashPolicyKind.Cookie, HashPolicyKind.QueryParameter, HashPolicyKind.SourceIp, HashPolicyKind.Channel],
            action.HashPolicies.Select(static policy => policy.Kind));
        Assert.Equal(("x-user", true, "b"), (action.HashPolicies[0].Name, action.HashPolicies[0].Terminal, action.HashPolicies[0].HeaderRewrite!.Substitution));
        Assert.Equal(("sid", TimeSpan.FromMinutes(1), "/p"), (action.HashPolicies[1].Name, action.HashPolicies[1].CookieTtl, action.HashPolicies[1].CookiePath));
    }

    [Fact]
    public void Mirrors_of_a_route_take_the_place_of_the_hosts_and_those_of_the_configurations()
    {
        var wire = XdsResources.Routes("routes", "a", "b");
        wire.RequestMirrorPolicies.Add(new Mirror { Cluster = "of-all" });
        wire.VirtualHosts[0].Routes[0].Route_.RequestMirrorPolicies.Add(
        [
            new Mirror { Cluster = "half", RuntimeFraction = new() { DefaultValue = new() { Numerator = 50 } } },
            new Mirror { Cluster = "never", RuntimeFraction = new() { DefaultValue = new() { Numerator = 0 } } },
        ]);

        var routes = DecoderTests.Accepted<RouteConfig>(ResourceType.Routes, wire).VirtualHosts[0].Routes;

        Assert.Equal([("half", 500_000)], Mirrors(routes[0]));
        Assert.Equal([("of-all", 1_000_000)], Mirrors(routes[1]));

        wire.VirtualHosts[0].RequestMirrorPolicies.Add(new Mirror { Cluster = "of-host" });
        Assert.Equal([("of-host", 1_000_000)], Mirrors(DecoderTests.Accepted<RouteConfig>(ResourceType.Routes, wire).VirtualHosts[0].Routes[1]));
    }

    [Fact]
    public void Hedging_by_time_goes_before_hedging_by_timeout_and_a_route_before_its_host()
    {
        var wire = XdsResources.Routes("routes", "by-time", "by-host", "off");
        var host = wire.VirtualHosts[0];
        host.RetryPolicy = new() { NumRetries = 2 };
        host.HedgePolicy = new() { HedgeOnPerTryTimeout = true };
        host.Routes[0].TypedPerFilterConfig[HedgingKey] = Any.Pack(new FilterConfig
        {
            IsOptional = true,
            Config = Any.Pack(new Hedging { MaxAttempts = 4, Delay = new() { Nanos = 50_000_000 }, NonFatalGrpcStatuses = { 14 } }),
        });
        host.Routes[2].TypedPerFilterConfig[HedgingKey] = Any.Pack(new FilterConfig { Disabled = true });

        var hedges = DecoderTests.Accepted<RouteConfig>(ResourceType.Routes, wire).VirtualHosts[0].Routes.Select(static route => ((ForwardActionConfig)route.Action).Hedge).ToList();

        Assert.Equal((4, TimeSpan.FromMilliseconds(50), false), (hedges[0]!.MaxAttempts, hedges[0]!.Delay, hedges[0]!.OnPerTryTimeout));
        Assert.Equal([14], hedges[0]!.NonFatalGrpcStatuses);
        Assert.Equal((3, true), (hedges[1]!.MaxAttempts, hedges[1]!.OnPerTryTimeout));
        Assert.Null(hedges[2]);
    }

    [Fact]
    public void Retry_policy_has_everything_it_says()
    {
        var retry = Decode<ForwardActionConfig>(r => r.Route_.RetryPolicy = new()
        {
            RetryOn = "envoy-ratelimited,retriable-headers,reset,reset-before-request,refused-stream,retriable-4xx,gateway-error,cancelled,deadline-exceeded,internal,resource-exhausted,unavailable,http3-post-connect-failure",
            PerTryIdleTimeout = new() { Seconds = 3 },
            HostSelectionRetryMaxAttempts = 7,
            RetriableHeaders = { new HeaderMatcher { Name = "X-Again", PresentMatch = true } },
            RetriableRequestHeaders = { new HeaderMatcher { Name = ":method", ExactMatch = "GET" } },
            RetryHostPredicate = { new RetryPolicy.Types.RetryHostPredicate { Name = "envoy.retry_host_predicates.previous_hosts" } },
            RateLimitedRetryBackOff = new()
            {
                MaxInterval = new() { Seconds = 9 },
                ResetHeaders =
                {
                    new RetryPolicy.Types.ResetHeader { Name = "Retry-After" },
                    new RetryPolicy.Types.ResetHeader { Name = "X-Reset", Format = RetryPolicy.Types.ResetHeaderFormat.UnixTimestamp },
                },
            },
        }).Retry!;

        var all = System.Enum.GetValues<RetryConditions>().Aggregate(static (left, right) => left | right);
        Assert.Equal(all & ~RetryConditions.ServerError & ~RetryConditions.ConnectFailure & ~RetryConditions.RetriableStatusCodes, retry.On);
        Assert.Equal((TimeSpan.FromSeconds(3), 7, TimeSpan.FromSeconds(9)), (retry.PerTryIdleTimeout, retry.HostSelectionAttempts, retry.MaxResetInterval));
        Assert.Equal(["x-again"], retry.RetriableHeaders.Select(static header => header.Name));
        Assert.Equal([":method"], retry.RetriableRequestHeaders.Select(static header => header.Name));
        Assert.Equal([new ResetHeaderConfig("Retry-After", false), new ResetHeaderConfig("X-Reset", true)], retry.ResetHeaders);
    }

    [Theory]
    [InlineData(false, "host,all")]
    [InlineData(true, "all,host")]
    public void Headers_of_the_whole_configuration_go_last_unless_the_most_specific_is_to_win(bool mostSpecific, string expected)
    {
        var wire = XdsResources.Routes();
        wire.MostSpecificHeaderMutationsWins = mostSpecific;
        wire.RequestHeadersToAdd.Add(new Envoy.Config.Core.V3.HeaderValueOption { Header = new() { Key = "x", Value = "all" } });
        wire.VirtualHosts[0].RequestHeadersToAdd.Add(new Envoy.Config.Core.V3.HeaderValueOption { Header = new() { Key = "x", Value = "host" } });

        var routes = DecoderTests.Accepted<RouteConfig>(ResourceType.Routes, wire);

        Assert.Equal(mostSpecific, routes.MostSpecificHeadersWin);
        Assert.Equal(expected, string.Join(',', routes.VirtualHosts[0].Headers.RequestAdd.Select(static header => header.Value)));
    }

    [Fact]
    public void Priority_and_idle_timeout_are_read()
    {
        var action = Decode<ForwardActionConfig>(r => (r.Route_.Priority, r.Route_.IdleTimeout) = (Envoy.Config.Core.V3.RoutingPriority.High, new()));

        Assert.Equal((true, TimeSpan.Zero), (action.IsHighPriority, action.IdleTimeout));
    }

    [Theory]
    [InlineData(false, "a=1", false)]
    [InlineData(false, "b=1", true)]
    [InlineData(true, "b=1", false)]
    public void Query_parameter_may_be_asked_to_be_absent(bool present, string query, bool expected)
    {
        var wire = XdsResources.Routes();
        wire.VirtualHosts[0].Routes[0].Match.QueryParameters.Add(new QueryParameterMatcher { Name = "a", PresentMatch = present });

        var match = DecoderTests.Accepted<RouteConfig>(ResourceType.Routes, wire).VirtualHosts[0].Routes[0].Match;

        Assert.Equal(expected, match.QueryParameters[0].Matches(query));
    }

    private static T Decode<T>(Action<Route> change)
        where T : RouteActionConfig
    {
        var wire = XdsResources.Routes();
        change(wire.VirtualHosts[0].Routes[0]);
        return Assert.IsType<T>(DecoderTests.Accepted<RouteConfig>(ResourceType.Routes, wire).VirtualHosts[0].Routes[0].Action);
    }

    private static IEnumerable<(string Cluster, int PerMillion)> Mirrors(RouteRuleConfig route)
        => ((ForwardActionConfig)route.Action).Mirrors.Select(static mirror => (mirror.Cluster, mirror.Fraction.PerMillion));

    private static WeightedCluster.Types.ClusterWeight Side(string name, uint weight) => new() { Name = name, Weight = weight };
}
