using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using ProxylessMesh.Client.Clusters;
using ProxylessMesh.Client.Snapshots;
using ProxylessMesh.Spiffe;
using ProxylessMesh.TestSupport;
using ProxylessMesh.Xds;
using ProxylessMesh.Xds.Client;

namespace ProxylessMesh.Client.Tests;

/// <summary>A process with the mesh's client side, whose configs and identity come from the test.</summary>
internal sealed class TestMesh : IAsyncDisposable
{
    private readonly ServiceProvider _services;

    public TestMesh(IdentitySource? identities = null, TimeProvider? time = null, Action<MeshOptions>? options = null, Action<IServiceCollection>? configure = null)
    {
        var services = new ServiceCollection();
        services.AddLogging(logging => logging.AddProvider(Logs));
        services.AddSingleton<IXdsClient>(Xds);
        services.AddSingleton(identities ?? new TestIdentitySource());
        if (time is not null)
        {
            services.AddSingleton(time);
        }

        services.AddMeshClient(o =>
        {
            o.ControlPlane = new Uri("https://127.0.0.1:1");
            options?.Invoke(o);
        });
        configure?.Invoke(services);
        _services = services.BuildServiceProvider();
    }

    public FakeXds Xds { get; } = new();

    public LogGuard Logs { get; } = new();

    public IServiceProvider Services => _services;

    public static TestMesh With(params XdsConfig[] configs)
    {
        var mesh = new TestMesh();
        foreach (var config in configs)
        {
            mesh.Xds.Publish(config);
        }

        return mesh;
    }

    public HttpClient Client(string name = "") => _services.GetRequiredService<IHttpClientFactory>().CreateClient(name);

    /// <summary>The one cluster of a host, as calls see it now.</summary>
    public Cluster Cluster(string host)
    {
        Assert.True(HostKey.TryGet(new Uri((host.EndsWith(":443", StringComparison.Ordinal) ? "https://" : "http://") + host), out var key));
        var slot = _services.GetRequiredService<SnapshotSource>().Find(key);
        return Assert.Single(slot.State.Routes!.Clusters);
    }

    public async ValueTask DisposeAsync()
    {
        await _services.DisposeAsync();
        Logs.Dispose();
    }
}
