using System.Net;
using System.Text.Json;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Diagnostics.HealthChecks;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using ProxylessMesh.ControlPlane;
using ProxylessMesh.ControlPlane.Hosting;
using ProxylessMesh.ControlPlane.Store;
using ProxylessMesh.ControlPlane.Workloads;
using ProxylessMesh.ControlPlane.Xds;
using ProxylessMesh.TestSupport;
using ProxylessMesh.Tool.Calls;
using ProxylessMesh.Tool.Echo;

namespace ProxylessMesh.Tool.Tests.Live;

/// <summary>
/// A control plane on a folder of its own, echo workloads and callers: what <c>mesh up</c>, <c>mesh echo</c> and <c>mesh call</c> run, each
/// with its own identity and sockets, in this process. Each echo workload has an address of its own, so that all can use the same ports.
/// </summary>
internal sealed class LiveMesh : IAsyncDisposable
{
    private const string CaseFile = "case.yaml";
    private static readonly TimeSpan PollInterval = TimeSpan.FromMilliseconds(20);

    private readonly DirectoryInfo _folder = Directory.CreateTempSubdirectory("mesh-live-");
    private readonly Stack<IAsyncDisposable> _running = new();
    private readonly LogGuard _logs = new(LogLevel.Warning);
    private readonly string _network = $"127.{Random.Shared.Next(1, 255)}.{Random.Shared.Next(0, 255)}";
    private WebApplication? _app;
    private string _token = "";
    private int _echoes;

    private static CancellationToken TestEnd => TestContext.Current.CancellationToken;

    private IServiceProvider Parts => _app!.Services.GetRequiredService<ControlPlaneHost>().Services;

    public static async Task<LiveMesh> StartAsync()
    {
        var mesh = new LiveMesh();
        var manifests = Path.Combine(mesh._folder.FullName, "manifests");
        Directory.CreateDirectory(manifests);
        var builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders().AddProvider(mesh._logs);
        builder.WebHost.UseUrls("http://127.0.0.1:0");
        builder.AddMeshControlPlane(options =>
        {
            options.Listen = "127.0.0.1:0";
            options.ManifestFolder = manifests;
            options.StateFolder = Path.Combine(mesh._folder.FullName, "state");
        });
        mesh._app = builder.Build();
        await mesh._app.StartAsync(TestEnd);
        mesh._token = await mesh._app.Services.GetRequiredService<JoinTokens>().CreateAsync("*", "*", TimeSpan.FromHours(1), maxUses: 0, TestEnd);
        return mesh;
    }

    /// <summary>Starts a workload with the ports of the suites and waits until it serves.</summary>
    public async Task StartEchoAsync(string service, string version, string @namespace, params EchoPort[] ports)
    {
        var address = IPAddress.Parse($"{_network}.{++_echoes}");
        var logs = new LogGuard(LogLevel.Error);
        var echo = EchoServer.Create(new EchoSettings { Address = address, Ports = ports }, Join(service, version, @namespace), logging => logging.AddProvider(logs).AddFilter("Microsoft.Extensions.Diagnostics.HealthChecks", LogLevel.None));
        _running.Push(echo);
        await echo.StartAsync(TestEnd);
        var health = echo.Services.GetRequiredService<HealthCheckService>();
        await UntilAsync(async () => (await health.CheckHealthAsync(TestEnd)).Status == HealthStatus.Healthy);
        await UntilAsync(() => Task.FromResult(Parts.GetRequiredService<SnapshotSource>().Current.Workloads.ByInstance.Values.Any(workload => workload.Addresses.Contains(address) && workload.Health == WorkloadHealth.Serving)));
    }

    /// <summary>Puts manifests in force, in place of those before.</summary>
    public async Task ApplyAsync(string file, IEnumerable<JsonElement> manifests)
    {
        var store = Parts.GetRequiredService<ManifestStore>();
        var text = string.Join("\n---\n", manifests.Select(static manifest => manifest.GetRawText()));
        Assert.Empty(await store.ApplyAsync([new Manifests.ManifestFile(file, text)], TestEnd));
        await UntilAsync(() => Task.FromResult(Parts.GetRequiredService<SnapshotSource>().Current.Revision == store.Current.Number));
    }

    public Task ApplyCaseAsync(IEnumerable<JsonElement> manifests) => ApplyAsync(CaseFile, manifests);

    /// <summary>A process that joined as a workload and calls; it starts by the manifests of this moment.</summary>
    public async Task<LiveCaller> StartCallerAsync(string service, string version, string @namespace)
    {
        var builder = Host.CreateEmptyApplicationBuilder(null);
        builder.AddMeshClient(Join(service, version, @namespace));
        var host = builder.Build();
        await host.StartAsync(TestEnd);
        return new LiveCaller(host);
    }

    /// <summary>Asks until it is so.</summary>
    public static async Task UntilAsync(Func<Task<bool>> isSo)
    {
        using var timer = new PeriodicTimer(PollInterval);
        while (!await isSo())
        {
            await timer.WaitForNextTickAsync(TestEnd);
        }
    }

    public async ValueTask DisposeAsync()
    {
        while (_running.TryPop(out var running))
        {
            await running.DisposeAsync();
        }

        await _app!.DisposeAsync();
        _folder.Delete(recursive: true);
    }

    private Action<MeshOptions> Join(string service, string version, string @namespace) => options =>
    {
        options.ControlPlane = _app!.Services.GetRequiredService<MeshControlPlaneAddress>().Https;
        options.JoinToken = _token;
        options.Service = service;
        options.ServiceAccount = service;
        options.Version = version;
        options.Namespace = @namespace;
        options.Inbound.DrainTimeout = TimeSpan.Zero;
    };
}

/// <summary>What <c>mesh call</c> runs.</summary>
internal sealed class LiveCaller(IHost host) : IAsyncDisposable
{
    private readonly MeshCaller _caller = new(host.Services.GetRequiredService<MeshHttpHandlerFactory>());

    public Task<CallResult> SendAsync(CallRequest call) => _caller.SendAsync(call, TestContext.Current.CancellationToken);

    public async ValueTask DisposeAsync()
    {
        _caller.Dispose();
        await host.StopAsync(CancellationToken.None);
        host.Dispose();
    }
}
