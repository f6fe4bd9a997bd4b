using System.Net;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;
using ProxylessMesh.TestSupport;
using ProxylessMesh.Xds;
using ProxylessMesh.Xds.Matching;
using ProxylessMesh.Xds.Resources;

namespace ProxylessMesh.Client.Tests.Outbound;

public sealed class MeshCallTests
{
    private static CancellationToken TestEnd => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Request_reaches_the_endpoint_with_the_host_the_application_asked_for()
    {
        await using var backend = await TestBackend.StartAsync(http => http.Response.WriteAsync(http.Request.Host.Value!));
        await using var mesh = TestMesh.With(Configs.Host("catalog", backend.Address));
        using var client = mesh.Client();

        Assert.Equal("catalog", await client.GetStringAsync(new Uri("http://catalog/"), TestEnd));
        Assert.Equal(0, mesh.Cluster("catalog").Members.Breaker.Active);
    }

    [Fact]
    public async Task Plain_http_11_request_goes_as_http2_over_mutual_tls_and_comes_back_as_it_was()
    {
        var ca = TestCa.Create();
        await using var backend = await TestBackend.StartAsync(Describe, new TestIdentitySource(ca.Issue("shop", "catalog")));
        await using var mesh = new TestMesh(new TestIdentitySource(ca.Issue("shop", "storefront")));
        mesh.Xds.Publish(Configs.Host("catalog", Configs.Forward("catalog"), TlsCluster("spiffe://mesh.local/ns/shop/sa/catalog", backend.Address)));
        using var client = mesh.Client();
        using var request = new HttpRequestMessage(HttpMethod.Get, "http://catalog/items?x=1") { Version = HttpVersion.Version11, VersionPolicy = HttpVersionPolicy.RequestVersionOrLower };

        using var response = await client.SendAsync(request, TestEnd);

        Assert.Equal("https HTTP/2 catalog /items?x=1 with certificate", await response.Content.ReadAsStringAsync(TestEnd));
        Assert.Equal(new Uri("http://catalog/items?x=1"), request.RequestUri);
        Assert.Equal(HttpVersion.Version11, request.Version);
        Assert.Equal(HttpVersionPolicy.RequestVersionOrLower, request.VersionPolicy);
    }

    [Fact]
    public async Task Synchronous_calls_work_too()
    {
        await using var backend = await TestBackend.StartAsync(static http => http.Response.WriteAsync("here"));
        await using var mesh = TestMesh.With(Configs.Host("catalog", backend.Address));
        using var client = mesh.Client();
        using var request = new HttpRequestMessage(HttpMethod.Get, "http://catalog/");

        using var response = client.Send(request, TestEnd);
        using var body = new StreamReader(response.Content.ReadAsStream(TestEnd));

        Assert.Equal("here", body.ReadToEnd());
        RetryTests.AssertIdle(mesh);
    }

    [Fact]
    public async Task Endpoint_with_the_wrong_identity_gets_nothing()
    {
        var ca = TestCa.Create();
        var asked = 0;
        await using var backend = await TestBackend.StartAsync(http => { asked++; return Task.CompletedTask; }, new TestIdentitySource(ca.Issue("shop", "impostor")));
        await using var mesh = new TestMesh(new TestIdentitySource(ca.Issue("shop", "storefront")));
        mesh.Xds.Publish(Configs.Host("catalog", Configs.Forward("catalog"), TlsCluster("spiffe://mesh.local/ns/shop/sa/catalog", backend.Address)));
        using var client = mesh.Client();

        var error = await Assert.ThrowsAsync<MeshException>(() => client.GetAsync(new Uri("http://catalog/"), TestEnd));

        Assert.Equal(MeshError.PeerRefused, error.Error);
        Assert.Equal("catalog", error.Cluster);
        Assert.Equal(0, asked);
    }

    [Fact]
    public async Task Without_a_certificate_a_call_that_needs_one_says_so()
    {
        var ca = TestCa.Create();
        await using var backend = await TestBackend.StartAsync(Describe, new TestIdentitySource(ca.Issue("shop", "catalog")));
        await using var mesh = new TestMesh();
        mesh.Xds.Publish(Configs.Host("catalog", Configs.Forward("catalog"), TlsCluster("spiffe://mesh.local/ns/shop/sa/catalog", backend.Address)));
        using var client = mesh.Client();

        var error = await Assert.ThrowsAsync<MeshException>(() => client.GetAsync(new Uri("http://catalog/"), TestEnd));

        Assert.Equal(MeshError.NoIdentity, error.Error);
    }

    private static ClusterState TlsCluster(string peer, params IPEndPoint[] addresses) => Configs.Cluster(
        new ClusterConfig
        {
            Name = "catalog",
            Http2 = true,
            Tls = new UpstreamTlsConfig { IdentityProvider = "default", RootProvider = "default", PeerNames = [StringMatcher.Exact(peer)] },
        },
        addresses);

    private static Task Describe(HttpContext http)
        => http.Response.WriteAsync($"{http.Request.Scheme} {http.Request.Protocol} {http.Request.Host} {http.Request.Path}{http.Request.QueryString} {(http.Features.Get<ITlsConnectionFeature>()?.ClientCertificate is null ? "nobody" : "with certificate")}");

}
