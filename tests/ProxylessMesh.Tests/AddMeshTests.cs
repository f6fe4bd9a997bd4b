using System.Net;
using System.Net.Sockets;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Options;

namespace ProxylessMesh.Tests;

public sealed class AddMeshTests
{
    private static CancellationToken TestEnd => TestContext.Current.CancellationToken;

    [Fact]
    public void Adding_twice_adds_nothing()
    {
        var services = new ServiceCollection();
        services.AddMeshInbound();
        var once = services.ToList();

        services.AddMeshInbound();

        Assert.Equal(once, services);
    }

    [Fact]
    public async Task Adding_twice_serves_as_once_does()
    {
        await using var app = await MeshApp.StartAsync(Policies.Strict(), configure: static builder => builder.Services.AddMeshInbound());
        using var client = app.Client();

        Assert.Equal("from the application", await client.GetStringAsync("/", TestEnd));
    }

    [Fact]
    public async Task Endpoint_that_was_added_before_the_mesh_takes_part_in_it()
    {
        await using var app = await MeshApp.StartAsync(Policies.Strict(), configure: static builder =>
        {
            var setup = builder.Services.First(static service => service.ServiceType == typeof(IConfigureOptions<KestrelServerOptions>));
            builder.Services.Remove(setup);
            builder.WebHost.ConfigureKestrel(static kestrel => kestrel.Listen(IPAddress.Loopback, 0));
            builder.Services.AddMeshInbound();
        });
        using var client = app.Client();

        Assert.Equal("from the application", await client.GetStringAsync("/", TestEnd));
    }

    [Fact]
    public async Task Https_address_takes_the_certificate_of_the_mesh_and_needs_no_other()
    {
        await using var app = await MeshApp.StartAsync(Policies.Strict(), configure: static builder => builder.WebHost.UseSetting(WebHostDefaults.ServerUrlsKey, "https://127.0.0.1:0"));
        using var client = app.Client();

        Assert.Equal("from the application", await client.GetStringAsync("/", TestEnd));
    }

    [Fact]
    public async Task Port_that_stays_plaintext_is_left_as_it_is()
    {
        var port = FreePort();
        await using var app = await MeshApp.StartAsync(Policies.Strict(), configure: builder =>
        {
            builder.WebHost.ConfigureKestrel(kestrel =>
            {
                kestrel.Listen(IPAddress.Loopback, 0);
                kestrel.Listen(IPAddress.Loopback, port);
            });
            builder.Services.Configure<MeshOptions>(mesh => mesh.Inbound.PlaintextPorts.Add(port));
        });
        using var management = new HttpClient();
        using var client = app.Client();

        Assert.Equal("from the application", await management.GetStringAsync(new Uri($"http://127.0.0.1:{port}/"), TestEnd));
        Assert.Equal("from the application", await client.GetStringAsync("/", TestEnd));
    }

    [Fact]
    public async Task Inbound_that_is_turned_off_leaves_the_application_as_it_was()
    {
        await using var app = await MeshApp.StartAsync(policy: null, configure: static builder => builder.Services.Configure<MeshOptions>(static mesh => mesh.Inbound.Enabled = false));
        using var client = app.PlaintextClient();

        Assert.Equal("from the application", await client.GetStringAsync("/", TestEnd));
    }

    private static int FreePort()
    {
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        return ((IPEndPoint)listener.LocalEndpoint).Port;
    }
}
