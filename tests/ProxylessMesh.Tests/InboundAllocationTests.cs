using System.Net;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Options;
using ProxylessMesh.Authentication;
using ProxylessMesh.Snapshots;
using ProxylessMesh.Spiffe;
using static ProxylessMesh.Tests.Policies;

namespace ProxylessMesh.Tests;

public sealed class InboundAllocationTests
{
    [Fact]
    public void Identity_authorization_and_deadline_of_a_call_allocate_at_most_what_the_budget_allows()
    {
        Assert.SkipUnless(Allocations.AreMeasurable, "Allocation is exact only in a Release build.");
        var services = new ServiceCollection().AddLogging().AddMeshInbound();
        services.AddSingleton<IConfigureOptions<MeshOptions>>(new ConfigureOptions<MeshOptions>(static _ => { }));
        using var provider = services.BuildServiceProvider();
        var app = new ApplicationBuilder(provider);
        new MeshStartupFilter(provider.GetRequiredService<IOptions<MeshOptions>>()).Configure(static pipeline => pipeline.Run(static _ => Task.CompletedTask))(app);
        var pipeline = app.Build();
        var port = new InboundPort(8080, TimeProvider.System);
        port.Publish(Strict(Deny(Policy("d", Path("/admin"), Anyone)), Allow(Policy("a", Method("GET"), Principal("storefront")))));
        var context = new DefaultHttpContext();
        context.Request.Method = "GET";
        context.Request.Path = "/items";
        context.Request.Headers.Host = "catalog";
        context.Features.Set(port);
        context.Features.Set<IMeshPeerFeature>(new MeshPeer(SpiffeId.Parse("spiffe://mesh.local/ns/shop/sa/storefront"), new IPEndPoint(IPAddress.Loopback, 1), new IPEndPoint(IPAddress.Loopback, 8080)));

        var perCall = Allocations.PerCall(() => pipeline(context));

        Assert.Equal(StatusCodes.Status200OK, context.Response.StatusCode);
        Assert.InRange(perCall, 0, 64);
    }
}
