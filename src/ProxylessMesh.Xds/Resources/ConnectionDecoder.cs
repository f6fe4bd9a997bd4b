using Envoy.Config.Cluster.V3;
using Envoy.Config.Core.V3;
using HttpOptions = Envoy.Extensions.Upstreams.Http.V3.HttpProtocolOptions;

namespace ProxylessMesh.Xds.Resources;

/// <summary>How connections are kept and what is spoken on them: <c>HttpProtocolOptions</c>, or the older fields of the cluster itself.</summary>
internal static class ConnectionDecoder
{
    private const string HttpOptionsKey = "envoy.extensions.upstreams.http.v3.HttpProtocolOptions";

    /// <summary>What the cluster says of HTTP, in the newer form.</summary>
    public static HttpOptions Options(Cluster wire, DecodeErrors errors)
    {
        if (wire.TypedExtensionProtocolOptions.TryGetValue(HttpOptionsKey, out var any))
        {
            using (errors.In("typed_extension_protocol_options", HttpOptionsKey))
            {
                return ValueDecoder.Unpack(any, HttpOptions.Parser, errors) ?? new HttpOptions();
            }
        }

        var options = new HttpOptions { CommonHttpProtocolOptions = wire.CommonHttpProtocolOptions, UpstreamHttpProtocolOptions = wire.UpstreamHttpProtocolOptions };
        if (wire.Http2ProtocolOptions is not null)
        {
            options.ExplicitHttpConfig = new HttpOptions.Types.ExplicitHttpConfig { Http2ProtocolOptions = wire.Http2ProtocolOptions };
        }

        return options;
    }

    public static ConnectionConfig Decode(Cluster wire, HttpOptions options, DecodeErrors errors)
    {
        var common = options.CommonHttpProtocolOptions;
        var http2 = options.ExplicitHttpConfig?.Http2ProtocolOptions ?? options.AutoConfig?.Http2ProtocolOptions ?? options.UseDownstreamProtocolConfig?.Http2ProtocolOptions;
        var idle = ValueDecoder.Duration(common?.IdleTimeout, "common_http_protocol_options.idle_timeout", errors);
        var config = new ConnectionConfig
        {
            // Envoy: 0 is "never".
            IdleTimeout = idle == TimeSpan.Zero ? Timeout.InfiniteTimeSpan : idle,
            MaxConnectionDuration = ValueDecoder.PositiveDuration(common?.MaxConnectionDuration, "common_http_protocol_options.max_connection_duration", errors),
            MaxRequestsPerConnection = (common?.MaxRequestsPerConnection ?? wire.MaxRequestsPerConnection) is { } most and > 0 ? most : null,
            MaxConcurrentStreams = Streams(http2, errors),
            KeepAliveInterval = ValueDecoder.PositiveDuration(http2?.ConnectionKeepalive?.Interval, "http2_protocol_options.connection_keepalive.interval", errors),
            KeepAliveTimeout = KeepAliveTimeout(http2?.ConnectionKeepalive, errors),
            TcpKeepAlive = wire.UpstreamConnectionOptions?.TcpKeepalive is { } tcp ? TcpKeepAlive(tcp) : null,
        };
        return config == ConnectionConfig.Default ? ConnectionConfig.Default : config;
    }

    private static uint? Streams(Http2ProtocolOptions? http2, DecodeErrors errors)
    {
        if (http2?.MaxConcurrentStreams == 0)
        {
            errors.Add("http2_protocol_options.max_concurrent_streams", 0, "must be >= 1");
        }

        return http2?.MaxConcurrentStreams;
    }

    private static TimeSpan? KeepAliveTimeout(KeepaliveSettings? wire, DecodeErrors errors)
    {
        if (wire is { Timeout: null })
        {
            errors.AddMissing("http2_protocol_options.connection_keepalive.timeout");
        }

        return ValueDecoder.PositiveDuration(wire?.Timeout, "http2_protocol_options.connection_keepalive.timeout", errors);
    }

    private static TcpKeepAliveConfig TcpKeepAlive(TcpKeepalive wire) => new(wire.KeepaliveProbes, Seconds(wire.KeepaliveTime), Seconds(wire.KeepaliveInterval));

    private static TimeSpan? Seconds(uint? seconds) => seconds is null ? null : TimeSpan.FromSeconds(seconds.Value);
}
