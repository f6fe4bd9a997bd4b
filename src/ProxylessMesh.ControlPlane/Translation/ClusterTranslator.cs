using Envoy.Config.Cluster.V3;
using Envoy.Config.Core.V3;
using Envoy.Config.Endpoint.V3;
using Google.Protobuf.WellKnownTypes;
using ProxylessMesh.Manifests.Kinds;

namespace ProxylessMesh.ControlPlane.Translation;

/// <summary>One cluster: where its endpoints come from, how they are balanced, limited and set aside, and whom to expect there.</summary>
internal static class ClusterTranslator
{
    public static Cluster Translate(ClusterSettings settings)
    {
        var policy = settings.Policy;
        var cluster = new Cluster
        {
            Name = settings.Name,
            CircuitBreakers = ConnectionTranslator.CircuitBreakers(policy),
            ConnectTimeout = policy.ConnectionPool?.ConnectTimeout?.ToDuration(),
            UpstreamConnectionOptions = ConnectionTranslator.KeepAlive(policy.ConnectionPool?.TcpKeepalive),
            OutlierDetection = EjectionTranslator.Translate(policy.OutlierDetection, settings.Mesh),
            TransportSocket = settings.TransportSocket,
        };
        ConnectionTranslator.AddHttpOptions(cluster, policy.ConnectionPool, settings.SpeaksHttp2);
        LoadBalancerTranslator.Set(cluster, policy.LoadBalancer, settings.Mesh);
        if (policy.OutlierDetection is { } outlier)
        {
            cluster.CommonLbConfig = new Cluster.Types.CommonLbConfig { HealthyPanicThreshold = new Envoy.Type.V3.Percent { Value = outlier.MinHealthPercent } };
        }

        if (settings.Mesh?.SessionAffinity is not null)
        {
            // A55: a session stays with its endpoint while that one drains.
            cluster.CommonLbConfig ??= new Cluster.Types.CommonLbConfig();
            cluster.CommonLbConfig.OverrideHostStatus = new HealthStatusSet { Statuses = { HealthStatus.Unknown, HealthStatus.Healthy, HealthStatus.Draining } };
        }

        if (settings.Mesh?.HealthCheck is { } check)
        {
            cluster.HealthChecks.Add(HealthCheckTranslator.Translate(check));
        }

        SetDiscovery(cluster, settings);
        return cluster;
    }

    private static void SetDiscovery(Cluster cluster, ClusterSettings settings)
    {
        if (settings.DnsEndpoints is not { } names)
        {
            cluster.Type = Cluster.Types.DiscoveryType.Eds;
            cluster.EdsClusterConfig = new Cluster.Types.EdsClusterConfig { EdsConfig = ListenerTranslator.Ads };
            return;
        }

        cluster.Type = settings.IsOneName ? Cluster.Types.DiscoveryType.LogicalDns : Cluster.Types.DiscoveryType.StrictDns;
        cluster.LoadAssignment = names;
        cluster.RespectDnsTtl = true;
        cluster.DnsLookupFamily = Cluster.Types.DnsLookupFamily.All;
    }
}

/// <summary>What makes a cluster.</summary>
internal sealed record ClusterSettings
{
    /// <summary>Of the cluster, and of its endpoints.</summary>
    public required string Name { get; init; }

    /// <summary>What DestinationRules say for its port and subset.</summary>
    public TrafficPolicy Policy { get; init; } = TrafficPolicy.None;

    /// <summary>What a MeshTrafficPolicy says; null: there is none.</summary>
    public MeshTrafficPolicyManifest? Mesh { get; init; }

    /// <summary>Null: plaintext.</summary>
    public TransportSocket? TransportSocket { get; init; }

    /// <summary>The endpoints speak HTTP/2 without being asked.</summary>
    public bool SpeaksHttp2 { get; init; }

    /// <summary>The names to resolve; null: endpoints are a resource of their own.</summary>
    public ClusterLoadAssignment? DnsEndpoints { get; init; }

    /// <summary>The only name is one endpoint with many addresses, not as many endpoints.</summary>
    public bool IsOneName { get; init; }
}
