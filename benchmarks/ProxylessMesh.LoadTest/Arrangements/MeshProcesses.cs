using System.Globalization;
using ProxylessMesh.LoadTest.Processes;

namespace ProxylessMesh.LoadTest.Arrangements;

/// <summary>A control plane and servers that joined it, each a process of its own.</summary>
internal sealed class MeshProcesses : IAsyncDisposable
{
    private readonly DirectoryInfo _folder;

    private MeshProcesses(DirectoryInfo folder, ChildProcess controlPlane, List<ChildProcess> servers)
    {
        _folder = folder;
        ControlPlane = controlPlane;
        Servers = servers;
    }

    public ChildProcess ControlPlane { get; }

    public IReadOnlyList<ChildProcess> Servers { get; }

    /// <summary>The watched folder.</summary>
    public string ManifestFolder => Path.Combine(_folder.FullName, "manifests");

    /// <param name="serverCount">Instances of the service <c>server</c> in namespace <c>load</c>.</param>
    public static async Task<MeshProcesses> StartAsync(int serverCount)
    {
        var folder = Directory.CreateTempSubdirectory("mesh-loadtest-");
        var manifests = Directory.CreateDirectory(Path.Combine(folder.FullName, "manifests"));
        await File.WriteAllTextAsync(Path.Combine(manifests.FullName, "mtls.yaml"), """
            apiVersion: security.istio.io/v1
            kind: PeerAuthentication
            metadata: { name: default, namespace: load }
            spec: { mtls: { mode: STRICT } }
            """);
        var controlPlane = await ChildProcess.StartAsync("control-plane", new Dictionary<string, string>
        {
            [MeshRoles.ManifestVariable] = manifests.FullName,
            [MeshRoles.StateVariable] = Path.Combine(folder.FullName, "state"),
        });
        var servers = new List<ChildProcess>();
        for (var i = 0; i < serverCount; i++)
        {
            servers.Add(await ChildProcess.StartAsync("mesh-server", Settings(controlPlane, "server")));
        }

        return new MeshProcesses(folder, controlPlane, servers);
    }

    /// <summary>The <c>Mesh</c> section of a process that joins as <c>load/{service}</c>, as environment variables.</summary>
    public static Dictionary<string, string> Settings(ChildProcess controlPlane, string service) => new()
    {
        ["Mesh__Service"] = service,
        ["Mesh__Namespace"] = "load",
        ["Mesh__ControlPlane"] = string.Create(CultureInfo.InvariantCulture, $"https://127.0.0.1:{controlPlane.Port}"),
        ["Mesh__JoinToken"] = controlPlane.Facts[service],
    };

    /// <summary>A started host that is a mesh client of namespace <c>load</c>.</summary>
    public async Task<IHost> StartClientAsync()
    {
        var builder = Host.CreateEmptyApplicationBuilder(null);
        builder.Logging.SetMinimumLevel(LogLevel.Warning).AddSimpleConsole();
        builder.Configuration.AddInMemoryCollection(Settings(ControlPlane, "client").ToDictionary(static pair => pair.Key.Replace("__", ":", StringComparison.Ordinal), static pair => (string?)pair.Value));
        builder.AddMeshClient();
        builder.Services.AddHttpClient();
        var host = builder.Build();
        await host.StartAsync();
        return host;
    }

    public async ValueTask DisposeAsync()
    {
        foreach (var server in Servers)
        {
            await server.DisposeAsync();
        }

        await ControlPlane.DisposeAsync();
        _folder.Delete(recursive: true);
    }
}
