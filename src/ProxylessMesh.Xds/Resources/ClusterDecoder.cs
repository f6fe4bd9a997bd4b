using System.Collections.Immutable;
using Envoy.Config.Cluster.V3;
using Envoy.Config.Core.V3;
using Envoy.Extensions.Clusters.Dns.V3;
using AggregateClusterConfig = Envoy.Extensions.Clusters.Aggregate.V3.ClusterConfig;

namespace ProxylessMesh.Xds.Resources;

/// <summary>Clusters: where endpoints come from (gRFC A27, A37), how they are picked, limits, ejection, TLS (A29, A32, A50).</summary>
internal static class ClusterDecoder
{
    private const string AggregateType = "type.googleapis.com/envoy.extensions.clusters.aggregate.v3.ClusterConfig";
    private const string DnsType = "type.googleapis.com/envoy.extensions.clusters.dns.v3.DnsCluster";

    public static ClusterConfig Decode(Cluster wire, DecodeContext context)
    {
        var errors = context.Errors;
        var options = ConnectionDecoder.Options(wire, errors);
        var cluster = new ClusterConfig
        {
            Name = wire.Name,
            ConnectTimeout = ValueDecoder.PositiveDuration(wire.ConnectTimeout, "connect_timeout", errors) ?? TimeSpan.FromSeconds(5),
            CircuitBreaker = CircuitBreakerDecoder.Decode(wire.CircuitBreakers, RoutingPriority.Default, errors),
            HighPriorityCircuitBreaker = CircuitBreakerDecoder.Decode(wire.CircuitBreakers, RoutingPriority.High, errors),
            HealthChecks = HealthCheckDecoder.Decode(wire.HealthChecks, errors),
            Connection = ConnectionDecoder.Decode(wire, options, errors),
            OutlierDetection = OutlierDecoder.Decode(wire.OutlierDetection, errors),
            Tls = UpstreamTlsDecoder.Decode(wire.TransportSocket, options.UpstreamHttpProtocolOptions, context),
            Http2 = options.ExplicitHttpConfig?.Http2ProtocolOptions is not null,
        };
        cluster = WithEndpoints(cluster, wire, context);

        // The clusters of an aggregate bring their own policies (A37, Envoy's CLUSTER_PROVIDED).
        return cluster.Discovery == ClusterDiscovery.Aggregate && wire.LbPolicy == Cluster.Types.LbPolicy.ClusterProvided
            ? cluster
            : cluster with { LoadBalancer = LoadBalancerDecoder.Decode(wire, errors) };
    }

    private static ClusterConfig WithEndpoints(ClusterConfig cluster, Cluster wire, DecodeContext context)
    {
        if (wire.ClusterDiscoveryTypeCase == Cluster.ClusterDiscoveryTypeOneofCase.ClusterType)
        {
            return Custom(cluster, wire, context);
        }

        switch (wire.Type)
        {
            case Cluster.Types.DiscoveryType.Eds:
                return cluster with { Discovery = ClusterDiscovery.Eds, EdsName = EdsName(wire, context.Errors) };
            case Cluster.Types.DiscoveryType.Static:
                return cluster with { Discovery = ClusterDiscovery.Static, InlineEndpoints = StaticEndpoints(wire, context) };
            case Cluster.Types.DiscoveryType.StrictDns:
                return cluster with { Discovery = ClusterDiscovery.StrictDns, Dns = DnsDecoder.Decode(wire, logical: false, context.Errors) };
            case Cluster.Types.DiscoveryType.LogicalDns:
                return cluster with { Discovery = ClusterDiscovery.LogicalDns, Dns = DnsDecoder.Decode(wire, logical: true, context.Errors) };
            default:
                context.Errors.Add("type", wire.Type, "is not supported; use EDS, STATIC, STRICT_DNS, LOGICAL_DNS or an aggregate cluster");
                return cluster;
        }
    }

    private static ClusterConfig Custom(ClusterConfig cluster, Cluster wire, DecodeContext context)
    {
        var errors = context.Errors;
        using (errors.In("cluster_type"))
        {
            switch (wire.ClusterType.TypedConfig?.TypeUrl)
            {
                case AggregateType:
                    return cluster with
                    {
                        Discovery = ClusterDiscovery.Aggregate,
                        AggregateOf = ValueDecoder.Unpack(wire.ClusterType.TypedConfig, AggregateClusterConfig.Parser, errors) is { } aggregate ? Underlying(aggregate, errors) : [],
                    };
                case DnsType:
                    var dns = ValueDecoder.Unpack(wire.ClusterType.TypedConfig, DnsCluster.Parser, errors) ?? new DnsCluster();
                    var logical = wire.ClusterType.Name switch
                    {
                        "envoy.cluster.logical_dns" => true,
                        "envoy.cluster.strict_dns" => false,
                        _ => dns.DnsDiscoveryType == DnsCluster.Types.DnsDiscoveryType.Logical,
                    };
                    return cluster with { Discovery = logical ? ClusterDiscovery.LogicalDns : ClusterDiscovery.StrictDns, Dns = DnsDecoder.Decode(wire, dns, logical, errors) };
                default:
                    errors.Add("typed_config.type_url", wire.ClusterType.TypedConfig?.TypeUrl ?? "unset", "is not a kind of cluster that this version knows");
                    return cluster;
            }
        }
    }

    private static ImmutableArray<string> Underlying(AggregateClusterConfig wire, DecodeErrors errors)
    {
        if (wire.Clusters.Count == 0)
        {
            errors.AddMissing("clusters");
        }

        for (var i = 0; i < wire.Clusters.Count; i++)
        {
            if (wire.Clusters[i].Length == 0)
            {
                errors.Add($"clusters[{i}]", "\"\"", "must not be empty");
            }
        }

        return [.. wire.Clusters];
    }

    private static string EdsName(Cluster wire, DecodeErrors errors)
    {
        ValueDecoder.CheckSource(wire.EdsClusterConfig?.EdsConfig, "eds_cluster_config.eds_config", errors);
        var name = wire.EdsClusterConfig?.ServiceName ?? "";
        if (name.Length == 0 && wire.Name.StartsWith("xdstp:", StringComparison.Ordinal))
        {
            // A47: the cluster's own name says that it is a cluster, so it cannot name endpoints.
            errors.AddMissing("eds_cluster_config.service_name");
        }

        return name.Length > 0 ? name : wire.Name;
    }

    private static EndpointsConfig? StaticEndpoints(Cluster wire, DecodeContext context)
    {
        if (wire.LoadAssignment is null)
        {
            context.Errors.AddMissing("load_assignment");
            return null;
        }

        using (context.Errors.In("load_assignment"))
        {
            return EndpointDecoder.Inline(wire.LoadAssignment, context);
        }
    }
}
