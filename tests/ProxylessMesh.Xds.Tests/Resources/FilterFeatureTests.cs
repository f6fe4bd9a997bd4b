using Envoy.Config.Route.V3;
using Envoy.Extensions.Filters.Http.AdaptiveConcurrency.V3;
using Envoy.Extensions.Filters.Http.Cors.V3;
using Envoy.Extensions.Filters.Http.Fault.V3;
using Envoy.Extensions.Filters.Http.LocalRatelimit.V3;
using Envoy.Extensions.Filters.Http.StatefulSession.V3;
using Envoy.Extensions.Filters.Network.HttpConnectionManager.V3;
using Envoy.Extensions.Http.StatefulSession.Cookie.V3;
using Envoy.Extensions.Http.StatefulSession.Header.V3;
using Envoy.Type.V3;
using Google.Protobuf;
using Google.Protobuf.WellKnownTypes;
using ProxylessMesh.Protos.V1;
using ProxylessMesh.Xds.Client;
using ProxylessMesh.Xds.Resources;

namespace ProxylessMesh.Xds.Tests.Resources;

/// <summary>The HTTP filters besides RBAC: each field as it arrives, and the path of each value that is refused.</summary>
public class FilterFeatureTests
{
    private static readonly Dictionary<string, (bool Server, IMessage Filter)> Bad = new(StringComparer.Ordinal)
    {
        { "typed_config.upstream_cluster = orders", (false, new HTTPFault { UpstreamCluster = "orders" }) },
        { "typed_config.headers[0].name is missing", (false, new HTTPFault { Headers = { new HeaderMatcher() } }) },
        { "response_rate_limit.header_limit = set", (false, new HTTPFault { ResponseRateLimit = new() { HeaderLimit = new() } }) },
        { "response_rate_limit.fixed_limit.limit_kbps = 0", (false, new HTTPFault { ResponseRateLimit = new() { FixedLimit = new() } }) },
        { "abort.http_status = 199; must be 200 to 599", (false, new HTTPFault { Abort = new() { HttpStatus = 199 } }) },
        { "abort.grpc_status = 17; must be 0 to 16", (false, new HTTPFault { Abort = new() { GrpcStatus = 17 } }) },
        { "delay.percentage.denominator = 9", (false, new HTTPFault { Delay = new() { Percentage = new() { Denominator = (FractionalPercent.Types.DenominatorType)9 } } }) },
        { "session_state.typed_config.cookie.name is missing", (false, Session(new CookieBasedSessionState { Cookie = new() })) },
        { "session_state.typed_config.cookie.name = a=b", (false, Session(new CookieBasedSessionState { Cookie = new() { Name = "a=b" } })) },
        { "session_state.typed_config.cookie.path = /;", (false, Session(new CookieBasedSessionState { Cookie = new() { Name = "a", Path = "/;" } })) },
        { "session_state.typed_config.cookie.ttl = -1s", (false, Session(new CookieBasedSessionState { Cookie = new() { Name = "a", Ttl = new() { Seconds = -1 } } })) },
        { "session_state.typed_config.name = a b", (false, Session(new HeaderBasedSessionState { Name = "a b" })) },
        { "session_state.typed_config.type_url = type.googleapis.com/google.protobuf.Empty", (false, Session(new Empty())) },
        { "token_bucket.max_tokens = 0", (true, new LocalRateLimit { TokenBucket = new() { FillInterval = new() { Seconds = 1 } } }) },
        { "token_bucket.tokens_per_fill = 0", (true, new LocalRateLimit { TokenBucket = new() { MaxTokens = 1, TokensPerFill = 0, FillInterval = new() { Seconds = 1 } } }) },
        { "token_bucket.fill_interval is missing", (true, new LocalRateLimit { TokenBucket = new() { MaxTokens = 1 } }) },
        { "must be at least 50ms", (true, new LocalRateLimit { TokenBucket = new() { MaxTokens = 1, FillInterval = new() { Nanos = 49_000_000 } } }) },
        { "filter_enabled.default_value", (true, new LocalRateLimit { FilterEnabled = new() { DefaultValue = new() { Numerator = 50 } } }) },
        { "descriptors = set", (true, new LocalRateLimit { Descriptors = { new Envoy.Extensions.Common.Ratelimit.V3.LocalRateLimitDescriptor() } }) },
        { "local_rate_limit_per_downstream_connection = set", (true, new LocalRateLimit { LocalRateLimitPerDownstreamConnection = true }) },
        { "callers[0].bucket is missing", (true, new CallerRateLimit { Callers = { new CallerRateLimit.Types.Caller { Caller_ = new() { Exact = "a" } } } }) },
        { "callers[0].caller is missing", (true, new CallerRateLimit { Callers = { new CallerRateLimit.Types.Caller { Bucket = Bucket(1) } } }) },
        { "status = 200; must be 400 to 599", (true, new CallerRateLimit { Status = 200 }) },
        { "max_calls = 0", (true, new ConcurrencyLimit()) },
        { "gradient_controller_config is missing", (true, new AdaptiveConcurrency()) },
        { "concurrency_limit_params.concurrency_update_interval is missing", (true, new AdaptiveConcurrency { GradientControllerConfig = new() }) },
        { "min_rtt_calc_params.min_concurrency = 0", (true, new AdaptiveConcurrency { GradientControllerConfig = new() { MinRttCalcParams = new() { MinConcurrency = 0 } } }) },
        { "sample_aggregate_percentile = 101", (true, new AdaptiveConcurrency { GradientControllerConfig = new() { SampleAggregatePercentile = new() { Value = 101 } } }) },
    };

    private static readonly Dictionary<string, IMessage> BadOverride = new(StringComparer.Ordinal)
    {
        { "until is missing", new FaultExperiment() },
        { "until = 9223372036854775807s 0ns", new FaultExperiment { Until = new() { Seconds = long.MaxValue } } },
        { "exception = 77", new FaultExperiment { Until = new() { Seconds = 1 }, Exception = (FaultExperiment.Types.Exception)77 } },
        { "allow_origin_string_match[0].safe_regex.regex = (", new CorsPolicy { AllowOriginStringMatch = { new Envoy.Type.Matcher.V3.StringMatcher { SafeRegex = new() { Regex = "(" } } } } },
        { "allow_methods", new CorsPolicy { AllowMethods = "GET\r\nx: y" } },
        { "filter_enabled.default_value", new CorsPolicy { FilterEnabled = new() { DefaultValue = new() { Numerator = 1 } } } },
        { "type_url = type.googleapis.com/google.protobuf.Empty", new FilterConfig { Config = Any.Pack(new Empty()) } },
        { "type_url = type.googleapis.com/proxylessmesh.v1.Hedging", new Hedging { MaxAttempts = 2 } },
    };

    public static TheoryData<string> BadFilters => [.. Bad.Keys];

    public static TheoryData<string> BadOverrides => [.. BadOverride.Keys];

    [Theory]
    [MemberData(nameof(BadFilters))]
    public void Filter_is_refused(string expected)
    {
        var (server, filter) = Bad[expected];

        Assert.Contains(expected, Decode(server, filter).Error, StringComparison.Ordinal);
    }

    [Theory]
    [MemberData(nameof(BadOverrides))]
    public void Override_is_refused(string expected)
    {
        var wire = XdsResources.Routes();
        wire.VirtualHosts[0].Routes[0].TypedPerFilterConfig["f"] = Any.Pack(BadOverride[expected]);

        Assert.Contains(expected, DecoderTests.Decode(ResourceType.Routes, wire).Error, StringComparison.Ordinal);
    }

    [Fact]
    public void Fault_by_header_and_by_bandwidth_is_read()
    {
        var fault = Accepted<FaultFilterConfig>(server: false, new HTTPFault
        {
            Headers = { new HeaderMatcher { Name = "x-test", ExactMatch = "1" } },
            Delay = new() { HeaderDelay = new(), Percentage = new() { Numerator = 3, Denominator = FractionalPercent.Types.DenominatorType.TenThousand } },
            Abort = new() { HeaderAbort = new(), Percentage = new() { Numerator = 100 } },
            ResponseRateLimit = new() { FixedLimit = new() { LimitKbps = 8 }, Percentage = new() { Numerator = 100 } },
            MaxActiveFaults = 4,
        })!.Fault;

        Assert.Equal((true, 300, 100), (fault.DelayByHeader, fault.DelayFraction.PerMillion, fault.DelayHeaderScale));
        Assert.Equal((true, 1_000_000, 10_000), (fault.AbortByHeader, fault.AbortFraction.PerMillion, fault.AbortHeaderScale));
        Assert.Equal((8192L, 1_000_000, 4L), (fault.ResponseBytesPerSecond, fault.ResponseFraction.PerMillion, fault.MaxActiveFaults));
        Assert.Equal("x-test", Assert.Single(fault.Headers).Name);
    }

    [Fact]
    public void End_of_an_experiment_is_also_the_end_of_the_fault_beside_it()
    {
        var end = DateTimeOffset.UnixEpoch.AddDays(20_000);
        var wire = XdsResources.Routes();
        var route = wire.VirtualHosts[0].Routes[0];
        route.TypedPerFilterConfig["proxylessmesh.fault"] = Any.Pack(new FilterConfig
        {
            IsOptional = true,
            Config = Any.Pack(new FaultExperiment
            {
                Exception = FaultExperiment.Types.Exception.Tls,
                ExceptionPercentage = new() { Numerator = 10 },
                CutAfterBytes = 0,
                CutPercentage = new() { Numerator = 20 },
                Until = Timestamp.FromDateTimeOffset(end),
            }),
        });
        route.TypedPerFilterConfig["envoy.filters.http.fault"] = Any.Pack(new HTTPFault { Abort = new() { HttpStatus = 500 } });

        var overrides = DecoderTests.Accepted<RouteConfig>(ResourceType.Routes, wire).VirtualHosts[0].Routes[0].FilterOverrides;

        var ours = Assert.IsType<FaultFilterConfig>(overrides["proxylessmesh.fault"]).Fault;
        Assert.Equal((FaultException.Tls, 100_000, 0L, 200_000), (ours.Exception, ours.ExceptionFraction.PerMillion, ours.CutAfterBytes, ours.CutFraction.PerMillion));
        Assert.Equal([end, end], overrides.Values.Cast<FaultFilterConfig>().Select(static fault => fault.Fault.Until));
    }

    [Fact]
    public void Session_is_kept_in_a_cookie_or_in_a_header()
    {
        var cookie = Session(new CookieBasedSessionState { Cookie = new() { Name = "sid", Path = "/a", Ttl = new() { Seconds = 120 } } });
        cookie.Strict = true;

        Assert.Equal(
            new SessionConfig(new SessionCookieConfig("sid", "/a", TimeSpan.FromMinutes(2)), null) { Strict = true },
            Accepted<StatefulSessionFilterConfig>(server: false, cookie)!.Session);
        Assert.Equal(new SessionConfig(null, "x-session"), Accepted<StatefulSessionFilterConfig>(server: false, Session(new HeaderBasedSessionState { Name = "X-Session" }))!.Session);
        Assert.Null(Accepted<StatefulSessionFilterConfig>(server: false, new StatefulSession())!.Session);
    }

    [Fact]
    public void Session_of_a_route_is_its_own_or_none()
    {
        var wire = XdsResources.Routes("routes", "a", "b");
        wire.VirtualHosts[0].Routes[0].TypedPerFilterConfig["s"] = Any.Pack(new StatefulSessionPerRoute { Disabled = true });
        wire.VirtualHosts[0].Routes[1].TypedPerFilterConfig["s"] = Any.Pack(new StatefulSessionPerRoute { StatefulSession = Session(new HeaderBasedSessionState { Name = "h" }) });

        var routes = DecoderTests.Accepted<RouteConfig>(ResourceType.Routes, wire).VirtualHosts[0].Routes;

        Assert.IsType<DisabledFilterConfig>(routes[0].FilterOverrides["s"]);
        Assert.Equal("h", Assert.IsType<StatefulSessionFilterConfig>(routes[1].FilterOverrides["s"]).Session!.Header);
    }

    [Fact]
    public void Rate_limit_holds_only_where_it_is_enabled_and_enforced_as_in_envoy()
    {
        var wire = new LocalRateLimit { TokenBucket = Bucket(5), Status = new() { Code = StatusCode.ServiceUnavailable } };
        Assert.Equal(new RateLimitConfig { Status = 503 }, Accepted<LocalRateLimitFilterConfig>(server: true, wire)!.Limit);

        wire.FilterEnabled = wire.FilterEnforced = new() { DefaultValue = new() { Numerator = 100 } };

        Assert.Equal(new RateLimitConfig { Status = 503, Total = new TokenBucketConfig(5, 1, TimeSpan.FromSeconds(1)) }, Accepted<LocalRateLimitFilterConfig>(server: true, wire)!.Limit);
    }

    [Fact]
    public void Buckets_by_caller_are_read_in_order()
    {
        var limit = Accepted<LocalRateLimitFilterConfig>(server: true, new CallerRateLimit
        {
            Total = Bucket(10),
            PerCaller = Bucket(2),
            Callers =
            {
                new CallerRateLimit.Types.Caller { Caller_ = new() { Exact = "spiffe://m/a" }, Bucket = Bucket(3) },
                new CallerRateLimit.Types.Caller { Caller_ = new() { Prefix = "spiffe://m/" }, Bucket = Bucket(4) },
            },
        })!.Limit;

        Assert.Equal((10u, 2u, 429), (limit.Total!.MaxTokens, limit.PerCaller!.MaxTokens, limit.Status));
        Assert.Equal([3u, 4u], limit.Callers.Select(static caller => caller.Bucket.MaxTokens));
        Assert.True(limit.Callers[1].Caller.Matches("spiffe://m/b"));
    }

    [Fact]
    public void Adaptive_concurrency_has_envoys_defaults_and_can_be_off()
    {
        var wire = new AdaptiveConcurrency
        {
            GradientControllerConfig = new()
            {
                ConcurrencyLimitParams = new() { ConcurrencyUpdateInterval = new() { Nanos = 200_000_000 } },
                MinRttCalcParams = new() { Interval = new() { Seconds = 30 } },
            },
        };

        Assert.Equal(
            new AdaptiveConcurrencyConfig { ConcurrencyUpdateInterval = TimeSpan.FromMilliseconds(200), MinRttInterval = TimeSpan.FromSeconds(30) },
            Accepted<AdaptiveConcurrencyFilterConfig>(server: true, wire)!.Limit);

        wire.Enabled = new() { DefaultValue = false };
        Assert.Null(Accepted<AdaptiveConcurrencyFilterConfig>(server: true, wire));
    }

    [Fact]
    public void Own_limits_of_a_server_are_read()
    {
        Assert.Equal(7, Accepted<ConcurrencyLimitFilterConfig>(server: true, new ConcurrencyLimit { MaxCalls = 7 })!.MaxCalls);
        Assert.Equal(new ConnectionLimitFilterConfig("f", 100, null), Accepted<ConnectionLimitFilterConfig>(server: true, new ConnectionLimit { MaxConnections = 100 }));
        Assert.NotNull(Accepted<LoadReportFilterConfig>(server: true, new LoadReports()));
    }

    [Fact]
    public void Cross_origin_policy_comes_as_an_override_and_of_the_outermost_level_too()
    {
        Assert.Null(Accepted<CorsFilterConfig>(server: true, new Cors())!.Policy);
        var wire = XdsResources.Routes();
        wire.TypedPerFilterConfig["cors"] = Any.Pack(new CorsPolicy
        {
            AllowOriginStringMatch = { new Envoy.Type.Matcher.V3.StringMatcher { Exact = "https://shop.example" } },
            AllowMethods = "GET,POST",
            AllowHeaders = "x-a",
            ExposeHeaders = "x-b",
            MaxAge = "600",
            AllowCredentials = true,
            ForwardNotMatchingPreflights = false,
        });
        wire.TypedPerFilterConfig["off"] = Any.Pack(new CorsPolicy { FilterEnabled = new() { DefaultValue = new() } });

        var overrides = DecoderTests.Accepted<RouteConfig>(ResourceType.Routes, wire).VirtualHosts[0].FilterOverrides;

        var policy = Assert.IsType<CorsFilterConfig>(overrides["cors"]).Policy!;
        Assert.True(policy.AllowOrigins[0].Matches("https://shop.example"));
        Assert.Equal(("GET,POST", "x-a", "x-b", "600", true, false), (policy.AllowMethods, policy.AllowHeaders, policy.ExposeHeaders, policy.MaxAge, policy.AllowCredentials, policy.ForwardNotMatchingPreflights));
        Assert.IsType<DisabledFilterConfig>(overrides["off"]);
    }

    private static T? Accepted<T>(bool server, IMessage filter)
        where T : HttpFilterConfig
    {
        var decoded = Decode(server, filter);
        Assert.Null(decoded.Error);
        var listener = (ListenerConfig)decoded.Config!;
        var filters = (listener.Api ?? listener.FilterChains[0].Http).Filters;
        return filters.Length == 1 ? null : Assert.IsType<T>(filters[0]);
    }

    private static DecodedResource Decode(bool server, IMessage filter)
    {
        var hcm = XdsResources.Hcm();
        hcm.HttpFilters.Insert(0, new HttpFilter { Name = "f", TypedConfig = Any.Pack(filter) });
        var listener = XdsResources.Listener();
        listener.ApiListener.ApiListener_ = Any.Pack(hcm);
        return DecoderTests.Decode(ResourceType.Listeners, server ? XdsResources.ServerListener("in", XdsResources.Chain(hcm)) : listener);
    }

    private static StatefulSession Session(IMessage state) => new() { SessionState = new() { Name = "state", TypedConfig = Any.Pack(state) } };

    private static TokenBucket Bucket(uint tokens) => new() { MaxTokens = tokens, FillInterval = new() { Seconds = 1 } };
}
