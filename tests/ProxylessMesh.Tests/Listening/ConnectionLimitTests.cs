using System.Net.Sockets;
using Microsoft.Extensions.DependencyInjection;
using ProxylessMesh.Snapshots;
using ProxylessMesh.Xds.Resources;
using static ProxylessMesh.Tests.Policies;

namespace ProxylessMesh.Tests.Listening;

public sealed class ConnectionLimitTests
{
    private static CancellationToken Cancelled => TestContext.Current.CancellationToken;

    [Fact]
    public async Task A_caller_has_only_so_many_connections_and_takes_none_from_others()
    {
        await using var app = await MeshApp.StartAsync(Strict().WithFilters(new ConnectionLimitFilterConfig("limit", Max: null, MaxPerCaller: 2)));
        using var first = app.Client("storefront");
        using var second = app.Client("storefront");
        using var third = app.Client("storefront");
        using var other = app.Client("batch");
        await first.GetStringAsync("/", Cancelled);
        await second.GetStringAsync("/", Cancelled);

        await Assert.ThrowsAnyAsync<HttpRequestException>(() => third.GetStringAsync("/", Cancelled));
        Assert.Equal("from the application", await other.GetStringAsync("/", Cancelled));
        await app.Logs.WaitForAsync("this caller has as many as its InboundLimits allow", Cancelled);
    }

    [Fact]
    public async Task The_port_has_only_so_many_connections_whoever_calls()
    {
        await using var app = await MeshApp.StartAsync(Strict().WithFilters(new ConnectionLimitFilterConfig("limit", Max: 2, MaxPerCaller: null)));
        using var first = app.Client("storefront");
        using var second = app.Client("batch");
        await first.GetStringAsync("/", Cancelled);
        await second.GetStringAsync("/", Cancelled);

        // Closed before a handshake costs anything.
        using var third = new TcpClient();
        Assert.Equal(0, await ReadToEndAsync(third, app.Address));
    }

    [Fact]
    public async Task A_connection_that_ends_makes_room()
    {
        await using var app = await MeshApp.StartAsync(Strict().WithFilters(new ConnectionLimitFilterConfig("limit", Max: 1, MaxPerCaller: 1)));
        var connections = app.Services.GetRequiredService<InboundPorts>().Get(app.Address.Port).Connections;
        var first = app.Client("storefront");
        await first.GetStringAsync("/", Cancelled);
        Assert.Equal(1, connections.Open);
        Assert.Equal(1, connections.OpenOf("spiffe://mesh.local/ns/shop/sa/storefront"));

        first.Dispose();
        while (connections.Open > 0)
        {
            await Task.Yield();
        }

        Assert.Equal(0, connections.OpenOf("spiffe://mesh.local/ns/shop/sa/storefront"));
        using var second = app.Client("storefront");
        Assert.Equal("from the application", await second.GetStringAsync("/", Cancelled));
    }

    [Fact]
    public async Task A_limit_that_comes_later_knows_of_the_connections_that_are_open_and_leaves_them()
    {
        await using var app = await MeshApp.StartAsync(Strict());
        using var first = app.Client("storefront");
        await first.GetStringAsync("/", Cancelled);

        app.Apply(Strict().WithFilters(new ConnectionLimitFilterConfig("limit", Max: 1, MaxPerCaller: null)));

        using var second = app.Client("storefront");
        await Assert.ThrowsAnyAsync<HttpRequestException>(() => second.GetStringAsync("/", Cancelled));
        Assert.Equal("from the application", await first.GetStringAsync("/", Cancelled));
    }

    [Fact]
    public void Counts_are_right_whoever_comes_and_goes_at_once()
    {
        var connections = new PortConnections();

        Parallel.For(0, 10_000, i =>
        {
            var caller = $"caller {i % 7}";
            connections.Enter(null);
            connections.EnterAs(caller, null);
            connections.LeaveAs(caller);
            connections.Leave();
        });

        Assert.Equal(0, connections.Open);
        Assert.All(Enumerable.Range(0, 7), i => Assert.Equal(0, connections.OpenOf($"caller {i}")));
    }

    private static async Task<int> ReadToEndAsync(TcpClient client, System.Net.IPEndPoint address)
    {
        try
        {
            await client.ConnectAsync(address, Cancelled);
            return await client.GetStream().ReadAsync(new byte[16], Cancelled);
        }
        catch (Exception exception) when (exception is IOException or SocketException)
        {
            // The end may come as a reset, and so early that connecting hears of it.
            return 0;
        }
    }
}
