using System.Net.Sockets;
using Microsoft.Extensions.DependencyInjection;
using ProxylessMesh.Listening;
using ProxylessMesh.Spiffe;
using ProxylessMesh.TestSupport;

namespace ProxylessMesh.Tests.Listening;

public sealed class HostilePeerTests
{
    private static readonly SpiffeId Claimed = SpiffeId.Parse("spiffe://mesh.local/ns/shop/sa/storefront");

    private static CancellationToken TestEnd => TestContext.Current.CancellationToken;

    [Fact]
    public Task Certificate_of_another_root_is_refused()
        => RefusedAsync(static app => TestCa.Create().Issue(Claimed, bundles: app.Ca.Bundles), "does not lead to a root of this mesh");

    [Fact]
    public Task Certificate_of_another_trust_domain_is_refused()
        => RefusedAsync(static app => app.Ca.Issue(SpiffeId.Parse("spiffe://elsewhere.example/ns/shop/sa/storefront")), "trust domain");

    [Fact]
    public Task Expired_certificate_is_refused()
        => RefusedAsync(static app => app.Ca.Issue(Claimed, TimeSpan.FromMinutes(-1)), "is valid from");

    [Fact]
    public Task Certificate_without_a_SPIFFE_ID_is_refused()
        => RefusedAsync(static app => app.Ca.Issue(new TestLeaf { DnsNames = ["storefront.shop"] }, Claimed), "not a SPIFFE identity");

    [Fact]
    public Task Certificate_with_two_SPIFFE_IDs_is_refused()
        => RefusedAsync(static app => app.Ca.Issue(new TestLeaf { Uris = [Claimed.ToString(), "spiffe://mesh.local/ns/shop/sa/admin"] }, Claimed), "not a SPIFFE identity");

    [Fact]
    public Task Certificate_of_a_CA_is_refused()
        => RefusedAsync(static app => app.Ca.Issue(new TestLeaf { Uris = [Claimed.ToString()], IsAuthority = true }, Claimed), "");

    [Fact]
    public async Task Caller_without_a_certificate_is_refused()
    {
        await using var app = await MeshApp.StartAsync(Policies.Permissive(), static _ => throw new InvalidOperationException("reached"));
        using var client = new HttpClient(new SocketsHttpHandler { SslOptions = { RemoteCertificateValidationCallback = static (_, server, _, _) => server is not null } });

        await Assert.ThrowsAsync<HttpRequestException>(() => client.GetAsync(new Uri($"https://{app.Address}/"), TestEnd));

        await app.Logs.WaitForAsync("sent no certificate", TestEnd);
    }

    [Fact]
    public async Task Second_failure_of_the_same_peer_is_not_logged_again()
    {
        await using var app = await MeshApp.StartAsync(Policies.Strict());
        var stranger = TestCa.Create().Issue(Claimed, bundles: app.Ca.Bundles);
        for (var i = 0; i < 3; i++)
        {
            using var client = app.Client(stranger);
            await Assert.ThrowsAnyAsync<Exception>(() => client.GetAsync("/", TestEnd));
        }

        await app.Logs.WaitForAsync("No TLS handshake", TestEnd);
        Assert.Single(app.Logs.Entries, static entry => entry.Message.Contains("No TLS handshake", StringComparison.Ordinal));
    }

    [Theory]
    [InlineData(new byte[0])]
    [InlineData(new byte[] { 0x16, 0x03, 0x01 })]
    public async Task Peer_that_says_nothing_or_stops_in_the_handshake_is_let_go(byte[] said)
    {
        await using var app = await MeshApp.StartAsync(
            Policies.Strict(),
            configure: static builder => builder.Services.AddSingleton(new HandshakeTimeout(TimeSpan.FromMilliseconds(200))));
        using var socket = new Socket(SocketType.Stream, ProtocolType.Tcp);
        await socket.ConnectAsync(app.Address, TestEnd);
        await socket.SendAsync(said, TestEnd);

        Assert.Equal(0, await ReadToEndAsync(socket));
        await app.Logs.WaitForAsync("0.2 seconds", TestEnd);
    }

    [Fact]
    public async Task Process_without_an_identity_refuses_TLS_and_says_why()
    {
        await using var app = await MeshApp.StartAsync(Policies.Strict(), withIdentity: false);
        using var client = app.Client();

        await Assert.ThrowsAsync<HttpRequestException>(() => client.GetAsync("/", TestEnd));
        await app.Logs.WaitForAsync("no certificate yet", TestEnd);

        app.Identity.Set(app.Ca.Issue("shop", "catalog"));
        Assert.Equal("from the application", await client.GetStringAsync("/", TestEnd));
    }

    [Fact]
    public async Task Bytes_that_are_no_protocol_do_no_harm()
    {
        await using var app = await MeshApp.StartAsync(Policies.Permissive());
        var random = new Random(20260101);
        for (var i = 0; i < 50; i++)
        {
            var bytes = new byte[random.Next(1, 200)];
            random.NextBytes(bytes);
            bytes[0] = i % 2 == 0 ? (byte)0x16 : bytes[0];
            using var socket = new Socket(SocketType.Stream, ProtocolType.Tcp);
            await socket.ConnectAsync(app.Address, TestEnd);
            await socket.SendAsync(bytes, TestEnd);
            socket.Shutdown(SocketShutdown.Send);
            await ReadToEndAsync(socket);
        }

        using var client = app.Client();
        Assert.Equal("from the application", await client.GetStringAsync("/", TestEnd));
    }

    private static async Task RefusedAsync(Func<MeshApp, WorkloadIdentity> caller, string logged)
    {
        var reached = false;
        await using var app = await MeshApp.StartAsync(Policies.Strict(), _ =>
        {
            reached = true;
            return Task.CompletedTask;
        });
        using var client = app.Client(caller(app));

        await Assert.ThrowsAnyAsync<Exception>(() => client.GetAsync("/", TestEnd));

        var line = await app.Logs.WaitForAsync("No TLS handshake", TestEnd);
        Assert.Contains(logged, line.Message, StringComparison.Ordinal);
        Assert.Contains("127.0.0.1", line.Message, StringComparison.Ordinal);
        Assert.False(reached);
    }

    // What the server said before it closed: an alert or a 400 counts as said.
    private static async Task<int> ReadToEndAsync(Socket socket)
    {
        var total = 0;
        var buffer = new byte[1024];
        try
        {
            while (await socket.ReceiveAsync(buffer, TestEnd) is > 0 and var read)
            {
                total += read;
            }
        }
        catch (SocketException error) when (error.SocketErrorCode == SocketError.ConnectionReset)
        {
            // An abort is an end too.
            return total;
        }

        return total;
    }
}
