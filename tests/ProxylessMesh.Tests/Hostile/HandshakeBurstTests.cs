using System.Diagnostics;
using System.Net.Sockets;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using ProxylessMesh.Snapshots;

namespace ProxylessMesh.Tests.Hostile;

/// <summary>So many handshakes at once that they would fill a process which keeps anything of them.</summary>
[Collection(typeof(MeasuredAlone))]
public sealed class HandshakeBurstTests
{
    // Enough at once to fill every queue, few enough that the machine's ports last.
    private const int AtOnce = 256;

    private static CancellationToken TestEnd => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Ten_thousand_handshakes_in_a_burst_are_bounded_and_good_calls_go_on()
    {
        const int Handshakes = 10_000;
        await using var target = await Target.StartAsync();
        var connections = target.App.Services.GetRequiredService<InboundPorts>().Get(target.App.Address.Port).Connections;
        using var good = target.App.Client();
        await good.GetStringAsync("/", TestEnd);
        var before = GC.GetTotalMemory(forceFullCollection: true);
        var left = Handshakes;
        var served = 0;

        var attackers = Enumerable.Range(0, AtOnce).Select(attacker => Task.Run(
            async () =>
            {
                var hello = new byte[ClientHellos.Modern.Length];
                while (Interlocked.Decrement(ref left) >= 0)
                {
                    // Each makes the server answer with its certificate and a signature, the dear part, and goes.
                    ClientHellos.Modern.CopyTo(hello, 0);
                    Random.Shared.NextBytes(hello.AsSpan(11, 32));
                    using var socket = await target.ConnectAsync();
                    await socket.SendAsync(hello, TestEnd);
                    Assert.Equal(1, await socket.ReceiveAsync(new byte[1], TestEnd));
                    socket.LingerState = new LingerOption(true, 0);
                }
            },
            TestEnd)).ToList();
        while (Volatile.Read(ref left) > 0)
        {
            await good.GetStringAsync("/", TestEnd);
            served++;
        }

        await Task.WhenAll(attackers);
        Assert.True(served > 0, "No good call was served during the burst.");
        Assert.Equal(served + 1, target.Reached);
        await target.WellAsync();
        var clock = Stopwatch.StartNew();
        while (connections.Open > 2 && clock.Elapsed < TimeSpan.FromSeconds(20))
        {
            await Task.Yield();
        }

        Assert.True(connections.Open <= 2, $"{connections.Open} connections are still open.");
        var after = GC.GetTotalMemory(forceFullCollection: true);
        Assert.True(after - before < 32 * 1024 * 1024, $"{(after - before) / 1024} KiB more are in use after the burst.");
        Assert.InRange(target.App.Logs.Entries.Count(static entry => entry.Level >= LogLevel.Warning), 1, 5);
    }
}
