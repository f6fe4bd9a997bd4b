using System.Net.Sockets;
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
    {
        var isUnix = options.Server.Scheme == "unix";
        var handler = options.Handler ?? CreateHandler();
        if (isUnix && options.Handler is null && handler is SocketsHttpHandler own)
        {
            own.ConnectCallback = (_, cancellationToken) => ConnectAsync(options.Server.LocalPath, cancellationToken);
        }

        // As an HttpClient and not as a handler: under a SocketsHttpHandler the channel puts a balancer with a back-off of its own,
        // up to two minutes, and attempts in that time would fail without having tried.
        return GrpcChannel.ForAddress(isUnix ? new Uri("http://localhost") : options.Server, new GrpcChannelOptions
        {
            HttpClient = new HttpClient(handler, disposeHandler: options.Handler is null) { Timeout = Timeout.InfiniteTimeSpan },
            DisposeHttpClient = true,
            MaxReceiveMessageSize = options.MaxResponseBytes,
        });
    }

    private static async ValueTask<Stream> ConnectAsync(string path, CancellationToken cancellationToken)
    {
        var socket = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        try
        {
            await socket.ConnectAsync(new UnixDomainSocketEndPoint(path), cancellationToken).ConfigureAwait(false);
            return new NetworkStream(socket, ownsSocket: true);
        }
        catch
        {
            socket.Dispose();
            throw;
        }
    }
}
