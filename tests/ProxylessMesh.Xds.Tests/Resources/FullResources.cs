using Envoy.Config.Cluster.V3;
using Envoy.Config.Core.V3;
using Envoy.Config.Endpoint.V3;
using Envoy.Config.Listener.V3;
using Envoy.Config.Route.V3;
using Envoy.Extensions.Filters.Http.AdaptiveConcurrency.V3;
using Envoy.Extensions.Filters.Http.Cors.V3;
using Envoy.Extensions.Filters.Http.Fault.V3;
using Envoy.Extensions.Filters.Http.StatefulSession.V3;
using Envoy.Extensions.Http.StatefulSession.Cookie.V3;
using Envoy.Extensions.LoadBalancingPolicies.LeastRequest.V3;
using Envoy.Extensions.LoadBalancingPolicies.RandomSubsetting.V3;
using Envoy.Extensions.LoadBalancingPolicies.WrrLocality.V3;
using Envoy.Extensions.TransportSockets.Tls.V3;
using Google.Protobuf;
using Google.Protobuf.WellKnownTypes;
using ProxylessMesh.Protos.V1;
using HttpOptions = Envoy.Extensions.Upstreams.Http.V3.HttpProtocolOptions;
using Mirror = Envoy.Config.Route.V3.RouteAction.Types.RequestMirrorPolicy;

namespace ProxylessMesh.Xds.Tests.Resources;

/// <summary>Valid resources that use many features at once: the corpus that hostile bytes are made of.</summary>
internal static class FullResources
{
    public static Listener Listener()
    {
        var hcm = XdsResources.Hcm(null);
        hcm.RouteConfig = Routes();
        IMessage[] filters =
        [
            new Cors(),
            new CallerRateLimit { Total = new() { MaxTokens = 1, FillInterval = new() { Seconds = 1 } }, Callers = { new CallerRateLimit.Types.Caller { Caller_ = new() { Prefix = "spiffe://" }, Bucket = new() { MaxTokens = 2, FillInterval = new() { Seconds = 1 } } } } },
            new AdaptiveConcurrency { GradientControllerConfig = new() { ConcurrencyLimitParams = new() { ConcurrencyUpdateInterval = new() { Seconds = 1 } }, MinRttCalcParams = new() { Interval = new() { Seconds = 1 }, Jitter = new() } } },
            new ConnectionLimit { MaxConnections = 3 },
            new Envoy.Extensions.Filters.Http.Rbac.V3.RBAC { Rules = new() { Policies = { ["p"] = new() { Permissions = { new Envoy.Config.Rbac.V3.Permission { Any = true } }, Principals = { new Envoy.Config.Rbac.V3.Principal { Any = true } } } } } },
        ];
        for (var i = 0; i < filters.Length; i++)
        {
            hcm.HttpFilters.Insert(i, new() { Name = $"f{i}", TypedConfig = Any.Pack(filters[i]) });
        }

        var chain = XdsResources.Chain(hcm);
        chain.TransportSocket = DecoderTests.Tls(new DownstreamTlsContext { CommonTlsContext = new() { TlsCertificateProviderInstance = new() { InstanceName = "default" } } });
        return XdsResources.ServerListener("in", chain);
    }

    public static RouteConfiguration Routes()
    {
        var routes = XdsResources.Routes("routes", "a", "b", "c", "d");
        var rules = routes.VirtualHosts[0].Routes;
        rules[0].Redirect = new() { HostRedirect = "x", PrefixRewrite = "/y" };
        rules[1].DirectResponse = new() { Status = 200, Body = new() { InlineString = "hello" } };
        rules[2].Match = new() { SafeRegex = new() { Regex = "/a.*" }, QueryParameters = { new QueryParameterMatcher { Name = "q", StringMatch = new() { Exact = "1" } } }, Headers = { new HeaderMatcher { Name = "h", RangeMatch = new() { End = 9 } } } };
        rules[2].Route_ = new()
        {
            WeightedClusters = new() { UseHashPolicy = true, Clusters = { new WeightedCluster.Types.ClusterWeight { Name = "a", Weight = 1, HostRewriteLiteral = "h" }, new WeightedCluster.Types.ClusterWeight { Name = "b", Weight = 2 } } },
            RegexRewrite = new() { Pattern = new() { Regex = "(a)" }, Substitution = "\\1" },
            Timeout = new() { Seconds = 1 },
            HashPolicy = { new RouteAction.Types.HashPolicy { Header = new() { HeaderName = "h" } }, new RouteAction.Types.HashPolicy { Cookie = new() { Name = "c", Ttl = new() } } },
            RequestMirrorPolicies = { new Mirror { Cluster = "m", RuntimeFraction = new() { DefaultValue = new() { Numerator = 1 } } } },
            HedgePolicy = new() { HedgeOnPerTryTimeout = true },
            RetryPolicy = new() { RetryOn = "5xx", RetryBackOff = new() { BaseInterval = new() { Seconds = 1 } }, RateLimitedRetryBackOff = new() { ResetHeaders = { new RetryPolicy.Types.ResetHeader { Name = "r" } } } },
        };
        rules[3].TypedPerFilterConfig["proxylessmesh.hedging"] = Any.Pack(new FilterConfig { IsOptional = true, Config = Any.Pack(new Hedging { MaxAttempts = 2 }) });
        rules[3].TypedPerFilterConfig["proxylessmesh.fault"] = Any.Pack(new FaultExperiment { Until = new() { Seconds = 1 }, CutAfterBytes = 1 });
        rules[3].TypedPerFilterConfig["fault"] = Any.Pack(new HTTPFault { Delay = new() { FixedDelay = new() { Seconds = 1 } }, Abort = new() { HttpStatus = 500 }, ResponseRateLimit = new() { FixedLimit = new() { LimitKbps = 1 } } });
        rules[3].TypedPerFilterConfig["session"] = Any.Pack(new StatefulSessionPerRoute { StatefulSession = new() { SessionState = new() { TypedConfig = Any.Pack(new CookieBasedSessionState { Cookie = new() { Name = "s" } }) } } });
        rules[3].TypedPerFilterConfig["cors"] = Any.Pack(new CorsPolicy { AllowOriginStringMatch = { new Envoy.Type.Matcher.V3.StringMatcher { Exact = "o" } } });
        return routes;
    }

    public static Cluster Cluster()
    {
        var cluster = XdsResources.Cluster();
        cluster.LoadBalancingPolicy = Policy(new PeakEwma(), Policy(new WrrLocality { EndpointPickingPolicy = Policy(new RandomSubsetting { SubsetSize = 3, ChildPolicy = Policy(new LeastRequest { SlowStartConfig = new() { SlowStartWindow = new() { Seconds = 1 } } }) }) }));
        cluster.CommonLbConfig = new() { ZoneAwareLbConfig = new(), OverrideHostStatus = new() { Statuses = { HealthStatus.Healthy } } };
        cluster.OutlierDetection = new() { EnforcingFailurePercentage = 1, SplitExternalLocalOriginErrors = true };
        cluster.CircuitBreakers = new() { Thresholds = { new CircuitBreakers.Types.Thresholds { RetryBudget = new() { BudgetPercent = new() } } } };
        cluster.HealthChecks.Add(new HealthCheck { Timeout = new() { Seconds = 1 }, Interval = new() { Seconds = 1 }, HealthyThreshold = 1, UnhealthyThreshold = 1, HttpHealthCheck = new() { Path = "/" } });
        cluster.UpstreamConnectionOptions = new() { TcpKeepalive = new() { KeepaliveTime = 1 } };
        cluster.TypedExtensionProtocolOptions["envoy.extensions.upstreams.http.v3.HttpProtocolOptions"] = Any.Pack(new HttpOptions { ExplicitHttpConfig = new() { Http2ProtocolOptions = new() { MaxConcurrentStreams = 1 } } });
        cluster.TransportSocket = DecoderTests.Tls(new UpstreamTlsContext { CommonTlsContext = new() { ValidationContext = new() { SystemRootCerts = new() } } });
        cluster.LoadAssignment = Endpoints();
        return cluster;
    }

    public static ClusterLoadAssignment Endpoints()
    {
        var endpoints = XdsResources.Endpoints();
        endpoints.Policy = new() { OverprovisioningFactor = 140, DropOverloads = { new ClusterLoadAssignment.Types.Policy.Types.DropOverload { Category = "c", DropPercentage = new() { Numerator = 1 } } } };
        var endpoint = endpoints.Endpoints[0].LbEndpoints[0];
        endpoint.Endpoint.AdditionalAddresses.Add(new Endpoint.Types.AdditionalAddress { Address = XdsResources.Address("fd00::1", 1) });
        endpoint.Metadata = new Metadata { FilterMetadata = { ["envoy.lb"] = new Struct { Fields = { ["hash_key"] = Value.ForString("k") } } } };
        return endpoints;
    }

    private static LoadBalancingPolicy Policy(IMessage first, LoadBalancingPolicy? rest = null)
    {
        var policy = new LoadBalancingPolicy { Policies = { new LoadBalancingPolicy.Types.Policy { TypedExtensionConfig = new() { TypedConfig = Any.Pack(first) } } } };
        policy.Policies.AddRange(rest?.Policies ?? []);
        return policy;
    }
}
