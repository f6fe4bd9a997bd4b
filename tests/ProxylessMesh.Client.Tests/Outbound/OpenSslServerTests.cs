using System.Diagnostics;
using System.Net;
using System.Text;
using ProxylessMesh.Spiffe;
using ProxylessMesh.TestSupport;
using ProxylessMesh.Xds.Matching;
using ProxylessMesh.Xds.Resources;

namespace ProxylessMesh.Client.Tests.Outbound;

/// <summary>OpenSSL's own server as an endpoint: it speaks no HTTP/2, so what counts is who agrees to the handshake.</summary>
public sealed class OpenSslServerTests : IDisposable
{
    private readonly TestCa _ca = TestCa.Create();
    private readonly OpenSsl _openSsl = new();

    public OpenSslServerTests()
    {
        if (Environment.GetEnvironmentVariable("MESH_INTEROP") == "required")
        {
            Assert.True(OpenSsl.IsInstalled, "There is no program 'openssl' on this machine.");
        }

        Assert.SkipUnless(OpenSsl.IsInstalled, "There is no program 'openssl' on this machine.");
    }

    private static CancellationToken TestEnd => TestContext.Current.CancellationToken;

    public void Dispose() => _openSsl.Dispose();

    [Theory]
    [InlineData("-tls1_2", "CIPHER is ECDHE-")]
    [InlineData("-tls1_3", "CIPHER is TLS_")]
    public async Task Server_with_the_expected_identity_sees_ours_and_the_first_bytes_of_HTTP_2(string version, string expected)
    {
        var (_, said) = await CallAsync([version, "-alpn", "h2", .. _openSsl.Certificate(_ca.Issue("shop", "catalog"))], until: "PRI * HTTP/2.0");

        Assert.Contains("verify return:1", said, StringComparison.Ordinal);
        Assert.Contains("ALPN protocols advertised by the client: istio-h2, istio, h2", said, StringComparison.Ordinal);
        Assert.Contains("ALPN protocols selected: h2", said, StringComparison.Ordinal);
        Assert.Contains(expected, said, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Server_of_another_root_is_refused()
        => await RefusedAsync(["-alpn", "h2", .. _openSsl.Certificate(TestCa.Create().Issue("shop", "catalog"))], "does not lead to a root of this mesh");

    [Fact]
    public async Task Server_with_another_identity_is_refused()
        => await RefusedAsync(["-alpn", "h2", .. _openSsl.Certificate(_ca.Issue("shop", "pricing"))], "whom this connection does not expect");

    [Fact]
    public async Task Server_with_a_host_name_and_no_SPIFFE_ID_is_refused()
        => await RefusedAsync(["-alpn", "h2", .. _openSsl.Certificate(_ca.Issue(new TestLeaf { DnsNames = ["catalog"] }, SpiffeId.Parse("spiffe://mesh.local/ns/shop/sa/catalog")))], "not a SPIFFE identity");

    [Theory]
    [InlineData("-tls1")]
    [InlineData("-tls1_1")]
    public async Task Server_that_speaks_only_older_versions_is_refused(string version)
        => await RefusedAsync([version, "-cipher", "ALL:@SECLEVEL=0", "-alpn", "h2", .. _openSsl.Certificate(_ca.Issue("shop", "catalog"))], "did not prove an identity");

    [Fact]
    public async Task Server_that_takes_no_HTTP_2_is_named()
    {
        var (error, _) = await CallAsync([.. _openSsl.Certificate(_ca.Issue("shop", "catalog"))], until: null);

        Assert.Contains("calls need h2", error.Message, StringComparison.Ordinal);
    }

    private async Task RefusedAsync(string[] arguments, string why)
    {
        var (error, said) = await CallAsync(arguments, until: null);

        Assert.Equal(MeshError.PeerRefused, error.Error);
        Assert.Contains(why, error.Message, StringComparison.Ordinal);
        Assert.DoesNotContain("PRI * HTTP/2.0", said, StringComparison.Ordinal);
    }

    // The call ends with an error in any case: here nobody answers it.
    private async Task<(MeshException Error, string Said)> CallAsync(string[] arguments, string? until)
    {
        using var server = OpenSsl.Start(["s_server", "-accept", "127.0.0.1:0", "-Verify", "1", .. _openSsl.Roots(_ca.Bundle), .. arguments]);
        try
        {
            var errors = server.StandardError.ReadToEndAsync(TestEnd);
            var said = new StringBuilder();
            var port = await PortAsync(server, said);
            await using var mesh = new TestMesh(new TestIdentitySource(_ca.Issue("shop", "storefront")));
            mesh.Xds.Publish(Configs.Host("catalog", Configs.Forward("catalog"), Cluster(port)));
            using var client = mesh.Client();
            var call = Assert.ThrowsAsync<MeshException>(() => client.GetAsync(new Uri("http://catalog/"), TestEnd));
            while (until is not null && !said.ToString().Contains(until, StringComparison.Ordinal) && await server.StandardOutput.ReadLineAsync(TestEnd) is { } line)
            {
                said.AppendLine(line);
            }

            if (until is not null)
            {
                server.Kill(entireProcessTree: true);
            }

            var error = await call;
            if (!server.HasExited)
            {
                server.Kill(entireProcessTree: true);
            }

            said.Append(await server.StandardOutput.ReadToEndAsync(TestEnd)).Append(await errors);
            return (error, said.ToString());
        }
        finally
        {
            if (!server.HasExited)
            {
                server.Kill(entireProcessTree: true);
            }
        }
    }

    // "ACCEPT 127.0.0.1:34567"
    private static async Task<int> PortAsync(Process server, StringBuilder said)
    {
        while (await server.StandardOutput.ReadLineAsync(TestEnd) is { } line)
        {
            said.AppendLine(line);
            if (line.StartsWith("ACCEPT ", StringComparison.Ordinal))
            {
                return int.Parse(line[(line.LastIndexOf(':') + 1)..], provider: null);
            }
        }

        throw new InvalidOperationException("openssl did not serve: " + await server.StandardError.ReadToEndAsync(TestEnd));
    }

    private static Xds.ClusterState Cluster(int port) => Configs.Cluster(
        new ClusterConfig
        {
            Name = "catalog",
            Http2 = true,
            Tls = new UpstreamTlsConfig { IdentityProvider = "default", RootProvider = "default", PeerNames = [StringMatcher.Exact("spiffe://mesh.local/ns/shop/sa/catalog")] },
        },
        new IPEndPoint(IPAddress.Loopback, port));
}
