using System.Net;
using System.Net.Sockets;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Options;
using ProxylessMesh.Listening;

namespace ProxylessMesh.Tests.Listening;

public sealed class HandshakeLimitTests
{
    private static readonly IPAddress A = IPAddress.Parse("10.0.0.1");
    private static readonly IPAddress B = IPAddress.Parse("10.0.0.2");

    private static CancellationToken TestEnd => TestContext.Current.CancellationToken;

    [Fact]
    public async Task One_address_has_a_quarter_of_the_places_and_keeps_nobody_else_out()
    {
        using var limit = Limit(8);
        using var first = await limit.EnterAsync(A, TestEnd);
        using var second = await limit.EnterAsync(A, TestEnd);
        var third = limit.EnterAsync(A, TestEnd).AsTask();

        using var other = await limit.EnterAsync(B, TestEnd);
        Assert.False(third.IsCompleted);

        first.Dispose();
        first.Dispose();
        using var now = await third;
        Assert.Equal(2, limit.Addresses);
    }

    [Fact]
    public async Task All_together_have_as_many_places_as_there_are_and_who_gives_up_leaves_nothing_behind()
    {
        using var limit = Limit(1);
        var place = await limit.EnterAsync(A, TestEnd);
        using var patience = new CancellationTokenSource();
        var waiting = limit.EnterAsync(B, patience.Token).AsTask();
        Assert.False(waiting.IsCompleted);

        await patience.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => waiting);
        Assert.Equal(1, limit.Addresses);
        place.Dispose();

        using var next = await limit.EnterAsync(B, TestEnd);
        next.Dispose();
        Assert.Equal(0, limit.Addresses);
    }

    [Fact]
    public async Task Handshakes_held_open_make_the_next_wait_and_then_are_let_go()
    {
        await using var app = await MeshApp.StartAsync(Policies.Strict(), configure: static builder =>
        {
            builder.Services.AddSingleton(new HandshakeTimeout(TimeSpan.FromMilliseconds(500)));
            builder.Services.Configure<MeshOptions>(static mesh => mesh.Inbound.MaxHandshakes = 4);
        });
        using var held = new Socket(SocketType.Stream, ProtocolType.Tcp);
        await held.ConnectAsync(app.Address, TestEnd);
        await held.SendAsync(new byte[] { 0x16, 0x03, 0x01 }, TestEnd);
        using var waiting = new Socket(SocketType.Stream, ProtocolType.Tcp);
        await waiting.ConnectAsync(app.Address, TestEnd);
        await waiting.SendAsync(new byte[] { 0x16, 0x03, 0x01 }, TestEnd);

        Assert.Equal(0, await held.ReceiveAsync(new byte[1], TestEnd));
        using var client = app.Client();
        Assert.Equal("from the application", await client.GetStringAsync("/", TestEnd));
        await app.Logs.WaitForAsync("0.5 seconds", TestEnd);
    }

    [Fact]
    public async Task Burst_of_callers_takes_turns_and_all_are_served()
    {
        await using var app = await MeshApp.StartAsync(Policies.Strict(), configure: static builder => builder.Services.Configure<MeshOptions>(static mesh => mesh.Inbound.MaxHandshakes = 8));
        var caller = app.Ca.Issue("shop", "storefront");

        var answers = await Task.WhenAll(Enumerable.Range(0, 100).Select(async _ =>
        {
            using var client = app.Client(caller);
            return await client.GetStringAsync("/", TestEnd);
        }));

        Assert.All(answers, static answer => Assert.Equal("from the application", answer));
        Assert.Equal(0, app.Services.GetRequiredService<HandshakeLimit>().Addresses);
    }

    private static HandshakeLimit Limit(int places)
    {
        var options = new MeshOptions();
        options.Inbound.MaxHandshakes = places;
        return new HandshakeLimit(Options.Create(options));
    }
}
