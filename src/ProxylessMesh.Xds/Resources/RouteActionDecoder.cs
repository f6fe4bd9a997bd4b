using System.Collections.Immutable;
using Envoy.Config.Core.V3;
using Envoy.Config.Route.V3;

namespace ProxylessMesh.Xds.Resources;

/// <summary>
/// What routes do (gRFC A28, A31, A36). An action that this version cannot carry out makes the calls on its route fail with
/// the reason; it must not fall through to a later route that was written for other calls.
/// </summary>
internal static class RouteActionDecoder
{
    /// <summary>Routes that a client must act as if it had not seen: an optional plugin that it lacks.</summary>
    public static bool IsIgnored(Route route, HashSet<string> optionalPlugins)
        => route.Route_?.ClusterSpecifierCase == RouteAction.ClusterSpecifierOneofCase.ClusterSpecifierPlugin
            && optionalPlugins.Contains(route.Route_.ClusterSpecifierPlugin);

    public static RouteActionConfig? Decode(Route route, DecodeErrors errors)
    {
        var action = OfRoute(route, errors);

        // A condition that is not looked at would take calls that are meant for a later route, so they must not get through.
        return action is not null && (route.Match?.TlsContext is not null || route.Match?.DynamicMetadata.Count > 0)
            ? new UnsupportedActionConfig("match.tls_context and match.dynamic_metadata are not supported by this version")
            : action;
    }

    private static RouteActionConfig? OfRoute(Route route, DecodeErrors errors)
    {
        switch (route.ActionCase)
        {
            case Route.ActionOneofCase.Route_:
                using (errors.In("route"))
                {
                    return Forward(route.Route_, errors);
                }

            case Route.ActionOneofCase.NonForwardingAction:
                return new NonForwardingActionConfig();
            case Route.ActionOneofCase.Redirect:
                using (errors.In("redirect"))
                {
                    return LocalAnswerDecoder.Redirect(route.Redirect, errors);
                }

            case Route.ActionOneofCase.DirectResponse:
                using (errors.In("direct_response"))
                {
                    return LocalAnswerDecoder.DirectResponse(route.DirectResponse, errors);
                }

            default:
                errors.Add("has no action that this version knows (route, redirect, direct_response or non_forwarding_action)");
                return null;
        }
    }

    private static RouteActionConfig? Forward(RouteAction action, DecodeErrors errors)
    {
        var clusters = Clusters(action, errors);
        var streamLimit = action.MaxStreamDuration;
        var header = ValueDecoder.Duration(streamLimit?.GrpcTimeoutHeaderMax, "max_stream_duration.grpc_timeout_header_max", errors);
        var stream = ValueDecoder.Duration(streamLimit?.MaxStreamDuration_, "max_stream_duration.max_stream_duration", errors);
        var forward = new ForwardActionConfig
        {
            Clusters = clusters,
            Timeout = ValueDecoder.Duration(action.Timeout, "timeout", errors),
            MaxStreamDuration = header ?? stream,
            Retry = RetryDecoder.Decode(action.RetryPolicy, errors),
            IdleTimeout = ValueDecoder.Duration(action.IdleTimeout, "idle_timeout", errors),
            PathRewrite = RewriteDecoder.Path(action, errors),
            HostRewrite = RewriteDecoder.Host(action, errors),
            HashPolicies = HashPolicyDecoder.Decode(action.HashPolicy, errors),
            SplitByHash = action.WeightedClusters is { RandomValueSpecifierCase: WeightedCluster.RandomValueSpecifierOneofCase.UseHashPolicy, UseHashPolicy: true },
            Mirrors = MirrorDecoder.Decode(action.RequestMirrorPolicies, errors),
            IsHighPriority = action.Priority == RoutingPriority.High,
        };
        if (Unsupported(action) is { } reason)
        {
            return new UnsupportedActionConfig(reason);
        }

        return clusters.IsEmpty ? null : forward;
    }

    private static string? Unsupported(RouteAction action)
    {
        if (action.ClusterSpecifierCase == RouteAction.ClusterSpecifierOneofCase.ClusterHeader)
        {
            return "cluster_header is not supported by this version";
        }

        if (action.WeightedClusters is { } split)
        {
            if (split.RandomValueSpecifierCase == WeightedCluster.RandomValueSpecifierOneofCase.HeaderName)
            {
                return "weighted_clusters.header_name is not supported by this version; use use_hash_policy";
            }

            if (split.Clusters.Any(static part => part.Name.Length == 0 && part.ClusterHeader.Length > 0))
            {
                return "weighted_clusters.clusters.cluster_header is not supported by this version";
            }
        }

        if (action.MetadataMatch?.FilterMetadata.Count > 0 || action.WeightedClusters?.Clusters.Any(static part => part.MetadataMatch?.FilterMetadata.Count > 0) == true)
        {
            return "metadata_match is not supported by this version; make a cluster for each subset";
        }

        // Sent unchanged, the call would reach another resource than the one that was meant.
        if (action.PathRewritePolicy is not null)
        {
            return "path_rewrite_policy is not supported by this version; use prefix_rewrite or regex_rewrite";
        }

        return action.HostRewriteSpecifierCase switch
        {
            RouteAction.HostRewriteSpecifierOneofCase.HostRewriteHeader => "host_rewrite_header is not supported by this version; use host_rewrite_literal",
            RouteAction.HostRewriteSpecifierOneofCase.HostRewritePathRegex => "host_rewrite_path_regex is not supported by this version; use host_rewrite_literal",
            _ => action.AppendXForwardedHost ? "append_x_forwarded_host is not supported by this version" : HedgeDecoder.Unsupported(action.HedgePolicy),
        };
    }

    private static ImmutableArray<WeightedClusterConfig> Clusters(RouteAction action, DecodeErrors errors)
    {
        switch (action.ClusterSpecifierCase)
        {
            case RouteAction.ClusterSpecifierOneofCase.Cluster when action.Cluster.Length > 0:
                return [new WeightedClusterConfig { Cluster = action.Cluster }];
            case RouteAction.ClusterSpecifierOneofCase.Cluster:
                errors.Add("cluster", "\"\"", "must not be empty");
                return [];
            case RouteAction.ClusterSpecifierOneofCase.WeightedClusters:
                using (errors.In("weighted_clusters"))
                {
                    return Weighted(action.WeightedClusters, errors);
                }

            case RouteAction.ClusterSpecifierOneofCase.ClusterHeader:
                return [];
            case RouteAction.ClusterSpecifierOneofCase.ClusterSpecifierPlugin:
                errors.Add("cluster_specifier_plugin", action.ClusterSpecifierPlugin, "is not among cluster_specifier_plugins that this version knows");
                return [];
            default:
                errors.Add("has no cluster_specifier that this version knows (cluster or weighted_clusters)");
                return [];
        }
    }

    private static ImmutableArray<WeightedClusterConfig> Weighted(WeightedCluster wire, DecodeErrors errors)
    {
        var clusters = ImmutableArray.CreateBuilder<WeightedClusterConfig>(wire.Clusters.Count);
        var sum = 0UL;
        for (var i = 0; i < wire.Clusters.Count; i++)
        {
            var part = wire.Clusters[i];
            using (errors.In("clusters", i))
            {
                if (part.Name.Length == 0 && part.ClusterHeader.Length == 0)
                {
                    errors.AddMissing("name");
                }

                var cluster = new WeightedClusterConfig
                {
                    Cluster = part.Name,
                    Weight = part.Weight ?? 0,
                    HostRewrite = RewriteDecoder.Literal(part.HostRewriteLiteral, errors),
                    Headers = HeaderOperationsDecoder.Decode(part.RequestHeadersToAdd, part.RequestHeadersToRemove, part.ResponseHeadersToAdd, part.ResponseHeadersToRemove, errors),
                    FilterOverrides = HttpFilterDecoder.Overrides(part.TypedPerFilterConfig, errors),
                };
                sum += cluster.Weight;

                // Never chosen, so never waited for.
                if (cluster.Weight > 0)
                {
                    clusters.Add(cluster);
                }
            }
        }

        if (sum is 0 or > uint.MaxValue)
        {
            errors.Add("clusters", sum, "the sum of the weights must be 1 to 4294967295");
        }

        return clusters.ToImmutable();
    }
}
