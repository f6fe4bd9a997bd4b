using System.Net.Sockets;
using Grpc.Core;
using Grpc.Net.Client;

namespace ProxylessMesh.Spiffe;

/// <summary>
/// The gRPC channel to a SPIFFE Workload API: plaintext HTTP/2 over a UNIX socket or TCP, as the specification wants it: the agent knows
/// its caller by other means than TLS (SPIFFE Workload Endpoint §3).
/// </summary>
internal static class WorkloadApiChannel
{
    private const int MaxMessageBytes = 16 * 1024 * 1024;

    /// <summary>Without this header an agent refuses the call: a browser or a proxy that was tricked does not send it (SPIFFE Workload Endpoint §5).</summary>
    public static Metadata SecurityHeader => new() { { "workload.spiffe.io", "true" } };

    public static GrpcChannel Open(WorkloadApiAddress address) => GrpcChannel.ForAddress("http://localhost", new GrpcChannelOptions
    {
        MaxReceiveMessageSize = MaxMessageBytes,
        DisposeHttpClient = true,
        HttpHandler = new SocketsHttpHandler
        {
            AllowAutoRedirect = false,
            UseProxy = false,
            UseCookies = false,
            ConnectTimeout = TimeSpan.FromSeconds(10),
            KeepAlivePingDelay = TimeSpan.FromSeconds(20),
            KeepAlivePingTimeout = TimeSpan.FromSeconds(10),
            KeepAlivePingPolicy = HttpKeepAlivePingPolicy.WithActiveRequests,
            ActivityHeadersPropagator = null,
            ConnectCallback = async (_, cancellationToken) =>
            {
                var socket = new Socket(address.EndPoint.AddressFamily, SocketType.Stream, address.EndPoint.AddressFamily == AddressFamily.Unix ? ProtocolType.Unspecified : ProtocolType.Tcp);
                try
                {
                    await socket.ConnectAsync(address.EndPoint, cancellationToken).ConfigureAwait(false);
                    return new NetworkStream(socket, ownsSocket: true);
                }
                catch
                {
                    socket.Dispose();
                    throw;
                }
            },
        },
    });
}
