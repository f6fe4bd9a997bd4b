using System.Net.Security;
using System.Security.Authentication;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using static ProxylessMesh.Tests.Hostile.Http2Frames;

namespace ProxylessMesh.Tests.Hostile;

/// <summary>
/// A workload with a real identity and no rights that attacks with HTTP/2 frames: nothing reaches the application, others are served
/// meanwhile, and what the process keeps stays bounded.
/// </summary>
[Collection(typeof(MeasuredAlone))]
public sealed class FloodTests
{
    private const int ManyBytes = 32 * 1024 * 1024;

    private static readonly TimeSpan LongEnough = TimeSpan.FromSeconds(1);

    private static CancellationToken TestEnd => TestContext.Current.CancellationToken;

    public static TheoryData<string> Kinds => ["rapid reset", "settings", "pings", "continuations", "header bomb", "empty data", "priorities", "window updates", "unknown frames"];

    [Theory]
    [MemberData(nameof(Kinds))]
    public async Task Flood_of_frames_is_bounded_and_harms_nobody(string kind)
    {
        await using var target = await Target.StartAsync(Policies.Strict(Policies.Deny(Policies.Policy("thief", Policies.Anything, Policies.Principal("thief")))));
        using var good = target.App.Client();
        await good.GetStringAsync("/", TestEnd);
        target.App.Logs.Expect("exceeded the output operations maximum queue size"); // Kestrel, of a connection that it closes
        var before = GC.GetTotalMemory(forceFullCollection: true);
        await using var tls = await target.HandshakeAsync(target.App.Ca.Issue("shop", "thief"), SslProtocols.Tls13, SslApplicationProtocol.Http2);
        await tls.WriteAsync(Preface, TestEnd);

        var attack = AttackAsync(tls, Chunk(kind));
        var served = 1;
        while (!attack.IsCompleted || served < 10)
        {
            await good.GetStringAsync("/", TestEnd);
            served++;
        }

        var sent = await attack;
        TestContext.Current.TestOutputHelper!.WriteLine($"{kind}: {sent / 1024} KiB were taken, {served} good calls meanwhile.");
        Assert.Equal(served, target.Reached);
        await target.WellAsync();
        var more = GC.GetTotalMemory(forceFullCollection: true) - before;
        Assert.True(more < 32 * 1024 * 1024, $"{more / 1024} KiB more are in use after the flood.");
        var lines = target.App.Logs.Entries.Where(static entry => entry.Level >= LogLevel.Warning && entry.Category.StartsWith("ProxylessMesh", StringComparison.Ordinal)).ToList();
        Assert.True(lines.Count <= 5, $"{lines.Count} lines were logged: {string.Join('\n', lines.Take(10))}");
        if (kind is "rapid reset" or "settings" or "pings" or "continuations" or "header bomb")
        {
            // These would cost the server work or answers: it closes or stops reading. The others it throws away.
            Assert.True(sent < ManyBytes, $"The server took {sent} bytes of it.");
        }
    }

    [Fact]
    public async Task Headers_that_come_a_byte_at_a_time_have_an_end()
    {
        await using var target = await Target.StartAsync(configure: static builder => builder.Services.Configure<KestrelServerOptions>(
            static kestrel => kestrel.Limits.RequestHeadersTimeout = TimeSpan.FromSeconds(1)));
        await using var tls = await target.HandshakeAsync(target.App.Ca.Issue("shop", "storefront"), SslProtocols.Tls13, SslApplicationProtocol.Http11);
        var answer = Target.ReadToEndAsync(tls);
        await tls.WriteAsync("GET / HTTP/1.1\r\nHost: catalog\r\n"u8.ToArray(), TestEnd);
        while (!answer.IsCompleted)
        {
            try
            {
                await tls.WriteAsync("a"u8.ToArray(), TestEnd);
                await Task.WhenAny(answer, Task.Delay(TimeSpan.FromMilliseconds(50), TimeProvider.System, TestEnd));
            }
            catch (IOException)
            {
                break;
            }
        }

        Assert.DoesNotContain("from the application", await answer);
        await target.UntouchedAndWellAsync();
    }

    // Sends until the server closes, takes no more for a while, or has taken a lot.
    private static async Task<long> AttackAsync(SslStream tls, IEnumerable<byte[]> chunks)
    {
        using var patience = CancellationTokenSource.CreateLinkedTokenSource(TestEnd);
        patience.CancelAfter(LongEnough);
        var sent = 0L;
        try
        {
            foreach (var chunk in chunks)
            {
                await tls.WriteAsync(chunk, patience.Token);
                sent += chunk.Length;
                if (sent >= ManyBytes)
                {
                    break;
                }
            }
        }
        catch (Exception error) when (error is IOException or OperationCanceledException or ObjectDisposedException)
        {
            return sent;
        }

        return sent;
    }

    private static IEnumerable<byte[]> Chunk(string kind) => kind switch
    {
        "rapid reset" => Streams(static stream => [.. Frame(Headers, EndHeaders | EndStream, stream, Request()), .. Frame(Reset, 0, stream, Number(8))]),
        "settings" => Same(Frame(Settings, 0, 0, [0, 4, 0, 0, 0xFF, 0xFF])),
        "pings" => Same(Frame(Ping, 0, 0, new byte[8])),
        "continuations" => Same(Frame(Continuation, 0, 1, Block(("a", new string('b', 8000))))).Prepend(Frame(Headers, EndStream, 1, Request())),
        "header bomb" => Streams(static stream => stream == 1
            ? Frame(Headers, EndHeaders | EndStream, stream, [.. Request(), .. Indexed("a", new string('b', 4000))])
            : Frame(Headers, EndHeaders | EndStream, stream, [.. Request(), .. Enumerable.Repeat((byte)0xBE, 8000)])),
        "empty data" => Same(Frame(Data, 0, 1, [])).Prepend(Frame(Headers, EndHeaders, 1, Request())),
        "priorities" => Same(Frame(Priority, 0, 1, [0, 0, 0, 3, 16])),
        "window updates" => Same(Frame(WindowUpdate, 0, 0, Number(1))),
        _ => Same(Frame(0xEE, 0xFF, 0, new byte[64])),
    };

    private static IEnumerable<byte[]> Same(byte[] frame)
    {
        var chunk = Enumerable.Repeat(frame, Math.Max(1, 16 * 1024 / frame.Length)).SelectMany(static bytes => bytes).ToArray();
        while (true)
        {
            yield return chunk;
        }
    }

    private static IEnumerable<byte[]> Streams(Func<int, byte[]> frames)
    {
        for (var stream = 1; ; stream += 64)
        {
            yield return [.. Enumerable.Range(0, 32).SelectMany(at => frames(stream + (2 * at)))];
        }
    }
}
