using Shop.Processes;

namespace Shop.Load;

/// <summary>Makes the show itself a member of the mesh that only calls: the customers.</summary>
internal static class LoadHost
{
    public static IHost Build(Fleet fleet, RunFolder folder, TimeProvider time)
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
        return builder.Build();
    }
}
