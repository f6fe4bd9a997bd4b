using System.Net;
using Envoy.Config.Cluster.V3;
using Envoy.Config.Core.V3;
using Envoy.Config.Endpoint.V3;
using Envoy.Extensions.Clusters.Dns.V3;
using Envoy.Extensions.TransportSockets.Tls.V3;
using Google.Protobuf.WellKnownTypes;
using ProxylessMesh.TestSupport;
using ProxylessMesh.Xds.Client;
using ProxylessMesh.Xds.Resources;
using AggregateConfig = Envoy.Extensions.Clusters.Aggregate.V3.ClusterConfig;
using Discovery = Envoy.Config.Cluster.V3.Cluster.Types.DiscoveryType;
using HttpOptions = Envoy.Extensions.Upstreams.Http.V3.HttpProtocolOptions;

namespace ProxylessMesh.Xds.Tests.Resources;

/// <summary>Where endpoints come from and how they are treated: each field as it arrives, and each value that is refused.</summary>
public class ClusterDecoderTests
{
    private static readonly Dictionary<string, Action<Cluster>> Bad = new(StringComparer.Ordinal)
    {
        { "cluster_type.clusters is missing", c => Aggregate(c) },
        { "cluster_type.clusters[1] = \"\"", c => Aggregate(c, "a", "") },
        { "cluster_type.typed_config.type_url = type.googleapis.com/google.protobuf.Empty", c => c.ClusterType = new() { TypedConfig = Any.Pack(new Empty()) } },
        { "clusters[orders].load_assignment is missing", c => c.Type = Discovery.StrictDns },
        { "endpoints = 2; must be one locality with one endpoint", c => Dns(c, Discovery.LogicalDns, "a", "b") },
        { "socket_address.address = a b; must be a host name", c => Dns(c, Discovery.StrictDns, "a b") },
        { "port_value = 0; must be a port number, 1 to 65535", c => Dns(c, Discovery.StrictDns, "a").LoadAssignment.Endpoints[0].LbEndpoints[0].Endpoint.Address.SocketAddress.PortValue = 0 },
        { "dns_refresh_rate = 0s", c => Dns(c, Discovery.StrictDns, "a").DnsRefreshRate = new() },
        { "dns_lookup_family = 9", c => Dns(c, Discovery.StrictDns, "a").DnsLookupFamily = (Cluster.Types.DnsLookupFamily)9 },
        { "load_assignment.endpoints = priorities 3", c => Dns(c, Discovery.StrictDns, "a").LoadAssignment.Endpoints[0].Priority = 3 },
        { "outlier_detection.enforcing_local_origin_success_rate = 101", c => c.OutlierDetection = new() { EnforcingLocalOriginSuccessRate = 101 } },
        { "outlier_detection.failure_percentage_threshold = 101", c => c.OutlierDetection = new() { FailurePercentageThreshold = 101 } },
        { "outlier_detection.max_ejection_time_jitter = -1s", c => c.OutlierDetection = new() { MaxEjectionTimeJitter = new() { Seconds = -1 } } },
        { "outlier_detection.monitors = m", c => c.OutlierDetection = new() { Monitors = { new TypedExtensionConfig { Name = "m" } } } },
        { "health_checks[0]: has no health_checker", c => c.HealthChecks.Add(Check()) },
        { "health_checks[0].timeout is missing", c => c.HealthChecks.Add(new HealthCheck { TcpHealthCheck = new() }) },
        { "health_checks[0].unhealthy_threshold is missing", c => c.HealthChecks.Add(new HealthCheck { TcpHealthCheck = new() }) },
        { "health_checks[0].http_health_check.path = health", c => c.HealthChecks.Add(Check(h => h.HttpHealthCheck = new() { Path = "health" })) },
        { "http_health_check.expected_statuses = 500 to 500", c => c.HealthChecks.Add(Check(h => h.HttpHealthCheck = new() { Path = "/", ExpectedStatuses = { new Envoy.Type.V3.Int64Range { Start = 500, End = 500 } } })) },
        { "http_health_check.method = Post", c => c.HealthChecks.Add(Check(h => h.HttpHealthCheck = new() { Path = "/", Method = RequestMethod.Post })) },
        { "tcp_health_check.send = set", c => c.HealthChecks.Add(Check(h => h.TcpHealthCheck = new() { Send = new() })) },
        { "alt_port = set", c => c.HealthChecks.Add(Check(h => (h.TcpHealthCheck, h.AltPort) = (new(), 1))) },
        { "connection_keepalive.timeout is missing", c => c.Http2ProtocolOptions = new() { ConnectionKeepalive = new() } },
        { "max_concurrent_streams = 0", c => c.Http2ProtocolOptions = new() { MaxConcurrentStreams = 0 } },
        { "common_http_protocol_options.idle_timeout = -1s", c => c.CommonHttpProtocolOptions = new() { IdleTimeout = new() { Seconds = -1 } } },
        { "validation_context.trusted_ca = Filename; must be inline", c => Tls(c, v => v.TrustedCa = new() { Filename = "/ca.pem" }) },
        { "validation_context.trusted_ca = its text; must have at least one certificate", c => Tls(c, v => v.TrustedCa = new() { InlineString = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----" }) },
    };

    public static TheoryData<string> BadClusters => [.. Bad.Keys];

    [Theory]
    [MemberData(nameof(BadClusters))]
    public void Cluster_is_refused(string expected)
    {
        var wire = XdsResources.Cluster();
        Bad[expected](wire);

        Assert.Contains(expected, DecoderTests.Decode(ResourceType.Clusters, wire).Error, StringComparison.Ordinal);
    }

    [Fact]
    public void Aggregate_cluster_names_those_underneath_and_needs_no_policy()
    {
        var cluster = Decode(c => Aggregate(c, "a", "b").LbPolicy = Cluster.Types.LbPolicy.ClusterProvided);

        Assert.Equal(ClusterDiscovery.Aggregate, cluster.Discovery);
        Assert.Equal(["a", "b"], cluster.AggregateOf);
    }

    [Fact]
    public void Strict_dns_cluster_has_its_names_with_their_localities_and_endpoints()
    {
        var cluster = Decode(c =>
        {
            var assignment = Dns(c, Discovery.StrictDns, "a.example", "b.example").LoadAssignment;
            assignment.Policy = new() { OverprovisioningFactor = 140 };
            assignment.Endpoints[0].Locality = new() { Region = "eu" };
            assignment.Endpoints[0].LbEndpoints[0].Endpoint.Hostname = "front.example";
            assignment.Endpoints[0].LbEndpoints[0].LoadBalancingWeight = 5;
            assignment.Endpoints[1].Priority = 1;
            (c.DnsRefreshRate, c.DnsLookupFamily) = (new() { Seconds = 7 }, Cluster.Types.DnsLookupFamily.V4Preferred);
        });

        Assert.Equal((ClusterDiscovery.StrictDns, TimeSpan.FromSeconds(7), DnsFamily.V4Preferred, 140u), (cluster.Discovery, cluster.Dns!.RefreshRate, cluster.Dns.Family, cluster.Dns.OverprovisioningFactor));
        Assert.Equal([("a.example", 443, "eu", 0, "front.example", 5u), ("b.example", 443, "", 1, "b.example", 1u)],
            cluster.Dns.Names.Select(static name => (name.Host, name.Port, name.Locality.Region, name.Locality.Priority, name.Template.Hostname, name.Template.Weight)));
    }

    [Theory]
    [InlineData("envoy.cluster.dns", DnsCluster.Types.DnsDiscoveryType.Strict, false)]
    [InlineData("envoy.cluster.dns", DnsCluster.Types.DnsDiscoveryType.Logical, true)]
    [InlineData("envoy.cluster.logical_dns", DnsCluster.Types.DnsDiscoveryType.Strict, true)]
    [InlineData("envoy.cluster.strict_dns", DnsCluster.Types.DnsDiscoveryType.Logical, false)]
    internal void Dns_cluster_of_the_extension_is_one_of_both_kinds(string name, DnsCluster.Types.DnsDiscoveryType type, bool logical)
    {
        var cluster = Decode(c =>
        {
            Dns(c, Discovery.LogicalDns, "a.example");
            c.ClusterType = new()
            {
                Name = name,
                TypedConfig = Any.Pack(new DnsCluster { DnsDiscoveryType = type, DnsRefreshRate = new() { Seconds = 9 }, DnsLookupFamily = Envoy.Extensions.Clusters.Common.Dns.V3.DnsLookupFamily.All }),
            };
        });

        Assert.Equal((logical ? ClusterDiscovery.LogicalDns : ClusterDiscovery.StrictDns, TimeSpan.FromSeconds(9), DnsFamily.All), (cluster.Discovery, cluster.Dns!.RefreshRate, cluster.Dns.Family));
    }

    [Fact]
    public void Endpoints_of_a_static_cluster_need_neither_localities_nor_weights()
    {
        var cluster = Decode(c =>
        {
            c.Type = Discovery.Static;
            c.LoadAssignment = XdsResources.Endpoints();
            (c.LoadAssignment.Endpoints[0].Locality, c.LoadAssignment.Endpoints[0].LoadBalancingWeight) = (null, null);
        });

        Assert.Single(Assert.Single(cluster.InlineEndpoints!.Localities).Endpoints);
    }

    [Fact]
    public void Outlier_detection_has_all_five_detectors()
    {
        var outlier = Decode(c => c.OutlierDetection = new()
        {
            SplitExternalLocalOriginErrors = true,
            ConsecutiveLocalOriginFailure = 2,
            EnforcingConsecutive5Xx = 40,
            EnforcingConsecutiveGatewayFailure = 50,
            EnforcingConsecutiveLocalOriginFailure = 60,
            SuccessRateMinimumHosts = 3,
            SuccessRateRequestVolume = 4,
            SuccessRateStdevFactor = 1000,
            EnforcingSuccessRate = 70,
            EnforcingLocalOriginSuccessRate = 71,
            FailurePercentageThreshold = 80,
            FailurePercentageMinimumHosts = 6,
            FailurePercentageRequestVolume = 7,
            EnforcingFailurePercentage = 90,
            EnforcingFailurePercentageLocalOrigin = 91,
            MaxEjectionTimeJitter = new() { Seconds = 2 },
            AlwaysEjectOneHost = true,
            SuccessfulActiveHealthCheckUnejectHost = false,
        }).OutlierDetection;

        Assert.Equal(
            new OutlierDetectionConfig
            {
                SplitLocalOriginErrors = true,
                Consecutive5xx = 5,
                ConsecutiveGatewayFailure = 5,
                ConsecutiveLocalOriginFailure = 2,
                EnforcingConsecutive5xx = 40,
                EnforcingConsecutiveGatewayFailure = 50,
                EnforcingConsecutiveLocalOriginFailure = 60,
                SuccessRate = new() { MinimumHosts = 3, RequestVolume = 4, StdevFactor = 1000, EnforcingPercent = 70, EnforcingLocalOriginPercent = 71 },
                FailurePercentage = new() { Threshold = 80, MinimumHosts = 6, RequestVolume = 7, EnforcingPercent = 90, EnforcingLocalOriginPercent = 91 },
                MaxEjectionTimeJitter = TimeSpan.FromSeconds(2),
                AlwaysEjectOneHost = true,
                SuccessfulActiveHealthCheckUnejects = false,
            },
            outlier);
    }

    [Fact]
    public void Detector_that_enforces_nothing_is_off()
    {
        var outlier = Decode(c => c.OutlierDetection = new() { EnforcingConsecutive5Xx = 0, EnforcingSuccessRate = 0 }).OutlierDetection!;

        Assert.Equal((null, null, null), (outlier.Consecutive5xx, outlier.SuccessRate, outlier.FailurePercentage));
    }

    [Fact]
    public void Circuit_breakers_of_both_priorities_and_the_retry_budget_are_read()
    {
        var cluster = Decode(c => c.CircuitBreakers = new()
        {
            Thresholds =
            {
                new CircuitBreakers.Types.Thresholds { MaxConnections = 1, MaxPendingRequests = 2, MaxRequests = 3, MaxRetries = 4 },
                new CircuitBreakers.Types.Thresholds { Priority = RoutingPriority.High, MaxRequests = 9, RetryBudget = new() { BudgetPercent = new() { Value = 33 }, MinRetryConcurrency = 8 } },
            },
        });

        Assert.Equal(new CircuitBreakerConfig { MaxConnections = 1, MaxPendingRequests = 2, MaxRequests = 3, MaxRetries = 4 }, cluster.CircuitBreaker);
        Assert.Equal(new CircuitBreakerConfig { MaxRequests = 9, HasRetryBudget = true, RetryBudgetPercent = 33, RetryBudgetMinConcurrency = 8 }, cluster.HighPriorityCircuitBreaker);
    }

    [Fact]
    public void Health_checks_of_each_kind_are_read()
    {
        var checks = Decode(c => c.HealthChecks.Add(
        [
            Check(h => (h.HttpHealthCheck, h.IntervalJitter, h.IntervalJitterPercent) = (new() { Path = "/ready", Host = "h", ExpectedStatuses = { new Envoy.Type.V3.Int64Range { Start = 200, End = 300 } } }, new() { Seconds = 1 }, 50)),
            Check(h => h.GrpcHealthCheck = new() { ServiceName = "s", Authority = "a" }),
            Check(h => h.TcpHealthCheck = new()),
        ])).HealthChecks;

        Assert.Equal([HealthCheckKind.Http, HealthCheckKind.Grpc, HealthCheckKind.Tcp], checks.Select(static check => check.Kind));
        Assert.Equal(("/ready", "h", TimeSpan.FromSeconds(3)), (checks[0].Path, checks[0].Host, checks[0].IntervalJitter));
        Assert.Equal([(200, 300)], checks[0].ExpectedStatuses);
        Assert.Equal(("s", "a"), (checks[1].GrpcService, checks[1].Host));
        Assert.All(checks, static check => Assert.Equal((2, 3, TimeSpan.FromSeconds(2), TimeSpan.FromSeconds(4)), (check.HealthyThreshold, check.UnhealthyThreshold, check.Timeout, check.Interval)));
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void Connection_limits_and_keep_alive_are_read_in_the_new_form_and_the_old(bool newForm)
    {
        var common = new HttpProtocolOptions { IdleTimeout = new(), MaxConnectionDuration = new() { Seconds = 60 }, MaxRequestsPerConnection = 100 };
        var http2 = new Http2ProtocolOptions { MaxConcurrentStreams = 50, ConnectionKeepalive = new() { Interval = new() { Seconds = 30 }, Timeout = new() { Seconds = 5 } } };
        var cluster = Decode(c =>
        {
            c.UpstreamConnectionOptions = new() { TcpKeepalive = new() { KeepaliveProbes = 3, KeepaliveTime = 10, KeepaliveInterval = 2 } };
            if (newForm)
            {
                c.TypedExtensionProtocolOptions["envoy.extensions.upstreams.http.v3.HttpProtocolOptions"] = Any.Pack(new HttpOptions { CommonHttpProtocolOptions = common, ExplicitHttpConfig = new() { Http2ProtocolOptions = http2 } });
            }
            else
            {
                (c.CommonHttpProtocolOptions, c.Http2ProtocolOptions) = (common, http2);
            }
        });

        Assert.True(cluster.Http2);
        Assert.Equal(
            new ConnectionConfig
            {
                IdleTimeout = Timeout.InfiniteTimeSpan,
                MaxConnectionDuration = TimeSpan.FromMinutes(1),
                MaxRequestsPerConnection = 100,
                MaxConcurrentStreams = 50,
                KeepAliveInterval = TimeSpan.FromSeconds(30),
                KeepAliveTimeout = TimeSpan.FromSeconds(5),
                TcpKeepAlive = new TcpKeepAliveConfig(3, TimeSpan.FromSeconds(10), TimeSpan.FromSeconds(2)),
            },
            cluster.Connection);
    }

    [Fact]
    public void Servers_outside_of_the_mesh_are_checked_by_the_systems_roots_or_by_given_ones()
    {
        var pem = TestCa.Create().Root.ExportCertificatePem();
        var system = Decode(c => Tls(c, v => v.SystemRootCerts = new())).Tls!;
        var given = Decode(c => Tls(c, v => v.TrustedCa = new() { InlineString = pem })).Tls!;
        var provider = Decode(c => Tls(c, v => (v.SystemRootCerts, v.CaCertificateProviderInstance) = (new(), new() { InstanceName = "default" }))).Tls!;

        Assert.Equal((true, false, null, null), (system.UsesSystemRoots, system.IsMesh, system.RootProvider, system.TrustedCaPem));
        Assert.Equal((false, false, pem), (given.UsesSystemRoots, given.IsMesh, given.TrustedCaPem));
        Assert.Equal((false, true, "default"), (provider.UsesSystemRoots, provider.IsMesh, provider.RootProvider));
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void Sni_may_come_from_the_host_in_either_of_the_two_forms(bool ofTls)
    {
        var tls = Decode(c =>
        {
            var context = Tls(c, v => v.SystemRootCerts = new());
            (context.AutoHostSni, context.AutoSniSanValidation) = (ofTls, ofTls);
            c.TransportSocket = DecoderTests.Tls(context);
            c.UpstreamHttpProtocolOptions = ofTls ? null : new() { AutoSni = true, AutoSanValidation = true };
        }).Tls!;

        Assert.Equal((true, true), (tls.AutoHostSni, tls.AutoSniSanValidation));
    }

    [Fact]
    public void Endpoint_has_its_other_addresses_its_name_its_hash_key_and_the_factor()
    {
        var wire = XdsResources.Endpoints();
        wire.Policy = new() { OverprovisioningFactor = 140 };
        var endpoint = wire.Endpoints[0].LbEndpoints[0];
        endpoint.Endpoint.Hostname = "pod-1";
        endpoint.Endpoint.AdditionalAddresses.Add(new Endpoint.Types.AdditionalAddress { Address = XdsResources.Address("fd00::1", 8080) });
        endpoint.Metadata = new Metadata { FilterMetadata = { ["envoy.lb"] = new Struct { Fields = { ["hash_key"] = Value.ForString("stateful-0") } } } };

        var endpoints = DecoderTests.Accepted<EndpointsConfig>(ResourceType.Endpoints, wire);

        var decoded = endpoints.Localities[0].Endpoints[0];
        Assert.Equal((140u, "pod-1", "stateful-0"), (endpoints.OverprovisioningFactor, decoded.Hostname, decoded.HashKey));
        Assert.Equal([new IPEndPoint(IPAddress.Parse("fd00::1"), 8080)], decoded.AdditionalAddresses);
    }

    [Fact]
    public void Factor_below_100_percent_is_refused()
    {
        var wire = XdsResources.Endpoints();
        wire.Policy = new() { OverprovisioningFactor = 99 };

        Assert.Contains("policy.overprovisioning_factor = 99; must be >= 100", DecoderTests.Decode(ResourceType.Endpoints, wire).Error, StringComparison.Ordinal);
    }

    private static ClusterConfig Decode(Action<Cluster> change)
    {
        var wire = XdsResources.Cluster();
        change(wire);
        return DecoderTests.Accepted<ClusterConfig>(ResourceType.Clusters, wire);
    }

    private static Cluster Aggregate(Cluster cluster, params string[] names)
    {
        cluster.ClusterType = new() { Name = "envoy.clusters.aggregate", TypedConfig = Any.Pack(new AggregateConfig { Clusters = { names } }) };
        return cluster;
    }

    private static Cluster Dns(Cluster cluster, Discovery type, params string[] names)
    {
        cluster.Type = type;
        cluster.LoadAssignment = new()
        {
            ClusterName = cluster.Name,
            Endpoints = { names.Select(static name => new LocalityLbEndpoints { LbEndpoints = { new LbEndpoint { Endpoint = new() { Address = XdsResources.Address(name, 443) } } } }) },
        };
        return cluster;
    }

    private static UpstreamTlsContext Tls(Cluster cluster, Action<CertificateValidationContext> change)
    {
        var validation = new CertificateValidationContext();
        change(validation);
        var context = new UpstreamTlsContext { CommonTlsContext = new() { ValidationContext = validation } };
        cluster.TransportSocket = DecoderTests.Tls(context);
        return context;
    }

    private static HealthCheck Check(Action<HealthCheck>? change = null)
    {
        var check = new HealthCheck { Timeout = new() { Seconds = 2 }, Interval = new() { Seconds = 4 }, HealthyThreshold = 2, UnhealthyThreshold = 3 };
        change?.Invoke(check);
        return check;
    }
}
