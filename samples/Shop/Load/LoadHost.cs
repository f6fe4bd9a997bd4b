using ProxylessMesh.Spiffe;
using Shop.Processes;

namespace Shop.Load;

/// <summary>Makes the show itself a member of the mesh that only calls: the customers.</summary>
internal sealed class LoadHost : IAsyncDisposable
{
    private static readonly TimeSpan StopTimeout = TimeSpan.FromSeconds(5);

    private readonly IHost _host;

    private LoadHost(IHost host) => _host = host;

    public ShopClient Customers => _host.Services.GetRequiredService<ShopClient>();

    public IHttpClientFactory Http => _host.Services.GetRequiredService<IHttpClientFactory>();

    public IdentitySource Identity => _host.Services.GetRequiredService<IdentitySource>();

    public static async Task<LoadHost> StartAsync(Fleet fleet, RunFolder folder, TimeProvider time, CancellationToken cancellationToken)
    {
        // Without defaults: the developer's own settings and a log on the console have no place here.
        var builder = Host.CreateEmptyApplicationBuilder(new HostApplicationBuilderSettings { DisableDefaults = true });
        builder.Logging.AddProvider(new FileLoggerProvider(Path.Combine(folder.Logs, "load.log"), time));
        builder.Services.AddSingleton(time);
        builder.AddMeshClient(mesh =>
        {
            mesh.Service = ChildEnvironment.Customers;
            mesh.Namespace = ChildEnvironment.Namespace;
            mesh.ControlPlane = fleet.ControlPlane;
            mesh.JoinTokenFile = fleet.TokenFile(ChildEnvironment.Customers);
        });
        builder.Services.AddHttpClient<ShopClient>(client => client.BaseAddress = new Uri("http://storefront"));
        builder.Services.AddHttpClient(FrontDoor.Client, client => client.BaseAddress = new Uri("http://storefront"));

        var host = new LoadHost(builder.Build());
        await host._host.StartAsync(cancellationToken);
        return host;
    }

    public async ValueTask DisposeAsync()
    {
        await _host.StopAsync(StopTimeout);
        _host.Dispose();
    }
}
