using Envoy.Config.Cluster.V3;
using Envoy.Extensions.LoadBalancingPolicies.LeastRequest.V3;
using Envoy.Extensions.LoadBalancingPolicies.RandomSubsetting.V3;
using Envoy.Extensions.LoadBalancingPolicies.WrrLocality.V3;
using Envoy.Extensions.Upstreams.Http.V3;
using ProxylessMesh.ControlPlane.Translation;
using ProxylessMesh.ControlPlane.Xds;
using ProxylessMesh.Protos;

namespace ProxylessMesh.ControlPlane.Tests.Translation;

public class DestinationPolicyTests
{
    private const string Name = "outbound|80||catalog.shop.svc.cluster.local";

    private static string Rule(string spec, string ns = "shop", string name = "catalog") => $$"""
        apiVersion: networking.istio.io/v1
        kind: DestinationRule
        metadata: { name: {{name}}, namespace: {{ns}} }
        spec: {{spec}}
        ---

        """;

    private static string Limit(int requests, string more = "") => $"{{ host: catalog.shop, {more} trafficPolicy: {{ connectionPool: {{ http: {{ http2MaxRequests: {requests} }} }} }} }}";

    private static string Policy(string spec) => $$"""
        apiVersion: mesh.proxyless.dev/v1alpha1
        kind: MeshTrafficPolicy
        metadata: { name: catalog, namespace: shop }
        spec: { targetRef: { kind: Service, name: catalog }, {{spec}} }
        ---

        """;

    private static XdsSnapshot With(string yaml) => Given.Snapshot(yaml, Given.Workload("catalog", "c1"));

    private static uint? RequestsFor(XdsSnapshot snapshot, RouteAudience audience)
        => Cluster.Parser.ParseFrom(snapshot.FindDestination(XdsTypeUrls.Cluster, Name, audience)!.Bytes).CircuitBreakers.Thresholds[0].MaxRequests;

    private static string[] PoliciesOf(Cluster cluster) => [.. cluster.LoadBalancingPolicy.Policies.Select(policy => policy.TypedExtensionConfig.Name.Split('.')[^1])];

    [Fact]
    public void A_rule_in_the_caller_s_namespace_comes_before_the_service_s_and_that_before_the_root_s()
    {
        var snapshot = With(Rule(Limit(1), "mesh-system") + Rule(Limit(2)) + Rule(Limit(3), "web"));

        Assert.Equal((3u, 2u, 2u), (RequestsFor(snapshot, RouteAudience.Of("web")), RequestsFor(snapshot, RouteAudience.Of("shop")), RequestsFor(snapshot, RouteAudience.Of("bank"))));
        Assert.Equal(2u, snapshot.Cluster().CircuitBreakers.Thresholds[0].MaxRequests);
    }

    [Fact]
    public void A_rule_that_is_not_exported_is_for_its_own_namespace()
    {
        var snapshot = With(Rule(Limit(1), "mesh-system") + Rule(Limit(2, "exportTo: [., bank],")));

        Assert.Equal((2u, 2u, 1u), (RequestsFor(snapshot, RouteAudience.Of("shop")), RequestsFor(snapshot, RouteAudience.Of("bank")), RequestsFor(snapshot, RouteAudience.Of("web"))));
    }

    [Fact]
    public void A_rule_with_a_selector_is_for_the_workloads_of_its_namespace_that_have_the_labels()
    {
        var snapshot = With(Rule(Limit(2)) + Rule(Limit(3, "workloadSelector: { matchLabels: { app: batch } },"), name: "batch"));
        var batch = new Dictionary<string, string> { ["app"] = "batch" };

        Assert.Equal(3u, RequestsFor(snapshot, new RouteAudience { Namespace = "shop", Labels = batch }));
        Assert.Equal(2u, RequestsFor(snapshot, RouteAudience.Of("shop")));
        Assert.Equal(2u, RequestsFor(snapshot, new RouteAudience { Namespace = "web", Labels = batch }));
    }

    [Fact]
    public void Callers_that_no_rule_sets_apart_share_one_object()
    {
        var snapshot = With(Rule(Limit(2)) + Rule(Limit(3), "web"));

        Assert.Same(snapshot.Clusters[Name], snapshot.FindDestination(XdsTypeUrls.Cluster, Name, RouteAudience.Of("bank")));
        Assert.Same(snapshot.FindDestination(XdsTypeUrls.Cluster, Name, RouteAudience.Of("web")), snapshot.FindDestination(XdsTypeUrls.Cluster, Name, RouteAudience.Of("web")));
    }

    [Fact]
    public void Settings_of_a_port_take_the_place_of_the_host_s_as_a_whole()
    {
        const string service = """
            apiVersion: v1
            kind: Service
            metadata: { name: catalog, namespace: shop }
            spec: { ports: [{ name: http, port: 80 }, { name: grpc, port: 81 }] }
            ---

            """;
        var snapshot = With(service + Rule("""
            { host: catalog, trafficPolicy: { connectionPool: { http: { http2MaxRequests: 5 } }, outlierDetection: {}, retryBudget: { percent: 30 },
              portLevelSettings: [{ port: { number: 81 }, loadBalancer: { simple: RANDOM } }] },
              subsets: [{ name: v1, trafficPolicy: { connectionPool: { http: { http2MaxRequests: 6 } } } }] }
            """));

        var port = snapshot.Cluster("outbound|81||catalog.shop.svc.cluster.local");
        Assert.Equal((uint.MaxValue, null, 30d), (port.CircuitBreakers.Thresholds[0].MaxRequests ?? 0, port.OutlierDetection, port.CircuitBreakers.Thresholds[0].RetryBudget.BudgetPercent.Value));
        Assert.Equal(["random", "round_robin"], PoliciesOf(port));
        var subset = snapshot.Cluster("outbound|81|v1|catalog.shop.svc.cluster.local");
        Assert.Equal((5u, 6u), (snapshot.Cluster().CircuitBreakers.Thresholds[0].MaxRequests ?? 0, subset.CircuitBreakers.Thresholds[0].MaxRequests ?? 0));
        Assert.Equal(["least_request", "round_robin"], PoliciesOf(snapshot.Cluster()));
        Assert.Equal(["random", "round_robin"], PoliciesOf(subset));
    }

    [Fact]
    public void Connections_are_kept_as_the_rule_says()
    {
        var cluster = With(Rule("""
            { host: catalog, trafficPolicy: { connectionPool: {
              tcp: { maxConnectionDuration: 1h, tcpKeepalive: { probes: 3, time: 60s, interval: 10s } },
              http: { maxRequestsPerConnection: 7, maxConcurrentStreams: 8, idleTimeout: 5m, http2KeepAlive: { interval: 15s, timeout: 5s } } } } }
            """)).Cluster();

        var options = Assert.Single(cluster.TypedExtensionProtocolOptions).Value.Unpack<HttpProtocolOptions>();
        Assert.Equal((7u, TimeSpan.FromMinutes(5), TimeSpan.FromHours(1)), (options.CommonHttpProtocolOptions.MaxRequestsPerConnection ?? 0, options.CommonHttpProtocolOptions.IdleTimeout.ToTimeSpan(), options.CommonHttpProtocolOptions.MaxConnectionDuration.ToTimeSpan()));
        var http2 = options.ExplicitHttpConfig.Http2ProtocolOptions;
        Assert.Equal((8u, TimeSpan.FromSeconds(15), TimeSpan.FromSeconds(5)), (http2.MaxConcurrentStreams ?? 0, http2.ConnectionKeepalive.Interval.ToTimeSpan(), http2.ConnectionKeepalive.Timeout.ToTimeSpan()));
        var probes = cluster.UpstreamConnectionOptions.TcpKeepalive;
        Assert.Equal((3u, 60u, 10u), (probes.KeepaliveProbes ?? 0, probes.KeepaliveTime ?? 0, probes.KeepaliveInterval ?? 0));
    }

    [Theory]
    [InlineData("h2UpgradePolicy: UPGRADE", "ExplicitHttpConfig", true)]
    [InlineData("h2UpgradePolicy: DO_NOT_UPGRADE, idleTimeout: 1s", "ExplicitHttpConfig", false)]
    [InlineData("useClientProtocol: true, h2UpgradePolicy: UPGRADE", "UseDownstreamProtocolConfig", false)]
    public void The_version_of_HTTP_is_the_rule_s(string http, string expected, bool isHttp2)
    {
        var options = Assert.Single(With(Rule($"{{ host: catalog, trafficPolicy: {{ connectionPool: {{ http: {{ {http} }} }} }} }}")).Cluster().TypedExtensionProtocolOptions).Value.Unpack<HttpProtocolOptions>();

        Assert.Equal((expected, isHttp2), (options.UpstreamProtocolOptionsCase.ToString(), options.ExplicitHttpConfig?.Http2ProtocolOptions is not null));
    }

    [Fact]
    public void Panic_and_local_failures_are_the_rule_s()
    {
        var cluster = With(Rule("{ host: catalog, trafficPolicy: { outlierDetection: { minHealthPercent: 40, splitExternalLocalOriginErrors: true, consecutiveLocalOriginFailures: 7 } } }")).Cluster();

        Assert.Equal(40, cluster.CommonLbConfig.HealthyPanicThreshold.Value);
        Assert.True(cluster.OutlierDetection.SplitExternalLocalOriginErrors);
        Assert.Equal((7u, 100u), (cluster.OutlierDetection.ConsecutiveLocalOriginFailure ?? 0, cluster.OutlierDetection.EnforcingConsecutiveLocalOriginFailure ?? 0));
    }

    [Theory]
    [InlineData("httpHeaderName: x-user", "ring_hash", "{ \"header\": { \"headerName\": \"x-user\" } }")]
    [InlineData("httpQueryParameterName: user, maglev: { tableSize: 65537 }", "maglev,ring_hash", "{ \"queryParameter\": { \"name\": \"user\" } }")]
    [InlineData("httpCookie: { name: c, path: /, ttl: 0s }, ringHash: { minimumRingSize: 8192 }", "ring_hash", "{ \"cookie\": { \"name\": \"c\", \"ttl\": \"0s\", \"path\": \"/\" } }")]
    [InlineData("useSourceIp: true", "ring_hash", "{ \"connectionProperties\": { \"sourceIp\": true } }")]
    public void What_is_hashed_stands_on_every_route_to_the_host(string hash, string balancers, string policy)
    {
        var snapshot = With(Rule($"{{ host: catalog, trafficPolicy: {{ loadBalancer: {{ consistentHash: {{ {hash} }} }} }} }}"));

        Assert.Equal([.. balancers.Split(','), "round_robin"], PoliciesOf(snapshot.Cluster()));
        Assert.Equal(Cluster.Types.LbPolicy.RingHash, snapshot.Cluster().LbPolicy);
        Assert.Equal(policy, Assert.Single(Assert.Single(snapshot.VirtualHost().Routes).Route_.HashPolicy).ToString());
    }

    [Fact]
    public void What_is_hashed_depends_on_the_caller_where_the_rule_does()
    {
        var snapshot = With(Rule("{ host: catalog.shop, trafficPolicy: { loadBalancer: { consistentHash: { httpHeaderName: x-user } } } }", "web"));

        Assert.Empty(Assert.Single(snapshot.VirtualHost().Routes).Route_.HashPolicy);
        var name = snapshot.RouteNameFor("catalog.shop.svc.cluster.local:80", RouteAudience.Of("web"));
        Assert.True(snapshot.TryGet(XdsTypeUrls.RouteConfiguration, name, out var variant));
        Assert.Equal("x-user", Envoy.Config.Route.V3.RouteConfiguration.Parser.ParseFrom(variant.Bytes).VirtualHosts[0].Routes[0].Route_.HashPolicy[0].Header.HeaderName);
    }

    [Fact]
    public void Shares_of_places_need_a_policy_that_looks_at_them()
    {
        var cluster = With(Rule("{ host: catalog, trafficPolicy: { loadBalancer: { localityLbSetting: { distribute: [{ from: eu, to: { eu: 80, us: 20 } }] } } } }")).Cluster();

        Assert.Equal(["wrr_locality", "least_request", "round_robin"], PoliciesOf(cluster));
        Assert.Equal(2, cluster.LoadBalancingPolicy.Policies[0].TypedExtensionConfig.TypedConfig.Unpack<WrrLocality>().EndpointPickingPolicy.Policies.Count);
    }

    [Fact]
    public void New_endpoints_warm_up_and_zones_count()
    {
        var least = With(Rule("{ host: catalog, trafficPolicy: { loadBalancer: { warmup: { duration: 60s, minimumPercent: 5, aggression: 2 }, zoneAwareLbSetting: { enabled: true, minClusterSize: 3 } } } }"))
            .Cluster().LoadBalancingPolicy.Policies[0].TypedExtensionConfig.TypedConfig.Unpack<LeastRequest>();

        Assert.Equal((TimeSpan.FromSeconds(60), 5d, 2d), (least.SlowStartConfig.SlowStartWindow.ToTimeSpan(), least.SlowStartConfig.MinWeightPercent.Value, least.SlowStartConfig.Aggression.DefaultValue));
        Assert.Equal(3ul, least.LocalityLbConfig.ZoneAwareLbConfig.MinClusterSize);
    }

    [Theory]
    [InlineData("loadBalancer: { peakEwma: { decay: 5s } }", "peak_ewma,least_request,round_robin")]
    [InlineData("loadBalancer: { weightedRoundRobin: { blackoutPeriod: 1s } }", "client_side_weighted_round_robin,least_request,round_robin")]
    [InlineData("loadBalancer: { pickFirst: { shuffle: true } }", "pick_first,round_robin")]
    [InlineData("subsetSize: 3", "random_subsetting,ring_hash,round_robin")]
    public void A_MeshTrafficPolicy_picks_before_a_DestinationRule(string spec, string balancers)
        => Assert.Equal(balancers.Split(','), PoliciesOf(With(Policy(spec) + Rule("{ host: catalog, trafficPolicy: { loadBalancer: { consistentHash: { useSourceIp: true } } } }")).Cluster()));

    [Fact]
    public void A_part_of_the_endpoints_is_picked_from_as_all_would_be()
    {
        var subsetting = With(Policy("subsetSize: 3")).Cluster().LoadBalancingPolicy.Policies[0].TypedExtensionConfig.TypedConfig.Unpack<RandomSubsetting>();

        Assert.Equal((3u, 2), (subsetting.SubsetSize ?? 0, subsetting.ChildPolicy.Policies.Count));
    }

    [Fact]
    public void Detectors_and_health_checks_of_a_MeshTrafficPolicy_stand_beside_a_rule_s()
    {
        var cluster = With(Policy("outlierDetection: { successRate: { stdevFactor: 1500 }, failurePercentage: { threshold: 50 } }, healthCheck: { grpc: { service: shop.Catalog }, interval: 3s }")).Cluster();

        Assert.Equal((1500u, 100u, 50u, 100u, 0u), (cluster.OutlierDetection.SuccessRateStdevFactor ?? 0, cluster.OutlierDetection.EnforcingSuccessRate ?? 0, cluster.OutlierDetection.FailurePercentageThreshold ?? 0, cluster.OutlierDetection.EnforcingFailurePercentage ?? 0, cluster.OutlierDetection.EnforcingConsecutive5Xx ?? 100));
        var check = Assert.Single(cluster.HealthChecks);
        Assert.Equal(("shop.Catalog", TimeSpan.FromSeconds(3)), (check.GrpcHealthCheck.ServiceName, check.Interval.ToTimeSpan()));
    }

    [Fact]
    public void Attempts_and_sessions_of_a_MeshTrafficPolicy_stand_on_every_route_to_the_host()
    {
        const string route = """
            apiVersion: networking.istio.io/v1
            kind: VirtualService
            metadata: { name: catalog, namespace: shop }
            spec: { hosts: [catalog], http: [{ retries: { attempts: 2, retryOn: 5xx }, route: [{ destination: { host: catalog } }] }] }
            ---

            """;
        var snapshot = With(route + Policy("hedging: { maxAttempts: 3, delay: 20ms, nonFatalGrpcStatuses: [UNAVAILABLE] }, sessionAffinity: { cookie: { name: s }, strict: true }, rateLimitedBackOff: { resetHeaders: [{ name: retry-after }] }"));

        var made = Assert.Single(snapshot.VirtualHost().Routes);
        var hedging = made.TypedPerFilterConfig["proxylessmesh.hedging"].Unpack<Envoy.Config.Route.V3.FilterConfig>();
        Assert.True(hedging.IsOptional);
        Assert.Equal((3u, 14u), (hedging.Config.Unpack<Protos.V1.Hedging>().MaxAttempts, hedging.Config.Unpack<Protos.V1.Hedging>().NonFatalGrpcStatuses[0]));
        Assert.Contains("envoy.filters.http.stateful_session", made.TypedPerFilterConfig.Keys);
        Assert.Equal("retry-after", Assert.Single(made.Route_.RetryPolicy.RateLimitedRetryBackOff.ResetHeaders).Name);
    }
}
