using Envoy.Config.Cluster.V3;
using Envoy.Config.Core.V3;
using WireOutlier = Envoy.Config.Cluster.V3.OutlierDetection;

namespace ProxylessMesh.Xds.Resources;

/// <summary>Clusters: where endpoints come from, limits, ejection, TLS (gRFC A27, A29, A32, A50).</summary>
internal static class ClusterDecoder
{
    private const string HttpOptions = "envoy.extensions.upstreams.http.v3.HttpProtocolOptions";

    public static ClusterConfig Decode(Cluster wire, DecodeContext context)
    {
        var errors = context.Errors;
        var discovery = Discovery(wire, errors);
        return new ClusterConfig
        {
            Name = wire.Name,
            Discovery = discovery,
            EdsName = discovery == ClusterDiscovery.Eds ? EdsName(wire, errors) : "",
            InlineEndpoints = discovery == ClusterDiscovery.Static ? StaticEndpoints(wire, context) : null,
            ConnectTimeout = ValueDecoder.PositiveDuration(wire.ConnectTimeout, "connect_timeout", errors) ?? TimeSpan.FromSeconds(5),
            LoadBalancer = LoadBalancerDecoder.Decode(wire, errors),
            CircuitBreaker = CircuitBreaker(wire.CircuitBreakers, errors),
            OutlierDetection = Outlier(wire.OutlierDetection, errors),
            Tls = TlsDecoder.Upstream(wire.TransportSocket, context),
            Http2 = Http2(wire, errors),
        };
    }

    private static ClusterDiscovery Discovery(Cluster wire, DecodeErrors errors)
    {
        if (wire.ClusterDiscoveryTypeCase == Cluster.ClusterDiscoveryTypeOneofCase.ClusterType)
        {
            errors.Add("cluster_type", wire.ClusterType.Name, "is not supported by this version; use EDS or STATIC");
        }
        else if (wire.Type == Cluster.Types.DiscoveryType.Static)
        {
            return ClusterDiscovery.Static;
        }
        else if (wire.Type != Cluster.Types.DiscoveryType.Eds)
        {
            errors.Add("type", wire.Type, "is not supported by this version; use EDS or STATIC");
        }

        return ClusterDiscovery.Eds;
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
            return EndpointDecoder.Decode(wire.LoadAssignment, context);
        }
    }

    private static CircuitBreakerConfig CircuitBreaker(CircuitBreakers? wire, DecodeErrors errors)
    {
        // A32: the first of the default priority counts.
        var limits = wire?.Thresholds.FirstOrDefault(static threshold => threshold.Priority == RoutingPriority.Default);
        if (limits is null)
        {
            return CircuitBreakerConfig.Unlimited;
        }

        var budget = limits.RetryBudget;
        var percent = budget?.BudgetPercent?.Value ?? 20;
        if (!(percent is >= 0 and <= 100))
        {
            errors.Add("circuit_breakers.thresholds.retry_budget.budget_percent", percent, "must be 0 to 100");
        }

        return new CircuitBreakerConfig
        {
            MaxConnections = limits.MaxConnections,
            MaxPendingRequests = limits.MaxPendingRequests,
            MaxRequests = limits.MaxRequests,
            MaxRetries = limits.MaxRetries,
            RetryBudgetPercent = percent,
            RetryBudgetMinConcurrency = (int)Math.Min(budget?.MinRetryConcurrency ?? 3, int.MaxValue),
        };
    }

    private static OutlierDetectionConfig? Outlier(WireOutlier? wire, DecodeErrors errors)
    {
        if (wire is null)
        {
            return null;
        }

        using (errors.In("outlier_detection"))
        {
            var defaults = new OutlierDetectionConfig();
            ValueDecoder.Percent(wire.EnforcingSuccessRate, 100, "enforcing_success_rate", errors);
            ValueDecoder.Percent(wire.FailurePercentageThreshold, 85, "failure_percentage_threshold", errors);
            ValueDecoder.Percent(wire.EnforcingFailurePercentage, 0, "enforcing_failure_percentage", errors);
            var split = wire.SplitExternalLocalOriginErrors;
            return new OutlierDetectionConfig
            {
                Interval = ValueDecoder.PositiveDuration(wire.Interval, "interval", errors) ?? defaults.Interval,
                BaseEjectionTime = ValueDecoder.Duration(wire.BaseEjectionTime, "base_ejection_time", errors) ?? defaults.BaseEjectionTime,
                MaxEjectionTime = ValueDecoder.Duration(wire.MaxEjectionTime, "max_ejection_time", errors) ?? defaults.MaxEjectionTime,
                MaxEjectionPercent = (int)ValueDecoder.Percent(wire.MaxEjectionPercent, 10, "max_ejection_percent", errors),
                Consecutive5xx = Consecutive(wire.Consecutive5Xx, wire.EnforcingConsecutive5Xx, 100, "enforcing_consecutive_5xx", errors),
                ConsecutiveGatewayFailure = Consecutive(wire.ConsecutiveGatewayFailure, wire.EnforcingConsecutiveGatewayFailure, 0, "enforcing_consecutive_gateway_failure", errors),
                ConsecutiveLocalOriginFailure = Consecutive(wire.ConsecutiveLocalOriginFailure, wire.EnforcingConsecutiveLocalOriginFailure, split ? 100u : 0u, "enforcing_consecutive_local_origin_failure", errors),
                SplitLocalOriginErrors = split,
            };
        }
    }

    /// <summary>Envoy's default is 5 in a row. Off when 0 in a row, or when the share of ejections to carry out is 0.</summary>
    private static int? Consecutive(uint? count, uint? enforcing, uint enforcedByDefault, string field, DecodeErrors errors)
    {
        var enforced = ValueDecoder.Percent(enforcing, enforcedByDefault, field, errors);
        return enforced == 0 || count == 0 ? null : (int)Math.Min(count ?? 5, int.MaxValue);
    }

    private static bool Http2(Cluster wire, DecodeErrors errors)
    {
        if (wire.Http2ProtocolOptions is not null)
        {
            return true;
        }

        if (!wire.TypedExtensionProtocolOptions.TryGetValue(HttpOptions, out var any))
        {
            return false;
        }

        using (errors.In("typed_extension_protocol_options", HttpOptions))
        {
            var options = ValueDecoder.Unpack(any, Envoy.Extensions.Upstreams.Http.V3.HttpProtocolOptions.Parser, errors);
            return options?.ExplicitHttpConfig?.Http2ProtocolOptions is not null;
        }
    }
}
