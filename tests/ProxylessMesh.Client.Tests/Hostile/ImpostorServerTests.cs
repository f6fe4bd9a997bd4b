using System.Net;
using Microsoft.AspNetCore.Http;
using ProxylessMesh.Spiffe;
using ProxylessMesh.TestSupport;
using ProxylessMesh.Xds.Matching;
using ProxylessMesh.Xds.Resources;

namespace ProxylessMesh.Client.Tests.Hostile;

/// <summary>Servers that are not what a cluster says: no byte of the request is sent to them.</summary>
public sealed class ImpostorServerTests
{
    private static readonly SpiffeId Catalog = SpiffeId.Parse("spiffe://mesh.local/ns/shop/sa/catalog");

    private static CancellationToken TestEnd => TestContext.Current.CancellationToken;

    public static TheoryData<string> Kinds => [.. Impostors.Names];

    [Theory]
    [MemberData(nameof(Kinds))]
    public Task Server_with_a_certificate_that_is_wrong_in_one_way_gets_nothing(string kind) => NothingIsSentAsync(ca => Impostors.Make(kind, ca, Catalog));

    [Fact]
    public Task Server_of_the_right_root_and_the_wrong_service_gets_nothing() => NothingIsSentAsync(static ca => ca.Issue("shop", "pricing"));

    [Fact]
    public async Task Server_that_is_the_one_gets_the_call()
    {
        var ca = TestCa.Create();
        await using var backend = await TestBackend.StartAsync(static http => http.Response.WriteAsync("served"), new TestIdentitySource(ca.Issue(Catalog)));
        await using var mesh = Mesh(ca, backend);

        Assert.Equal("served", await mesh.Client().GetStringAsync(new Uri("http://catalog/"), TestEnd));
    }

    [Fact]
    public async Task Server_without_TLS_gets_nothing()
    {
        var ca = TestCa.Create();
        var reached = false;
        await using var backend = await TestBackend.StartAsync(_ =>
        {
            reached = true;
            return Task.CompletedTask;
        });
        await using var mesh = Mesh(ca, backend);

        await Assert.ThrowsAsync<MeshException>(() => mesh.Client().GetAsync(new Uri("http://catalog/"), TestEnd));
        Assert.False(reached);
    }

    private static async Task NothingIsSentAsync(Func<TestCa, WorkloadIdentity> server)
    {
        var ca = TestCa.Create();
        var reached = false;
        await using var backend = await TestBackend.StartAsync(
            _ =>
            {
                reached = true;
                return Task.CompletedTask;
            },
            new TestIdentitySource(server(ca)));
        await using var mesh = Mesh(ca, backend);

        var error = await Assert.ThrowsAsync<MeshException>(() => mesh.Client().GetAsync(new Uri("http://catalog/"), TestEnd));

        Assert.Contains("catalog", error.Message, StringComparison.Ordinal);
        Assert.False(reached);
    }

    private static TestMesh Mesh(TestCa ca, TestBackend backend)
    {
        var mesh = new TestMesh(new TestIdentitySource(ca.Issue("shop", "storefront")));
        mesh.Xds.Publish(Configs.Host("catalog", Configs.Forward("catalog"), Configs.Cluster(
            new ClusterConfig
            {
                Name = "catalog",
                EdsName = "catalog",
                Tls = new UpstreamTlsConfig { IdentityProvider = "default", RootProvider = "default", PeerNames = [StringMatcher.Exact(Catalog.ToString())] },
            },
            new IPEndPoint(IPAddress.Loopback, backend.Address.Port))));
        return mesh;
    }
}
