using System.Net.Security;
using System.Net.Sockets;
using System.Security.Authentication;
using Microsoft.Extensions.DependencyInjection;
using ProxylessMesh.Listening;

namespace ProxylessMesh.Tests.Hostile;

/// <summary>Peers that misuse the handshake itself: old versions, halves, floods, plaintext.</summary>
public sealed class HandshakeTests
{
    // Enough at once to fill every queue, few enough that the machine's ports last.
    private const int AtOnce = 256;

    private static CancellationToken TestEnd => TestContext.Current.CancellationToken;

    [Theory]
    [InlineData(0x0300)]
    [InlineData(0x0301)]
    [InlineData(0x0302)]
    public async Task TLS_1_1_and_older_get_an_alert_and_nothing_else(int version)
    {
        await using var target = await Target.StartAsync();
        using var socket = await target.ConnectAsync();
        await socket.SendAsync(ClientHellos.Old(version), TestEnd);
        await using var stream = new NetworkStream(socket);

        var said = await Target.ReadToEndAsync(stream);

        // RFC 8446 §6: an alert record (21), fatal (2); protocol_version is 70, handshake_failure 40.
        Assert.True(said.Length == 0 || (said[0] == 21 && said.Length == 7 && said[5] == 2), $"The server answered {said.Length} bytes.");
        await target.LoggedOnceAsync("No TLS handshake");
        await target.UntouchedAndWellAsync();
    }

    [Fact]
    public async Task Half_handshakes_held_open_are_let_go_and_delay_nobody()
    {
        await using var target = await Target.StartAsync(configure: static builder => builder.Services.AddSingleton(new HandshakeTimeout(TimeSpan.FromMilliseconds(500))));
        var held = new List<Socket>();
        for (var i = 0; i < AtOnce; i++)
        {
            var socket = await target.ConnectAsync();
            await socket.SendAsync(ClientHellos.Modern.AsMemory(0, 1 + (i % (ClientHellos.Modern.Length - 1))), TestEnd);
            held.Add(socket);
        }

        await target.WellAsync();
        foreach (var socket in held)
        {
            await using var stream = new NetworkStream(socket, ownsSocket: true);
            await Target.ReadToEndAsync(stream);
        }

        await target.LoggedOnceAsync("0.5 seconds");
        Assert.Equal(1, target.Reached);
        await target.WellAsync();
    }

    [Fact]
    public async Task Client_hello_that_never_ends_is_let_go()
    {
        await using var target = await Target.StartAsync(configure: static builder => builder.Services.AddSingleton(new HandshakeTimeout(TimeSpan.FromSeconds(2))));
        using var socket = await target.ConnectAsync();
        var sent = 0;
        try
        {
            // A handshake record that announces the largest message there is, and then more and more of it.
            await socket.SendAsync(new byte[] { 0x16, 0x03, 0x01, 0x40, 0x00, 0x01, 0xFF, 0xFF, 0xFF }, TestEnd);
            var record = new byte[5 + 0x4000];
            (record[0], record[1], record[2], record[3]) = (0x16, 0x03, 0x01, 0x40);
            while (true)
            {
                sent += await socket.SendAsync(record, TestEnd);
                Assert.True(sent < 64 * 1024 * 1024, "The server goes on reading.");
            }
        }
        catch (SocketException)
        {
            // Closed, as it must be.
        }

        await target.LoggedOnceAsync("No TLS handshake");
        await target.UntouchedAndWellAsync();
    }

    [Theory]
    [InlineData("GET / HTTP/1.1\r\nHost: catalog\r\n\r\n")]
    [InlineData("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\u0004\0\0\0\0\0")]
    [InlineData("PROXY TCP4 10.0.0.1 10.0.0.2 1 2\r\nGET / HTTP/1.1\r\nHost: catalog\r\n\r\n")]
    [InlineData("SSH-2.0-OpenSSH_9.9\r\n")]
    public async Task Plaintext_to_STRICT_gets_no_answer(string said)
    {
        await using var target = await Target.StartAsync();
        using var socket = await target.ConnectAsync();
        await socket.SendAsync(System.Text.Encoding.Latin1.GetBytes(said), TestEnd);
        await using var stream = new NetworkStream(socket);

        Assert.Equal("", await Target.ReadToEndAsync(stream));

        Assert.Contains("127.0.0.1", (await target.LoggedOnceAsync("Refused plaintext")).Message, StringComparison.Ordinal);
        await target.UntouchedAndWellAsync();
    }

    [Fact]
    public async Task Session_of_one_identity_gives_nothing_to_another()
    {
        await using var target = await Target.StartAsync(Policies.Strict(Policies.Allow(Policies.Policy("admin", Policies.Anything, Policies.Principal("admin")))));
        var app = target.App;

        // Same process, same session cache, same server name: only the certificate tells the two apart.
        Assert.Contains("200", await target.CallAsync(app.Ca.Issue("shop", "admin"), SslProtocols.Tls12));
        Assert.Contains("403", await target.CallAsync(app.Ca.Issue("shop", "storefront"), SslProtocols.Tls12));
        Assert.Contains("403", await target.CallAsync(app.Ca.Issue("shop", "storefront"), SslProtocols.Tls13));
        Assert.Equal(1, target.Reached);
    }

    [Theory]
    [InlineData(SslProtocols.Tls12)]
    [InlineData(SslProtocols.Tls13)]
    public async Task Connection_that_says_nothing_after_the_handshake_is_let_go(SslProtocols version)
    {
        await using var target = await Target.StartAsync(configure: static builder => builder.Services.Configure<Microsoft.AspNetCore.Server.Kestrel.Core.KestrelServerOptions>(
            static kestrel => (kestrel.Limits.KeepAliveTimeout, kestrel.Limits.RequestHeadersTimeout) = (TimeSpan.FromSeconds(1), TimeSpan.FromSeconds(1))));
        await using var tls = await target.HandshakeAsync(target.App.Ca.Issue("shop", "storefront"), version, SslApplicationProtocol.Http11);

        Assert.Equal("", await Target.ReadToEndAsync(tls));
        await target.UntouchedAndWellAsync();
    }
}
