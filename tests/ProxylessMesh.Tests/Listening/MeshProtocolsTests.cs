using System.Net.Security;
using System.Net.Sockets;
using System.Text;
using ProxylessMesh.Spiffe;

namespace ProxylessMesh.Tests.Listening;

/// <summary>Istio's sidecars offer names of their own; what comes then is HTTP all the same.</summary>
public sealed class MeshProtocolsTests
{
    private static readonly byte[] Http2Start = [.. "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"u8, 0, 0, 0, 4, 0, 0, 0, 0, 0];

    private static readonly byte[] Http1Request = [.. "GET / HTTP/1.1\r\nHost: catalog\r\nConnection: close\r\n\r\n"u8];

    private static CancellationToken TestEnd => TestContext.Current.CancellationToken;

    [Theory]
    [InlineData("istio-h2,istio,h2", "h2", true)]
    [InlineData("istio-http/1.1,istio,http/1.1", "http/1.1", false)]
    [InlineData("istio-http/1.0,istio,http/1.0", "istio-http/1.0", false)]
    [InlineData("istio-peer-exchange,istio", "istio", true)]
    [InlineData("istio-peer-exchange,istio", "istio", false)]
    [InlineData("istio-h2", "istio-h2", true)]
    [InlineData("istio-http/1.1", "istio-http/1.1", false)]
    public async Task Sidecar_is_understood(string offered, string negotiated, bool speaksHttp2)
    {
        await using var app = await MeshApp.StartAsync(Policies.Strict());
        await using var tls = await ConnectAsync(app, offered);

        Assert.Equal(negotiated, tls.NegotiatedApplicationProtocol.ToString());
        await tls.WriteAsync(speaksHttp2 ? Http2Start : Http1Request, TestEnd);
        var answer = new byte[12];
        await tls.ReadExactlyAsync(answer, TestEnd);

        // A SETTINGS frame (RFC 9113 §6.5), or a status line.
        Assert.Equal(speaksHttp2 ? "4" : "HTTP/1.1 200", speaksHttp2 ? answer[3].ToString(provider: null) : Encoding.ASCII.GetString(answer));
    }

    [Fact]
    public async Task Envoy_s_exchange_of_peers_is_never_agreed_to()
    {
        await using var app = await MeshApp.StartAsync(Policies.Strict());

        await Assert.ThrowsAnyAsync<Exception>(async () =>
        {
            await using var tls = await ConnectAsync(app, "istio-peer-exchange");
            await tls.ReadExactlyAsync(new byte[1], TestEnd);
        });
    }

    private static async Task<SslStream> ConnectAsync(MeshApp app, string offered)
    {
        var socket = new Socket(SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
        await socket.ConnectAsync(app.Address, TestEnd);
        var tls = new SslStream(new NetworkStream(socket, ownsSocket: true));
        try
        {
            await tls.AuthenticateAsClientAsync(SpiffeTls.ForClient(app.Ca.Issue("shop", "storefront"), static _ => true, "catalog", [.. offered.Split(',').Select(static name => new SslApplicationProtocol(name))]), TestEnd);
            return tls;
        }
        catch
        {
            await tls.DisposeAsync();
            throw;
        }
    }
}
