using System.Collections.Frozen;
using Envoy.Config.Cluster.V3;
using Envoy.Config.Core.V3;
using Envoy.Config.Endpoint.V3;
using Envoy.Config.Listener.V3;
using Envoy.Config.Route.V3;
using Envoy.Extensions.LoadBalancingPolicies.LeastRequest.V3;
using Envoy.Extensions.LoadBalancingPolicies.WrrLocality.V3;
using Envoy.Extensions.TransportSockets.Tls.V3;
using Envoy.Type.V3;
using Google.Protobuf;
using Google.Protobuf.WellKnownTypes;
using ProxylessMesh.Xds.Client;
using ProxylessMesh.Xds.Resources;
using Match = Envoy.Config.Route.V3.RouteMatch;

namespace ProxylessMesh.Xds.Tests.Resources;

/// <summary>One small change of a valid resource each: what it becomes, or the field that is refused.</summary>
public class DecoderTests
{
    private static readonly FrozenSet<string> Providers = FrozenSet.Create(StringComparer.Ordinal, "default");

    private static readonly Dictionary<string, Action<Cluster>> ClusterChanges = new(StringComparer.Ordinal)
    {
        { "clusters[orders].type = OriginalDst; is not supported", c => c.Type = Cluster.Types.DiscoveryType.OriginalDst },
        { "clusters[orders].load_assignment is missing", c => c.Type = Cluster.Types.DiscoveryType.Static },
        { "clusters[orders].eds_cluster_config.eds_config = unset; must be ads or self", c => c.EdsClusterConfig = null },
        { "clusters[orders].lb_policy = ClusterProvided", c => c.LbPolicy = Cluster.Types.LbPolicy.ClusterProvided },
        { "choice_count = 1; must be >= 2", c => (c.LbPolicy, c.LeastRequestLbConfig) = (Cluster.Types.LbPolicy.LeastRequest, new() { ChoiceCount = 1 }) },
        { "clusters[orders].outlier_detection.max_ejection_percent = 101; must be <= 100", c => c.OutlierDetection = new() { MaxEjectionPercent = 101 } },
        { "clusters[orders].outlier_detection.interval = 0s; must be > 0", c => c.OutlierDetection = new() { Interval = new Duration() } },
        { "is outside the range of a duration", c => c.OutlierDetection = new() { Interval = new Duration { Seconds = long.MinValue } } },
        { "budget_percent = NaN; must be 0 to 100", c => c.CircuitBreakers = new() { Thresholds = { new CircuitBreakers.Types.Thresholds { RetryBudget = new() { BudgetPercent = new Percent { Value = double.NaN } } } } } },
        { "transport_socket.name = tls; must be envoy.transport_sockets.tls", c => c.TransportSocket = new() { Name = "tls" } },
        { "common_tls_context is missing", c => c.TransportSocket = Tls(new UpstreamTlsContext()) },
        { "validation_context.ca_certificate_provider_instance is missing", c => c.TransportSocket = Tls(new UpstreamTlsContext { CommonTlsContext = new() }) },
        { "instance_name = elsewhere; is not among certificate_providers", c => c.TransportSocket = Tls(Upstream(v => v.CaCertificateProviderInstance.InstanceName = "elsewhere")) },
        { "tls_params.cipher_suites = set; is not supported", c => c.TransportSocket = Tls(Upstream(new TlsParameters { CipherSuites = { "ECDHE-ECDSA-AES128-GCM-SHA256" } })) },
        { "tls_params.ecdh_curves = set; is not supported", c => c.TransportSocket = Tls(Upstream(new TlsParameters { EcdhCurves = { "X25519" } })) },
        { "tls_params.signature_algorithms = set; is not supported", c => c.TransportSocket = Tls(Upstream(new TlsParameters { SignatureAlgorithms = { "ed25519" } })) },
        { "tls_params.tls_maximum_protocol_version = Tlsv12; must be TLS_AUTO or TLSv1_3", c => c.TransportSocket = Tls(Upstream(new TlsParameters { TlsMaximumProtocolVersion = TlsParameters.Types.TlsProtocol.Tlsv12 })) },
        { "validation_context.crl = set; is not supported", c => c.TransportSocket = Tls(Upstream(v => v.Crl = new DataSource())) },
        { "validation_context.verify_certificate_hash = set", c => c.TransportSocket = Tls(Upstream(v => v.VerifyCertificateHash.Add("00"))) },
        { "has a field that this version does not know", c => c.TransportSocket = Tls(Upstream(v => v.MergeFrom(new byte[] { 0x62, 0x00 }))) },
        { "match_subject_alt_names[0].safe_regex.regex = (; does not compile", c => c.TransportSocket = Tls(Upstream(v => v.MatchSubjectAltNames.Add(new Envoy.Type.Matcher.V3.StringMatcher { SafeRegex = new() { Regex = "(" } }))) },
        { "nested too deep", c => c.LoadBalancingPolicy = Nested(20) },
    };

    private static readonly Dictionary<string, Action<RouteConfiguration>> RouteChanges = new(StringComparer.Ordinal)
    {
        { "virtual_hosts[host].routes[0].match is missing", r => Rule(r).Match = null },
        { "match: has no path_specifier", r => Rule(r).Match = new Match() },
        { "routes[0]: has no action", r => Rule(r).ClearAction() },
        { "route.cluster = \"\"; must not be empty", r => Rule(r).Route_.Cluster = "" },
        { "route: has no cluster_specifier", r => Rule(r).Route_.ClearClusterSpecifier() },
        { "weighted_clusters.clusters = 0; the sum", r => Rule(r).Route_.WeightedClusters = new() { Clusters = { Weight("a", 0) } } },
        { "weighted_clusters.clusters = 4294967296; the sum", r => Rule(r).Route_.WeightedClusters = new() { Clusters = { Weight("a", uint.MaxValue), Weight("b", 1) } } },
        { "match.safe_regex.regex = (?=a)b; does not compile", r => Rule(r).Match = new Match { SafeRegex = new() { Regex = "(?=a)b" } } },
        { "match.headers[0].name is missing", r => Rule(r).Match.Headers.Add(new Envoy.Config.Route.V3.HeaderMatcher { ExactMatch = "a" }) },
        { "has no header_match_specifier", r => Rule(r).Match.Headers.Add(new Envoy.Config.Route.V3.HeaderMatcher { Name = "a" }) },
        { "range_match.end = 1", r => Rule(r).Match.Headers.Add(new Envoy.Config.Route.V3.HeaderMatcher { Name = "a", RangeMatch = new() { Start = 1, End = 1 } }) },
        { "retry_policy.num_retries = 0; must be >= 1", r => Rule(r).Route_.RetryPolicy = new() { NumRetries = 0 } },
        { "retry_back_off.base_interval is missing", r => Rule(r).Route_.RetryPolicy = new() { RetryBackOff = new() } },
        { "retry_back_off.max_interval", r => Rule(r).Route_.RetryPolicy = new() { RetryBackOff = new() { BaseInterval = new() { Seconds = 2 }, MaxInterval = new() { Seconds = 1 } } } },
        { "max_stream_duration.max_stream_duration = -1s", r => Rule(r).Route_.MaxStreamDuration = new() { MaxStreamDuration_ = new() { Seconds = -1 } } },
        { "domains[1] = a*b; must be a name", r => r.VirtualHosts[0].Domains.Add("a*b") },
        { "domains[1] = *; occurs twice", r => r.VirtualHosts[0].Domains.Add("*") },
        { "typed_per_filter_config[x].type_url", r => Rule(r).TypedPerFilterConfig["x"] = Any.Pack(new Empty()) },
        { "request_headers_to_add[0].header.key = bad name", r => Rule(r).RequestHeadersToAdd.Add(new HeaderValueOption { Header = new() { Key = "bad name" } }) },
        { "request_headers_to_add[0].header.value", r => Rule(r).RequestHeadersToAdd.Add(new HeaderValueOption { Header = new() { Key = "a", Value = "b\r\nc: d" } }) },
        { "cluster_specifier_plugins[0]", r => r.ClusterSpecifierPlugins.Add(new ClusterSpecifierPlugin { Extension = new() { Name = "p" } }) },
    };

    private static readonly Dictionary<string, Action<ClusterLoadAssignment>> EndpointChanges = new(StringComparer.Ordinal)
    {
        { "endpoints[orders].endpoints[0].locality is missing", e => e.Endpoints[0].Locality = null },
        { "lb_endpoints[0].load_balancing_weight = 0; must be >= 1", e => e.Endpoints[0].LbEndpoints[0].LoadBalancingWeight = 0 },
        { "address = example.com; must be an IP address", e => e.Endpoints[0].LbEndpoints[0].Endpoint.Address = XdsResources.Address("example.com", 1) },
        { "port_value = 65536", e => e.Endpoints[0].LbEndpoints[0].Endpoint.Address = XdsResources.Address("10.0.0.1", 65536) },
        { "occurs twice; addresses must differ", e => e.Endpoints[0].LbEndpoints.Add(e.Endpoints[0].LbEndpoints[0]) },
        { "priorities 1; must begin at 0", e => e.Endpoints[0].Priority = 1 },
        { "priorities 2147483647; must begin at 0", e => e.Endpoints[0].Priority = uint.MaxValue },
    };

    public static TheoryData<string> BadClusters => [.. ClusterChanges.Keys];

    public static TheoryData<string> BadRoutes => [.. RouteChanges.Keys];

    public static TheoryData<string> BadEndpoints => [.. EndpointChanges.Keys];

    [Theory]
    [MemberData(nameof(BadClusters))]
    public void Cluster_is_refused(string expected) => Refused(ResourceType.Clusters, XdsResources.Cluster(), ClusterChanges[expected], expected);

    [Theory]
    [MemberData(nameof(BadRoutes))]
    public void Routes_are_refused(string expected) => Refused(ResourceType.Routes, XdsResources.Routes(), RouteChanges[expected], expected);

    [Theory]
    [MemberData(nameof(BadEndpoints))]
    public void Endpoints_are_refused(string expected) => Refused(ResourceType.Endpoints, XdsResources.Endpoints(), EndpointChanges[expected], expected);

    [Fact]
    public void All_mistakes_of_a_resource_are_told_together()
    {
        var cluster = XdsResources.Cluster();
        cluster.OutlierDetection = new() { Interval = new Duration { Seconds = -1 }, MaxEjectionPercent = 200 };
        cluster.LbPolicy = Cluster.Types.LbPolicy.ClusterProvided;

        var error = Decode(ResourceType.Clusters, cluster).Error!;

        Assert.Equal(3, error.Split("; and ").Length);
    }

    [Fact]
    public void Cluster_has_everything_it_says()
    {
        var wire = XdsResources.Cluster("outbound|80||catalog.shop.svc.cluster.local");
        wire.EdsClusterConfig.ServiceName = "eds";
        wire.LoadBalancingPolicy = Policy(new WrrLocality { EndpointPickingPolicy = Policy(new LeastRequest { ChoiceCount = 100 }) });
        wire.CircuitBreakers = new() { Thresholds = { new CircuitBreakers.Types.Thresholds { Priority = RoutingPriority.High, MaxRequests = 1 }, new CircuitBreakers.Types.Thresholds { MaxRequests = 7 } } };
        wire.OutlierDetection = new() { Consecutive5Xx = 3, ConsecutiveGatewayFailure = 4, BaseEjectionTime = new() { Nanos = 10 } };
        wire.TransportSocket = Tls(Upstream(v => v.MatchSubjectAltNames.Add(new Envoy.Type.Matcher.V3.StringMatcher { Exact = "spiffe://mesh.local/ns/shop/sa/catalog" })));
        wire.TypedExtensionProtocolOptions["envoy.extensions.upstreams.http.v3.HttpProtocolOptions"] = Any.Pack(new Envoy.Extensions.Upstreams.Http.V3.HttpProtocolOptions { ExplicitHttpConfig = new() { Http2ProtocolOptions = new() } });

        var cluster = Accepted<ClusterConfig>(ResourceType.Clusters, wire);

        Assert.Equal("eds", cluster.EdsName);
        Assert.Equal(new LoadBalancerConfig { Kind = LoadBalancerKind.LeastRequest, ChoiceCount = 10 }, cluster.LoadBalancer);
        Assert.Equal(7u, cluster.CircuitBreaker.MaxRequests);
        Assert.Equal((3, null, null), (cluster.OutlierDetection!.Consecutive5xx, cluster.OutlierDetection.ConsecutiveGatewayFailure, cluster.OutlierDetection.ConsecutiveLocalOriginFailure));
        Assert.Equal(TimeSpan.FromTicks(1), cluster.OutlierDetection.BaseEjectionTime);
        Assert.True(cluster.Http2);
        Assert.Equal("default", cluster.Tls!.RootProvider);
        Assert.True(cluster.Tls.PeerNames[0].Matches("spiffe://mesh.local/ns/shop/sa/catalog"));
    }

    [Fact]
    public void Outlier_detection_without_fields_ejects_after_five_5xx_as_in_envoy()
    {
        var wire = XdsResources.Cluster();
        wire.OutlierDetection = new();

        Assert.Equal(5, Accepted<ClusterConfig>(ResourceType.Clusters, wire).OutlierDetection!.Consecutive5xx);
    }

    [Fact]
    public void Route_keeps_its_split_without_the_sides_of_weight_zero_and_its_limits()
    {
        var wire = XdsResources.Routes();
        Rule(wire).Route_ = new RouteAction
        {
            WeightedClusters = new() { Clusters = { Weight("a", 1), Weight("never", 0), Weight("b", 3) } },
            Timeout = new() { Seconds = 2 },
            MaxStreamDuration = new() { MaxStreamDuration_ = new() { Seconds = 5 }, GrpcTimeoutHeaderMax = new() },
            RetryPolicy = new() { RetryOn = "5xx, unheard-of ,connect-failure,retriable-status-codes", NumRetries = 2, RetriableStatusCodes = { 429 }, RetryBackOff = new() { BaseInterval = new() { Nanos = 5 } } },
        };

        var action = Assert.IsType<ForwardActionConfig>(Accepted<RouteConfig>(ResourceType.Routes, wire).VirtualHosts[0].Routes[0].Action);

        Assert.Equal([("a", 1u), ("b", 3u)], action.Clusters.Select(static part => (part.Cluster, part.Weight)));
        Assert.Equal((TimeSpan.FromSeconds(2), TimeSpan.Zero), (action.Timeout, action.MaxStreamDuration));
        Assert.Equal(RetryConditions.ServerError | RetryConditions.ConnectFailure | RetryConditions.RetriableStatusCodes, action.Retry!.On);
        Assert.Equal((TimeSpan.FromMilliseconds(1), TimeSpan.FromMilliseconds(10)), (action.Retry.BaseInterval, action.Retry.MaxInterval));
        Assert.Equal([429], action.Retry.StatusCodes);
    }

    [Fact]
    public void Locality_without_weight_gets_no_calls_and_does_not_count_as_a_gap()
    {
        var wire = XdsResources.Endpoints();
        wire.Endpoints.Add(new LocalityLbEndpoints { Locality = new Locality { Region = "us" }, Priority = 7 });
        wire.Endpoints[0].LbEndpoints[0].HealthStatus = HealthStatus.Draining;
        wire.Endpoints[0].LbEndpoints[0].Metadata = new Metadata { FilterMetadata = { ["envoy.transport_socket_match"] = new Struct { Fields = { ["tlsMode"] = Value.ForString("istio") } } } };

        var endpoint = Assert.Single(Assert.Single(Accepted<EndpointsConfig>(ResourceType.Endpoints, wire).Localities).Endpoints);

        Assert.Equal((EndpointHealth.Draining, true), (endpoint.Health, endpoint.MeshTls));
    }

    [Fact]
    public void Server_listener_tells_plaintext_from_tls_and_leaves_out_chains_that_cannot_match()
    {
        var plain = XdsResources.Chain(XdsResources.Hcm());
        plain.FilterChainMatch = new FilterChainMatch { TransportProtocol = "raw_buffer" };
        var tls = XdsResources.Chain(XdsResources.Hcm());
        tls.FilterChainMatch = new FilterChainMatch { TransportProtocol = "tls" };
        tls.TransportSocket = Tls(new DownstreamTlsContext
        {
            RequireClientCertificate = true,
            CommonTlsContext = new()
            {
                TlsCertificateProviderInstance = new() { InstanceName = "default" },
                ValidationContext = new() { CaCertificateProviderInstance = new() { InstanceName = "default" } },
                TlsParams = new() { TlsMinimumProtocolVersion = TlsParameters.Types.TlsProtocol.Tlsv13 },
            },
        });
        var never = XdsResources.Chain(XdsResources.Hcm());
        never.FilterChainMatch = new FilterChainMatch { ServerNames = { "x" } };

        var listener = Accepted<ListenerConfig>(ResourceType.Listeners, XdsResources.ServerListener("inbound", plain, tls, never));

        Assert.Equal([TransportProtocol.RawBuffer, TransportProtocol.Tls], listener.FilterChains.Select(static chain => chain.Transport));
        Assert.Null(listener.FilterChains[0].Tls);
        Assert.True(listener.FilterChains[1].Tls!.RequireClientCertificate);
        Assert.True(listener.FilterChains[1].Tls!.RequiresTls13);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void Two_chains_for_the_same_connections_are_refused_and_two_kinds_are_not(bool same)
    {
        var first = XdsResources.Chain(XdsResources.Hcm());
        first.FilterChainMatch = new FilterChainMatch { SourceType = FilterChainMatch.Types.ConnectionSourceType.External };
        var second = XdsResources.Chain(XdsResources.Hcm());
        second.FilterChainMatch = new FilterChainMatch { SourceType = same ? FilterChainMatch.Types.ConnectionSourceType.External : FilterChainMatch.Types.ConnectionSourceType.Any };

        var decoded = Decode(ResourceType.Listeners, XdsResources.ServerListener("inbound", first, second));

        Assert.Equal(same, decoded.Error is not null);
    }

    internal static DecodedResource Decode(ResourceType type, IMessage message) => type.Decode(message.ToByteString(), Providers);

    internal static T Accepted<T>(ResourceType type, IMessage message)
    {
        var decoded = Decode(type, message);
        Assert.Null(decoded.Error);
        return Assert.IsType<T>(decoded.Config);
    }

    internal static TransportSocket Tls(IMessage context) => new() { Name = "envoy.transport_sockets.tls", TypedConfig = Any.Pack(context) };

    private static void Refused<T>(ResourceType type, T message, Action<T> change, string expected)
        where T : IMessage
    {
        change(message);
        var decoded = Decode(type, message);
        Assert.Null(decoded.Config);
        Assert.Contains(expected, decoded.Error, StringComparison.Ordinal);
    }

    private static UpstreamTlsContext Upstream(Action<CertificateValidationContext> change)
    {
        var validation = new CertificateValidationContext { CaCertificateProviderInstance = new() { InstanceName = "default" } };
        change(validation);
        return new UpstreamTlsContext { CommonTlsContext = new() { ValidationContext = validation } };
    }

    private static UpstreamTlsContext Upstream(TlsParameters parameters)
    {
        var context = Upstream(static _ => { });
        context.CommonTlsContext.TlsParams = parameters;
        return context;
    }

    private static Route Rule(RouteConfiguration routes) => routes.VirtualHosts[0].Routes[0];

    private static WeightedCluster.Types.ClusterWeight Weight(string name, uint weight) => new() { Name = name, Weight = weight };

    private static LoadBalancingPolicy Policy(IMessage config)
        => new() { Policies = { new LoadBalancingPolicy.Types.Policy { TypedExtensionConfig = new() { TypedConfig = Any.Pack(config) } } } };

    private static LoadBalancingPolicy Nested(int depth)
        => Policy(new WrrLocality { EndpointPickingPolicy = depth == 0 ? new() : Nested(depth - 1) });
}
