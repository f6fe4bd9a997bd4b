using Envoy.Config.Cluster.V3;
using Envoy.Config.Core.V3;
using Envoy.Type.V3;
using Google.Protobuf.WellKnownTypes;
using ProxylessMesh.Manifests.Kinds;
using UpstreamOptions = Envoy.Extensions.Upstreams.Http.V3.HttpProtocolOptions;

namespace ProxylessMesh.ControlPlane.Translation;

/// <summary>Limits of a cluster, and how its connections are kept.</summary>
internal static class ConnectionTranslator
{
    private const string HttpOptions = "envoy.extensions.upstreams.http.v3.HttpProtocolOptions";

    // Without a threshold gRPC and Envoy stop at 1024 calls in flight; Istio and this mesh limit only what somebody limited.
    public static CircuitBreakers CircuitBreakers(TrafficPolicy policy) => new()
    {
        Thresholds =
        {
            new CircuitBreakers.Types.Thresholds
            {
                MaxConnections = (uint?)policy.ConnectionPool?.MaxConnections,
                MaxPendingRequests = (uint?)policy.ConnectionPool?.MaxPendingRequests,
                MaxRequests = (uint?)policy.ConnectionPool?.MaxRequests ?? uint.MaxValue,
                MaxRetries = (uint?)policy.ConnectionPool?.MaxRetries,
                RetryBudget = policy.RetryBudget is { } budget
                    ? new CircuitBreakers.Types.Thresholds.Types.RetryBudget { BudgetPercent = new Percent { Value = budget.Percent }, MinRetryConcurrency = (uint)budget.MinRetryConcurrency }
                    : null,
            },
        },
    };

    public static UpstreamConnectionOptions? KeepAlive(Manifests.Kinds.TcpKeepalive? probes) => probes is null ? null : new UpstreamConnectionOptions
    {
        TcpKeepalive = new Envoy.Config.Core.V3.TcpKeepalive { KeepaliveProbes = (uint?)probes.Probes, KeepaliveTime = Seconds(probes.Time), KeepaliveInterval = Seconds(probes.Interval) },
    };

    /// <summary>Adds the HTTP options where something differs from what a client does by itself.</summary>
    public static void AddHttpOptions(Cluster cluster, ConnectionPool? pool, bool speaksHttp2)
    {
        var isHttp2 = pool?.UpgradesToHttp2 ?? speaksHttp2;
        var common = new HttpProtocolOptions
        {
            IdleTimeout = pool?.IdleTimeout?.ToDuration(),
            MaxConnectionDuration = pool?.MaxConnectionDuration?.ToDuration(),
            MaxRequestsPerConnection = (uint?)pool?.MaxRequestsPerConnection,
        };
        var hasCommon = common.CalculateSize() > 0;
        var byClient = pool?.UsesClientProtocol == true;
        if (!hasCommon && !isHttp2 && !byClient)
        {
            return;
        }

        var options = new UpstreamOptions { CommonHttpProtocolOptions = hasCommon ? common : null };
        if (byClient)
        {
            options.UseDownstreamProtocolConfig = new UpstreamOptions.Types.UseDownstreamHttpConfig { HttpProtocolOptions = new Http1ProtocolOptions(), Http2ProtocolOptions = Http2(pool) };
        }
        else
        {
            options.ExplicitHttpConfig = isHttp2
                ? new UpstreamOptions.Types.ExplicitHttpConfig { Http2ProtocolOptions = Http2(pool) }
                : new UpstreamOptions.Types.ExplicitHttpConfig { HttpProtocolOptions = new Http1ProtocolOptions() };
        }

        cluster.TypedExtensionProtocolOptions.Add(HttpOptions, Any.Pack(options));
    }

    private static Http2ProtocolOptions Http2(ConnectionPool? pool) => new()
    {
        MaxConcurrentStreams = (uint?)pool?.MaxConcurrentStreams,
        ConnectionKeepalive = pool?.Http2KeepAlive is { } pings ? new KeepaliveSettings { Interval = pings.Interval.ToDuration(), Timeout = pings.Timeout.ToDuration() } : null,
    };

    private static uint? Seconds(TimeSpan? time) => time is { } set ? (uint)Math.Ceiling(set.TotalSeconds) : null;
}
