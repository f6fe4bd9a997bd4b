using System.Net.Security;
using System.Net.Sockets;
using Grpc.Net.Client;

namespace ProxylessMesh.Spiffe;

/// <summary>How connections to the control plane are made: TCP, then TLS with settings of ours, HTTP/2 with keep-alive pings.</summary>
internal static class ControlPlaneTransport
{
    private const int MaxMessageBytes = 64 * 1024 * 1024;

    public static List<SslApplicationProtocol> Protocols => [SslApplicationProtocol.Http2];

    /// <summary>The host name of the address is for TCP only: the peer is known by its SPIFFE ID, and SNI carries a name of the mesh.</summary>
    public static SocketsHttpHandler Create(SslClientAuthenticationOptions tls) => new()
    {
        AllowAutoRedirect = false,
        UseProxy = false,
        UseCookies = false,
        ConnectTimeout = TimeSpan.FromSeconds(10),
        EnableMultipleHttp2Connections = true,
        PooledConnectionIdleTimeout = TimeSpan.FromMinutes(1),
        KeepAlivePingDelay = TimeSpan.FromSeconds(20),
        KeepAlivePingTimeout = TimeSpan.FromSeconds(10),
        KeepAlivePingPolicy = HttpKeepAlivePingPolicy.WithActiveRequests,
        ActivityHeadersPropagator = null,
        ConnectCallback = async (context, cancellationToken) =>
        {
            var socket = new Socket(SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
            SslStream? stream = null;
            try
            {
                await socket.ConnectAsync(context.DnsEndPoint, cancellationToken).ConfigureAwait(false);
                stream = new SslStream(new NetworkStream(socket, ownsSocket: true));
                await stream.AuthenticateAsClientAsync(tls, cancellationToken).ConfigureAwait(false);
                return stream;
            }
            catch
            {
                if (stream is not null)
                {
                    await stream.DisposeAsync().ConfigureAwait(false);
                }

                socket.Dispose();
                throw;
            }
        },
    };

    public static GrpcChannel Open(Uri address, HttpMessageHandler handler) => GrpcChannel.ForAddress(address, new GrpcChannelOptions
    {
        HttpHandler = handler,
        DisposeHttpClient = false,
        MaxReceiveMessageSize = MaxMessageBytes,
        MaxSendMessageSize = MaxMessageBytes,
    });
}
