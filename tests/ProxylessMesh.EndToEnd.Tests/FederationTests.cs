using System.Net;
using System.Net.Security;
using System.Net.Sockets;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using System.Text;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.DependencyInjection;
using ProxylessMesh.ControlPlane.Ca;
using ProxylessMesh.ControlPlane.Federation;
using ProxylessMesh.ControlPlane.Hosting;
using ProxylessMesh.Spiffe;

namespace ProxylessMesh.EndToEnd.Tests;

/// <summary>Two meshes of two trust domains whose workloads call each other, and a third that knows both and that nobody knows.</summary>
public sealed class FederationTests
{
    private static CancellationToken TestEnd => TestContext.Current.CancellationToken;

    [Fact(Timeout = TestMesh.TimeLimit)]
    public async Task Workloads_of_two_trust_domains_call_each_other_and_those_of_a_third_do_not()
    {
        await using var ours = await MeshAsync("ours.test");
        await using var partner = await MeshAsync("partner.test");
        await using var stranger = await MeshAsync("stranger.test");
        await FederateAsync(ours, partner, "partner.test");
        await FederateAsync(partner, ours, "ours.test");
        await FederateAsync(stranger, partner, "partner.test");
        await partner.WriteManifestAsync("allow.yaml", Allow("ours.test/ns/test/sa/client"));
        var server = await partner.StartServerAsync("server", static app => app.MapGet("/", static http => http.Response.WriteAsync(http.User.Identity?.Name ?? "nobody")));
        foreach (var mesh in (TestMesh[])[ours, stranger])
        {
            await mesh.WriteManifestAsync("server.yaml", Remote(server.Url.Port, "spiffe://partner.test/ns/test/sa/server"));
        }

        var client = (await ours.StartClientAsync()).CreateClient("http://server.partner.test");
        var other = (await ours.StartClientAsync("other")).CreateClient("http://server.partner.test");
        var unknown = (await stranger.StartClientAsync()).CreateClient("http://server.partner.test");

        await Eventually.TrueAsync(async () => (await client.GetAsync(new Uri("/", UriKind.Relative), TestEnd)).StatusCode == HttpStatusCode.OK, TestEnd);
        Assert.Contains("spiffe://ours.test/ns/test/sa/client", await client.GetStringAsync(new Uri("/", UriKind.Relative), TestEnd));
        await Eventually.TrueAsync(async () => (await other.GetAsync(new Uri("/", UriKind.Relative), TestEnd)).StatusCode == HttpStatusCode.Forbidden, TestEnd);

        MeshException? refused = null;
        while (refused is null)
        {
            refused = await Record.ExceptionAsync(() => unknown.GetStringAsync(new Uri("/", UriKind.Relative), TestEnd)) as MeshException;
        }

        await server.Logs.WaitForAsync("does not lead to a root of this mesh", TestEnd);
    }

    [Fact(Timeout = TestMesh.TimeLimit)]
    public async Task Alias_of_a_trust_domain_lets_policies_that_name_either_take_both()
    {
        await using var ours = await MeshAsync("ours.test");
        await using var partner = await MeshAsync("partner.test");
        await FederateAsync(ours, partner, "partner.test");
        await FederateAsync(partner, ours, "ours.test");
        await partner.WriteManifestAsync("allow.yaml", Allow("partner.test/ns/test/sa/client"));
        var server = await partner.StartServerAsync("server", static app => app.MapGet("/", static http => http.Response.WriteAsync("hello")));
        await ours.WriteManifestAsync("server.yaml", Remote(server.Url.Port, "spiffe://partner.test/ns/test/sa/server"));
        var client = (await ours.StartClientAsync()).CreateClient("http://server.partner.test");
        await Eventually.TrueAsync(async () => (await client.GetAsync(new Uri("/", UriKind.Relative), TestEnd)).StatusCode == HttpStatusCode.Forbidden, TestEnd);

        await partner.WriteManifestAsync("config.yaml", "apiVersion: mesh.proxyless.dev/v1alpha1\nkind: MeshConfig\nmetadata: { name: mesh, namespace: mesh-system }\nspec:\n  trustDomainAliases: [ours.test]\n");

        await Eventually.TrueAsync(async () => (await client.GetAsync(new Uri("/", UriKind.Relative), TestEnd)).StatusCode == HttpStatusCode.OK, TestEnd);
    }

    [Fact(Timeout = TestMesh.TimeLimit)]
    public async Task Server_of_another_identity_is_not_called_across_trust_domains()
    {
        await using var ours = await MeshAsync("ours.test");
        await using var partner = await MeshAsync("partner.test");
        await FederateAsync(ours, partner, "partner.test");
        await FederateAsync(partner, ours, "ours.test");
        var server = await partner.StartServerAsync("server", static app => app.MapGet("/", static http => http.Response.WriteAsync("never")));
        await ours.WriteManifestAsync("server.yaml", Remote(server.Url.Port, "spiffe://partner.test/ns/test/sa/another"));
        var client = (await ours.StartClientAsync()).CreateClient("http://server.partner.test");

        MeshException? refused = null;
        while (refused is not { Error: MeshError.PeerRefused })
        {
            refused = await Record.ExceptionAsync(() => client.GetStringAsync(new Uri("/", UriKind.Relative), TestEnd)) as MeshException;
        }
    }

    [Fact(Timeout = TestMesh.TimeLimit)]
    public async Task Trust_domain_is_verified_by_its_own_roots_alone()
    {
        await using var ours = await MeshAsync("ours.test");
        await using var partner = await MeshAsync("partner.test");
        await FederateAsync(partner, ours, "ours.test");
        var server = await partner.StartServerAsync("server", static app => app.MapGet("/", static http => http.Response.WriteAsync("never")));

        // Our root is trusted there, but for nobody of the partner's own trust domain.
        await Eventually.TrueAsync(() => HandshakeAsync(Forge(ours, "spiffe://ours.test/ns/test/sa/client"), server.Url.Port), TestEnd);
        Assert.False(await HandshakeAsync(Forge(ours, "spiffe://partner.test/ns/test/sa/client"), server.Url.Port));
        Assert.False(await HandshakeAsync(Forge(ours, "spiffe://third.test/ns/test/sa/client"), server.Url.Port));
    }

    private static Task<TestMesh> MeshAsync(string trustDomain) => TestMesh.StartAsync(options =>
    {
        options.TrustDomain = trustDomain;
        options.Federation.Listen = "127.0.0.1:0";
        options.Federation.RefreshHint = TimeSpan.FromSeconds(1);
    });

    private static IServiceProvider Parts(TestMesh mesh) => mesh.ControlPlane.GetRequiredService<ControlPlaneHost>().Services;

    private static Task FederateAsync(TestMesh mesh, TestMesh with, string trustDomain) => mesh.WriteManifestAsync($"{trustDomain}.yaml", $$"""
        apiVersion: mesh.proxyless.dev/v1alpha1
        kind: FederatedTrustDomain
        metadata: { name: {{trustDomain}}, namespace: mesh-system }
        spec:
          trustDomain: {{trustDomain}}
          bundleEndpointURL: {{with.ControlPlane.GetRequiredService<ProxylessMesh.ControlPlane.MeshControlPlaneAddress>().BundleEndpoint}}
          bundleEndpointProfile: { type: https_spiffe, endpointSPIFFEID: "spiffe://{{trustDomain}}/ns/mesh-system/sa/control-plane" }
          trustDomainBundle: '{{Encoding.UTF8.GetString(SpiffeBundleWriter.Write(Parts(with).GetRequiredService<OwnBundle>().Current))}}'
        """);

    private static string Allow(string principal) => $$"""
        apiVersion: security.istio.io/v1
        kind: AuthorizationPolicy
        metadata: { name: server, namespace: test }
        spec:
          selector: { matchLabels: { app: server } }
          rules: [{ from: [{ source: { principals: ["{{principal}}"] } }] }]
        """;

    private static string Remote(int port, string identity) => $$"""
        apiVersion: networking.istio.io/v1
        kind: ServiceEntry
        metadata: { name: partner, namespace: test }
        spec:
          hosts: [server.partner.test]
          location: MESH_INTERNAL
          resolution: STATIC
          ports: [{ number: 80, name: http, protocol: HTTP, targetPort: {{port}} }]
          endpoints: [{ address: 127.0.0.1, labels: { security.istio.io/tlsMode: istio } }]
          subjectAltNames: ["{{identity}}"]
        """;

    // What a CA that has gone bad could sign.
    private static X509Certificate2 Forge(TestMesh mesh, string id)
    {
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        using var leaf = Parts(mesh).GetRequiredService<CertificateAuthority>().Issue(SpiffeId.Parse(id), new PublicKey(key), TimeSpan.FromHours(1));
        return leaf.CopyWithPrivateKey(key);
    }

    // Whether the server takes the certificate.
    private static async Task<bool> HandshakeAsync(X509Certificate2 certificate, int port)
    {
        using var tcp = new TcpClient();
        await tcp.ConnectAsync(IPAddress.Loopback, port, TestEnd);
        await using var tls = new SslStream(tcp.GetStream(), false, static (_, certificate, _, _) => certificate is not null);
        try
        {
            // A server judges a certificate when the client's part of the handshake is over: only an answer shows that it was taken.
            await tls.AuthenticateAsClientAsync(
                new SslClientAuthenticationOptions
                {
                    TargetHost = "server",
                    ClientCertificateContext = SslStreamCertificateContext.Create(certificate, null, offline: true),
                    EnabledSslProtocols = System.Security.Authentication.SslProtocols.Tls12,
                    ApplicationProtocols = [SslApplicationProtocol.Http11],
                },
                TestEnd);
            await tls.WriteAsync("GET / HTTP/1.1\r\nHost: server\r\n\r\n"u8.ToArray(), TestEnd);
            return await tls.ReadAsync(new byte[16], TestEnd) > 0;
        }
        catch (Exception error) when (error is IOException or System.Security.Authentication.AuthenticationException)
        {
            return false;
        }
        finally
        {
            certificate.Dispose();
        }
    }
}
