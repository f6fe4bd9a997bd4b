using System.Net.Sockets;
using Grpc.Core;
using Grpc.Net.Client;
using WorkloadApi;

namespace ProxylessMesh.ControlPlane.Tests.Ca.Doors;

/// <summary>A bare client of a Workload API's socket, in this process: what it is told is asserted by tests, not believed by a library.</summary>
internal sealed class WorkloadApiClient : IDisposable
{
    private readonly GrpcChannel _channel;

    public WorkloadApiClient(string path)
    {
        var handler = new SocketsHttpHandler
        {
            ConnectCallback = async (_, cancellationToken) =>
            {
                var socket = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
                await socket.ConnectAsync(new UnixDomainSocketEndPoint(path), cancellationToken);
                return new NetworkStream(socket, ownsSocket: true);
            },
        };
        _channel = GrpcChannel.ForAddress("http://localhost", new GrpcChannelOptions { HttpHandler = handler, DisposeHttpClient = true });
        Api = new SpiffeWorkloadAPI.SpiffeWorkloadAPIClient(_channel);
    }

    public static Metadata Header => new() { { "workload.spiffe.io", "true" } };

    public SpiffeWorkloadAPI.SpiffeWorkloadAPIClient Api { get; }

    public GrpcChannel Channel => _channel;

    public IAsyncStreamReader<X509SVIDResponse> Watch() => Api.FetchX509SVID(new X509SVIDRequest(), Header, cancellationToken: TestContext.Current.CancellationToken).ResponseStream;

    public void Dispose() => _channel.Dispose();
}
