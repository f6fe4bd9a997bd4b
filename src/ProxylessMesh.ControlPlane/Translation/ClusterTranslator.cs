using System.Collections.Immutable;
using Envoy.Config.Cluster.V3;
using Envoy.Config.Core.V3;
using Envoy.Extensions.LoadBalancingPolicies.LeastRequest.V3;
using Envoy.Extensions.LoadBalancingPolicies.RoundRobin.V3;
using Google.Protobuf;
using Google.Protobuf.WellKnownTypes;
using ProxylessMesh.Manifests.Kinds;

namespace ProxylessMesh.ControlPlane.Translation;

/// <summary>One cluster: how its endpoints are balanced, limited and set aside, and whom to expect there.</summary>
internal static class ClusterTranslator
{
    private const string HttpOptions = "envoy.extensions.upstreams.http.v3.HttpProtocolOptions";

    /// <param name="name">Name of the cluster, and of its endpoints.</param>
    /// <param name="policy">What DestinationRules say.</param>
    /// <param name="identities">Who may answer; empty: plaintext.</param>
    /// <param name="speaksHttp2">The endpoints speak HTTP/2 without being asked.</param>
    public static Cluster Translate(string name, TrafficPolicy policy, ImmutableArray<string> identities, bool speaksHttp2)
    {
        var cluster = new Cluster
        {
            Name = name,
            Type = Cluster.Types.DiscoveryType.Eds,
            EdsClusterConfig = new Cluster.Types.EdsClusterConfig { EdsConfig = ListenerTranslator.Ads },
            CircuitBreakers = CircuitBreakers(policy.ConnectionPool),
            ConnectTimeout = policy.ConnectionPool?.ConnectTimeout?.ToDuration(),
            OutlierDetection = policy.OutlierDetection is { } outlier ? OutlierDetection(outlier) : null,
            TransportSocket = identities.IsEmpty ? null : MeshTls.Upstream(identities),
        };
        Balance(cluster, policy.LoadBalancer ?? SimpleLoadBalancer.LeastRequest);
        if (speaksHttp2)
        {
            cluster.TypedExtensionProtocolOptions.Add(HttpOptions, Any.Pack(new Envoy.Extensions.Upstreams.Http.V3.HttpProtocolOptions
            {
                ExplicitHttpConfig = new Envoy.Extensions.Upstreams.Http.V3.HttpProtocolOptions.Types.ExplicitHttpConfig { Http2ProtocolOptions = new Http2ProtocolOptions() },
            }));
        }

        return cluster;
    }

    // lb_policy is ROUND_ROBIN whatever is asked: a gRPC client that does not read load_balancing_policy knows nothing else, and one
    // that reads it takes the first of the list that it knows (gRFC A52).
    private static void Balance(Cluster cluster, SimpleLoadBalancer balancer)
    {
        cluster.LbPolicy = Cluster.Types.LbPolicy.RoundRobin;
        cluster.LoadBalancingPolicy = new LoadBalancingPolicy();
        switch (balancer)
        {
            case SimpleLoadBalancer.LeastRequest:
                cluster.LoadBalancingPolicy.Policies.Add(Policy("envoy.load_balancing_policies.least_request", new LeastRequest { ChoiceCount = 2 }));
                break;
            case SimpleLoadBalancer.Random:
                cluster.LoadBalancingPolicy.Policies.Add(Policy("envoy.load_balancing_policies.random", new Envoy.Extensions.LoadBalancingPolicies.Random.V3.Random()));
                break;
        }

        cluster.LoadBalancingPolicy.Policies.Add(Policy("envoy.load_balancing_policies.round_robin", new RoundRobin()));
    }

    private static LoadBalancingPolicy.Types.Policy Policy(string name, IMessage config)
        => new() { TypedExtensionConfig = new TypedExtensionConfig { Name = name, TypedConfig = Any.Pack(config) } };

    // Without a threshold gRPC and Envoy stop at 1024 calls in flight; Istio and this mesh limit only what somebody limited.
    private static CircuitBreakers CircuitBreakers(ConnectionPool? pool) => new()
    {
        Thresholds =
        {
            new CircuitBreakers.Types.Thresholds
            {
                MaxConnections = (uint?)pool?.MaxConnections,
                MaxPendingRequests = (uint?)pool?.MaxPendingRequests,
                MaxRequests = (uint?)pool?.MaxRequests ?? uint.MaxValue,
                MaxRetries = (uint?)pool?.MaxRetries,
            },
        },
    };

    // Success rate is Envoy's default and no part of Istio's API: off.
    private static Envoy.Config.Cluster.V3.OutlierDetection OutlierDetection(ProxylessMesh.Manifests.Kinds.OutlierDetection outlier)
    {
        var consecutive5xx = outlier.Consecutive5xxErrors ?? (outlier.ConsecutiveGatewayErrors is null ? 5 : 0);
        var consecutiveGateway = outlier.ConsecutiveGatewayErrors ?? 0;
        return new Envoy.Config.Cluster.V3.OutlierDetection
        {
            Interval = outlier.Interval.ToDuration(),
            BaseEjectionTime = outlier.BaseEjectionTime.ToDuration(),
            MaxEjectionPercent = (uint)outlier.MaxEjectionPercent,
            Consecutive5Xx = (uint)Math.Max(1, consecutive5xx),
            EnforcingConsecutive5Xx = consecutive5xx > 0 ? 100u : 0,
            ConsecutiveGatewayFailure = (uint)Math.Max(1, consecutiveGateway),
            EnforcingConsecutiveGatewayFailure = consecutiveGateway > 0 ? 100u : 0,
            EnforcingSuccessRate = 0,
        };
    }
}
