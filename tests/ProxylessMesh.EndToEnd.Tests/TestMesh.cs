using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using ProxylessMesh.ControlPlane;
using ProxylessMesh.TestSupport;

namespace ProxylessMesh.EndToEnd.Tests;

/// <summary>
/// A control plane in this process with folders of its own, and workloads that join it over real sockets: everything is the product's,
/// only the processes are shared. Namespace <c>test</c>.
/// </summary>
internal sealed class TestMesh : IAsyncDisposable
{
    public const string Namespace = "test";

    /// <summary>Milliseconds after which a test has failed: far beyond what any needs.</summary>
    public const int TimeLimit = 90_000;

    private readonly DirectoryInfo _folder = Directory.CreateTempSubdirectory("mesh-e2e-");
    private readonly Action<MeshControlPlaneOptions>? _configure;
    private readonly Stack<IAsyncDisposable> _workloads = new();
    private WebApplication? _controlPlane;
    private string _listen = "127.0.0.1:0";
    private string? _token;

    private readonly Action<ILoggingBuilder>? _logging;

    private TestMesh(Action<MeshControlPlaneOptions>? configure, Action<ILoggingBuilder>? logging = null) => (_configure, _logging) = (configure, logging);

    public LogGuard Logs { get; } = new();

    public string ManifestFolder => Path.Combine(_folder.FullName, "manifests");

    public string StateFolder => Path.Combine(_folder.FullName, "state");

    /// <summary>A folder for a workload's own state.</summary>
    public string WorkloadFolder(string name) => Path.Combine(_folder.FullName, "workloads", name);

    public Uri Address => new($"https://{_listen}");

    /// <summary>The services of the app that embeds the control plane.</summary>
    public IServiceProvider ControlPlane => (_controlPlane ?? throw new InvalidOperationException("The control plane is down.")).Services;

    public JoinTokens Tokens => ControlPlane.GetRequiredService<JoinTokens>();

    public static async Task<TestMesh> StartAsync(Action<MeshControlPlaneOptions>? configure = null, Action<ILoggingBuilder>? logging = null)
    {
        var mesh = new TestMesh(configure, logging);
        Directory.CreateDirectory(mesh.ManifestFolder);
        await mesh.StartControlPlaneAsync();
        return mesh;
    }

    /// <summary>For workloads that join a control plane of another process.</summary>
    public static TestMesh Joining(Uri address, string token) => new(null) { _listen = address.Authority, _token = token };

    public async Task StartControlPlaneAsync()
    {
        var builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders().AddProvider(Logs);
        _logging?.Invoke(builder.Logging);
        builder.WebHost.UseUrls("http://127.0.0.1:0"); // the app's own listener; the control plane has another
        builder.AddMeshControlPlane(options =>
        {
            options.Listen = _listen;
            options.ManifestFolder = ManifestFolder;
            options.StateFolder = StateFolder;
            _configure?.Invoke(options);
        });
        _controlPlane = builder.Build();
        await _controlPlane.StartAsync(TestContext.Current.CancellationToken);
        _listen = _controlPlane.Services.GetRequiredService<MeshControlPlaneAddress>().Https.Authority; // the next start takes the same port
    }

    public async Task StopControlPlaneAsync()
    {
        if (_controlPlane is { } controlPlane)
        {
            _controlPlane = null;
            await controlPlane.StopAsync(CancellationToken.None);
            await controlPlane.DisposeAsync();
        }
    }

    /// <summary>Writes a manifest file in one step, as an editor that renames does.</summary>
    public async Task WriteManifestAsync(string file, string yaml)
    {
        var temporary = Path.Combine(_folder.FullName, Path.GetRandomFileName());
        await File.WriteAllTextAsync(temporary, yaml);
        File.Move(temporary, Path.Combine(ManifestFolder, file), overwrite: true);
    }

    /// <summary>A token for one service account, any number of uses.</summary>
    public Task<string> TokenAsync(string serviceAccount) => Tokens.CreateAsync(Namespace, serviceAccount, TimeSpan.FromHours(1), maxUses: 0, TestContext.Current.CancellationToken);

    /// <summary>Starts a web app that is a workload of the mesh, on a free port.</summary>
    public async Task<TestWorkload> StartServerAsync(string service, Action<WebApplication> map, string? token = null, Dictionary<string, string?>? settings = null, Action<IServiceCollection>? services = null)
    {
        var logs = new LogGuard();
        var builder = WebApplication.CreateSlimBuilder();
        builder.WebHost.UseKestrelHttpsConfiguration();
        builder.WebHost.UseUrls("http://127.0.0.1:0");
        builder.Logging.ClearProviders().AddProvider(logs);
        builder.Configuration.AddInMemoryCollection(await SettingsAsync(service, token, settings));
        builder.AddMesh();
        services?.Invoke(builder.Services);
        var app = builder.Build();
        map(app);
        await app.StartAsync(TestContext.Current.CancellationToken);
        return Track(new TestWorkload(app, logs));
    }

    /// <summary>Starts a worker that only calls.</summary>
    public async Task<TestWorkload> StartClientAsync(string service = "client", string? token = null, Dictionary<string, string?>? settings = null, Action<IServiceCollection>? services = null)
    {
        var logs = new LogGuard();
        var builder = Host.CreateEmptyApplicationBuilder(null);
        builder.Logging.AddProvider(logs);
        builder.Configuration.AddInMemoryCollection(await SettingsAsync(service, token, settings));
        builder.AddMeshClient();
        builder.Services.AddHttpClient();
        services?.Invoke(builder.Services);
        var host = builder.Build();
        await host.StartAsync(TestContext.Current.CancellationToken);
        return Track(new TestWorkload(host, logs));
    }

    public async ValueTask DisposeAsync()
    {
        while (_workloads.TryPop(out var workload))
        {
            await workload.DisposeAsync();
        }

        await StopControlPlaneAsync();
        _folder.Delete(recursive: true);
        Logs.Dispose();
    }

    private TestWorkload Track(TestWorkload workload)
    {
        _workloads.Push(workload);
        return workload;
    }

    private async Task<Dictionary<string, string?>> SettingsAsync(string service, string? token, Dictionary<string, string?>? more)
    {
        var settings = new Dictionary<string, string?>
        {
            ["Mesh:Service"] = service,
            ["Mesh:Namespace"] = Namespace,
            ["Mesh:ControlPlane"] = Address.ToString(),
            ["Mesh:JoinToken"] = token ?? _token ?? await TokenAsync(service),
        };
        foreach (var (key, value) in more ?? [])
        {
            settings[key] = value;
        }

        return settings;
    }
}
