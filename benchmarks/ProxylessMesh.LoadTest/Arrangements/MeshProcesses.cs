using System.Globalization;
using ProxylessMesh.LoadTest.Processes;

namespace ProxylessMesh.LoadTest.Arrangements;

/// <summary>A control plane and servers that joined it, each a process of its own.</summary>
internal sealed class MeshProcesses : IAsyncDisposable
{
    private readonly DirectoryInfo _folder;
    private readonly Dictionary<string, string> _serverSettings;
    private readonly List<ChildProcess> _servers = [];

    private MeshProcesses(DirectoryInfo folder, ChildProcess controlPlane, Dictionary<string, string> serverSettings)
    {
        _folder = folder;
        ControlPlane = controlPlane;
        _serverSettings = serverSettings;
    }

    public ChildProcess ControlPlane { get; }

    public IReadOnlyList<ChildProcess> Servers => _servers;

    /// <summary>The watched folder.</summary>
    public string ManifestFolder => Path.Combine(_folder.FullName, "manifests");

    /// <param name="serverCount">Instances of the service <c>server</c> in namespace <c>load</c>.</param>
    /// <param name="settings">More environment variables for every process.</param>
    public static async Task<MeshProcesses> StartAsync(int serverCount, IReadOnlyDictionary<string, string>? settings = null)
    {
        var folder = Directory.CreateTempSubdirectory("mesh-loadtest-");
        var manifests = Directory.CreateDirectory(Path.Combine(folder.FullName, "manifests"));
        await File.WriteAllTextAsync(Path.Combine(manifests.FullName, "mtls.yaml"), """
            apiVersion: security.istio.io/v1
            kind: PeerAuthentication
            metadata: { name: default, namespace: load }
            spec: { mtls: { mode: STRICT } }
            """);
        var controlPlane = await ChildProcess.StartAsync("control-plane", new Dictionary<string, string>(settings ?? new Dictionary<string, string>())
        {
            [MeshRoles.ManifestVariable] = manifests.FullName,
            [MeshRoles.StateVariable] = Path.Combine(folder.FullName, "state"),
        });
        var mesh = new MeshProcesses(folder, controlPlane, new Dictionary<string, string>([.. settings ?? new Dictionary<string, string>(), .. Settings(controlPlane, "server")]));
        for (var i = 0; i < serverCount; i++)
        {
            await mesh.AddServerAsync();
        }

        return mesh;
    }

    public async Task AddServerAsync() => _servers.Add(await ChildProcess.StartAsync("mesh-server", _serverSettings));

    /// <summary>Ends the oldest server, as the operating system does when memory runs out.</summary>
    public async Task KillServerAsync()
    {
        var oldest = _servers[0];
        _servers.RemoveAt(0);
        oldest.Process.Kill();
        await oldest.DisposeAsync();
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
