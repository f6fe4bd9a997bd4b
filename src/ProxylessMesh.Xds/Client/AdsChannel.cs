using Grpc.Net.Client;

namespace ProxylessMesh.Xds.Client;

/// <summary>Opens the gRPC channel under the ADS stream.</summary>
internal static class AdsChannel
{
    /// <summary>
    /// A handler that notices a dead connection within about half a minute. Set TLS options or a connect callback on it.
    /// </summary>
    public static SocketsHttpHandler CreateHandler() => new()
    {
        EnableMultipleHttp2Connections = false,
        KeepAlivePingDelay = TimeSpan.FromSeconds(20),
        KeepAlivePingTimeout = TimeSpan.FromSeconds(10),
        KeepAlivePingPolicy = HttpKeepAlivePingPolicy.WithActiveRequests,
        PooledConnectionIdleTimeout = Timeout.InfiniteTimeSpan,
        ConnectTimeout = TimeSpan.FromSeconds(10),
        UseProxy = false,
    };

    /// <summary>The channel of <paramref name="options"/>. Dispose it; a handler given in the options stays its owner's.</summary>
    public static GrpcChannel Open(XdsClientOptions options)
        => GrpcChannel.ForAddress(options.Server, new GrpcChannelOptions
        {
            HttpHandler = options.Handler ?? CreateHandler(),
            DisposeHttpClient = options.Handler is null,
            MaxReceiveMessageSize = options.MaxResponseBytes,
            MaxRetryAttempts = null,
        });
}
