using System.Net;
using System.Net.Security;
using System.Net.Sockets;
using System.Security.Authentication;
using ProxylessMesh.TestSupport;

namespace ProxylessMesh.Spiffe.Tests;

/// <summary>
/// A session that is resumed is checked as a new one is. That it is resumed is seen by what the server sends: without its certificate
/// the handshake has less than two thirds of the bytes.
/// </summary>
public sealed class ResumptionTests
{
    private static readonly List<SslApplicationProtocol> Http2 = [SslApplicationProtocol.Http2];

    private readonly TestCa _ca = TestCa.Create();
    private readonly TestCa _other = TestCa.Create();

    [Theory]
    [InlineData(SslProtocols.Tls12)]
    [InlineData(SslProtocols.Tls13)]
    public async Task Second_connection_resumes_and_both_sides_are_proved_again(SslProtocols version)
    {
        var (server, client) = (_ca.Issue("shop", "catalog"), _ca.Issue("shop", "storefront"));
        List<PeerProof> proofs = [];

        var full = await ConnectAsync(server, client, version, proofs.Add);
        var resumed = await ConnectAsync(server, client, version, proofs.Add);

        Assert.True(full.IsDone && resumed.IsDone);
        AssertResumed(full, resumed);
        Assert.Equal(4, proofs.Count);
        Assert.All(proofs, proof => Assert.True(proof.IsTrustedBy(_ca.Bundles) && !proof.IsTrustedBy(_other.Bundles)));
    }

    [Theory]
    [InlineData(SslProtocols.Tls12)]
    [InlineData(SslProtocols.Tls13)]
    public async Task Server_refuses_a_session_whose_root_it_no_longer_trusts(SslProtocols version)
    {
        var (server, client) = (_ca.Issue("shop", "catalog"), _ca.Issue("shop", "storefront"));
        var full = await ConnectAsync(server, client, version);
        AssertResumed(full, await ConnectAsync(server, client, version));

        // The same certificate, so the same tickets; the client's root is gone.
        var after = new WorkloadIdentity(server.Id, server.Leaf, [], _other.Bundles);
        var refused = await ConnectAsync(after, client, version);

        Assert.NotNull(refused.ServerError);
        AssertResumed(full, await ConnectAsync(server, client, version));
    }

    [Theory]
    [InlineData(SslProtocols.Tls12)]
    [InlineData(SslProtocols.Tls13)]
    public async Task Client_refuses_a_session_whose_root_it_no_longer_trusts(SslProtocols version)
    {
        var (server, client) = (_ca.Issue("shop", "catalog"), _ca.Issue("shop", "storefront"));
        await ConnectAsync(server, client, version);

        var refused = await ConnectAsync(server, new WorkloadIdentity(client.Id, client.Leaf, [], _other.Bundles), version);

        Assert.NotNull(refused.ClientError);
    }

    [Theory]
    [InlineData(SslProtocols.Tls12)]
    [InlineData(SslProtocols.Tls13)]
    public async Task Client_refuses_a_session_with_a_server_that_it_does_not_expect_any_more(SslProtocols version)
    {
        var (server, client) = (_ca.Issue("shop", "catalog"), _ca.Issue("shop", "storefront"));
        await ConnectAsync(server, client, version);

        var refused = await ConnectAsync(server, client, version, expected: static peer => peer.Path.EndsWith("/pricing", StringComparison.Ordinal));

        Assert.NotNull(refused.ClientError);
    }

    [Theory]
    [InlineData(SslProtocols.Tls12)]
    [InlineData(SslProtocols.Tls13)]
    public async Task Session_ends_with_the_certificate_that_it_was_made_with(SslProtocols version)
    {
        var server = _ca.Issue("shop", "catalog");
        var client = _ca.Issue("shop", "storefront", TimeSpan.FromSeconds(3));
        var full = await ConnectAsync(server, client, version);
        AssertResumed(full, await ConnectAsync(server, client, version));
        var ends = new DateTimeOffset(client.Leaf.NotAfter.ToUniversalTime(), TimeSpan.Zero);

        // The clock of a chain is the machine's: the next connections resume until the certificate ends, and not after.
        Connection last;
        do
        {
            last = await ConnectAsync(server, client, version);
        }
        while (last.IsDone && TimeProvider.System.GetUtcNow() < ends + TimeSpan.FromSeconds(10));

        Assert.NotNull(last.ServerError);
        Assert.True(TimeProvider.System.GetUtcNow() >= ends);
    }

    private static void AssertResumed(Connection full, Connection resumed)
        => Assert.True(resumed.ServerBytes * 3 < full.ServerBytes * 2, $"{full.ServerBytes} bytes at first, {resumed.ServerBytes} then");

    private static async Task<Connection> ConnectAsync(WorkloadIdentity server, WorkloadIdentity client, SslProtocols version, Action<PeerProof>? proved = null, PeerAuthorizer? expected = null)
    {
        var serverOptions = SpiffeTls.ForServer(server, static _ => true, Http2, proved: proved);
        serverOptions.EnabledSslProtocols = version;
        var clientOptions = SpiffeTls.ForClient(client, expected ?? (static _ => true), "catalog.shop", Http2, proved: proved);
        using var listener = new Socket(SocketType.Stream, ProtocolType.Tcp);
        listener.Bind(new IPEndPoint(IPAddress.Loopback, 0));
        listener.Listen();
        using var clientSocket = new Socket(SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
        await clientSocket.ConnectAsync(listener.LocalEndPoint!, TestContext.Current.CancellationToken);
        using var serverSocket = await listener.AcceptAsync(TestContext.Current.CancellationToken);
        serverSocket.NoDelay = true;
        await using var counted = new CountingStream(serverSocket);
        await using var serverStream = new SslStream(counted);
        await using var clientStream = new SslStream(new NetworkStream(clientSocket));
        var serving = TryAsync(() => serverStream.AuthenticateAsServerAsync(serverOptions, TestContext.Current.CancellationToken), () => SpeakAsync(serverStream), serverSocket);
        var calling = TryAsync(() => clientStream.AuthenticateAsClientAsync(clientOptions, TestContext.Current.CancellationToken), () => SpeakAsync(clientStream), clientSocket);
        return new Connection(await serving, await calling, counted.Written);
    }

    // With TLS 1.3 tickets come, and a refusal is heard, after the handshake.
    private static async Task SpeakAsync(SslStream stream)
    {
        await stream.WriteAsync(new byte[] { 1 }, TestContext.Current.CancellationToken);
        await stream.ReadExactlyAsync(new byte[1], TestContext.Current.CancellationToken);
    }

    private static async Task<Exception?> TryAsync(Func<Task> authenticate, Func<Task> speak, Socket socket)
    {
        try
        {
            await authenticate();
            await speak();
            return null;
        }
        catch (Exception error) when (error is AuthenticationException or IOException)
        {
            socket.Close();
            return error;
        }
    }

    private sealed record Connection(Exception? ServerError, Exception? ClientError, long ServerBytes)
    {
        public bool IsDone => ServerError is null && ClientError is null;
    }

    private sealed class CountingStream(Socket socket) : NetworkStream(socket)
    {
        public long Written { get; private set; }

        public override ValueTask WriteAsync(ReadOnlyMemory<byte> buffer, CancellationToken cancellationToken = default)
        {
            Written += buffer.Length;
            return base.WriteAsync(buffer, cancellationToken);
        }
    }
}
