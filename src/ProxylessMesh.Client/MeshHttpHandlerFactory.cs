using Microsoft.Extensions.Options;
using ProxylessMesh.Client.Outbound;
using ProxylessMesh.Client.Snapshots;

namespace ProxylessMesh;

/// <summary>
/// Makes handlers that send calls through the mesh, for an <see cref="HttpClient"/> or <c>GrpcChannel</c> made by hand. Clients of
/// <see cref="IHttpClientFactory"/> and gRPC's client factory have one without asking.
/// </summary>
public sealed class MeshHttpHandlerFactory
{
    private readonly SnapshotSource _snapshots;
    private readonly CallServices _calls;
    private readonly IOptions<MeshOptions> _options;

    internal MeshHttpHandlerFactory(SnapshotSource snapshots, CallServices calls, IOptions<MeshOptions> options)
    {
        _snapshots = snapshots;
        _calls = calls;
        _options = options;
    }

    /// <summary>Makes a handler. Connections to the mesh are shared by all handlers of the process.</summary>
    /// <param name="passThrough">Sends what is no name of the mesh; the handler disposes it. Default: a new <see cref="SocketsHttpHandler"/>.</param>
    /// <returns>The handler; dispose it as any other, or let the client do so.</returns>
    public HttpMessageHandler Create(HttpMessageHandler? passThrough = null)
        => new MeshHttpHandler(_snapshots, _calls, _options.Value.Outbound, passThrough ?? new SocketsHttpHandler());
}
