using System.Diagnostics;

namespace ProxylessMesh.LoadTest.Arrangements;

/// <summary>The mesh: AddMeshClient here, AddMesh in the server, a control plane beside them (its CPU counts too).</summary>
internal sealed class MeshArrangement : IArrangement
{
    private readonly MeshProcesses _mesh;
    private readonly IHost _client;

    private MeshArrangement(MeshProcesses mesh, IHost client)
    {
        _mesh = mesh;
        _client = client;
        Client = new HttpMessageInvoker(client.Services.GetRequiredService<IHttpMessageHandlerFactory>().CreateHandler("load"));
        Processes = [.. mesh.Servers.Select(static server => server.Process), mesh.ControlPlane.Process];
    }

    public string Name => "mesh";

    public HttpMessageInvoker Client { get; }

    public Uri Target { get; } = new("http://server/payload");

    public IReadOnlyList<Process> Processes { get; }

    public static async Task<MeshArrangement> StartAsync()
    {
        var mesh = await MeshProcesses.StartAsync(serverCount: 1);
        return new MeshArrangement(mesh, await mesh.StartClientAsync());
    }

    public async ValueTask DisposeAsync()
    {
        await _client.StopAsync();
        _client.Dispose();
        await _mesh.DisposeAsync();
    }
}
