using System.Net.Security;
using ProxylessMesh.TestSupport;

namespace ProxylessMesh.Spiffe.Tests;

public sealed class SpiffeTlsTests
{
    private static readonly TestCa Ca = TestCa.Create();

    private readonly WorkloadIdentity _server = Ca.Issue("shop", "catalog");

    private readonly WorkloadIdentity _client = Ca.Issue("shop", "storefront");

    [Fact]
    public async Task Two_workloads_of_one_mesh_prove_themselves_to_each_other()
    {
        var result = await ConnectAsync(_server, _client);

        Assert.True(result.IsDone);
        Assert.Equal(_client.Leaf.RawData, result.Server.Peer!.RawData);
        Assert.Equal(_server.Leaf.RawData, result.Client.Peer!.RawData);
    }

    [Fact]
    public async Task Server_of_another_root_is_refused()
        => Assert.NotNull((await ConnectAsync(TestCa.Create().Issue("shop", "catalog"), _client)).Client.Error);

    [Fact]
    public async Task Client_of_another_root_is_refused()
        => Assert.NotNull((await ConnectAsync(_server, TestCa.Create().Issue("shop", "storefront", bundles: Ca.Bundles))).Server.Error);

    [Fact]
    public async Task Client_without_a_certificate_is_refused()
    {
        var result = await Handshake.RunAsync(ForServer(_server), SpiffeTls.ForEnrolment(null, "any.mesh", [SslApplicationProtocol.Http2]), TestContext.Current.CancellationToken);

        Assert.NotNull(result.Server.Error);
    }

    [Fact]
    public async Task Expired_peer_is_refused_by_either_side()
    {
        Assert.NotNull((await ConnectAsync(Ca.Issue("shop", "catalog", TimeSpan.FromMinutes(-1)), _client)).Client.Error);
        Assert.NotNull((await ConnectAsync(_server, Ca.Issue("shop", "storefront", TimeSpan.FromMinutes(-1)))).Server.Error);
    }

    [Fact]
    public async Task Hostile_leaf_from_the_right_root_is_refused()
    {
        var id = SpiffeId.Parse("spiffe://mesh.local/ns/shop/sa/storefront");
        TestLeaf[] leaves =
        [
            new(),
            new() { DnsNames = ["storefront"] },
            new() { Uris = [id.ToString(), "spiffe://mesh.local/ns/shop/sa/admin"] },
            new() { Uris = [id.ToString()], IsAuthority = true },
            new() { Uris = [id.ToString()], KeyUsage = null },
        ];
        foreach (var leaf in leaves)
        {
            Assert.NotNull((await ConnectAsync(_server, Ca.Issue(leaf, id))).Server.Error);
        }
    }

    [Fact]
    public async Task Id_of_another_trust_domain_is_refused_though_the_root_is_trusted_for_ours()
    {
        var foreigner = Ca.Issue(SpiffeId.Parse("spiffe://other.example/ns/shop/sa/storefront"));

        Assert.NotNull((await ConnectAsync(_server, foreigner)).Server.Error);
    }

    [Fact]
    public async Task Root_of_one_trust_domain_proves_no_id_of_another()
    {
        var other = TestCa.Create("other.example");
        var both = new TrustBundleSet([Ca.Bundle, other.Bundle]);
        var server = Ca.Issue("shop", "catalog", bundles: both);
        var friend = other.Issue(SpiffeId.Parse("spiffe://other.example/ns/shop/sa/storefront"), bundles: both);
        var impostor = other.Issue(SpiffeId.Parse("spiffe://mesh.local/ns/shop/sa/storefront"), bundles: both);

        Assert.True((await ConnectAsync(server, friend)).IsDone);
        Assert.NotNull((await ConnectAsync(server, impostor)).Server.Error);
    }

    [Fact]
    public async Task Peer_that_this_connection_does_not_want_is_refused()
    {
        var result = await Handshake.RunAsync(
            ForServer(_server),
            SpiffeTls.ForClient(_client, static peer => peer.Path.EndsWith("/pricing", StringComparison.Ordinal), "any.mesh", [SslApplicationProtocol.Http2]),
            TestContext.Current.CancellationToken);

        Assert.NotNull(result.Client.Error);
    }

    [Theory]
    [InlineData(false, false)]
    [InlineData(true, false)]
    [InlineData(false, true)]
    [InlineData(true, true)]
    public async Task Intermediates_on_either_side_pass_on_full_and_on_resumed_sessions(bool serverHas, bool clientHas)
    {
        // Two intermediates that are not the same: what the one side has does not help with the other's chain.
        var server = (serverHas ? Ca.WithIntermediate().WithIntermediate() : Ca).Issue("shop", "catalog");
        var client = (clientHas ? Ca.WithIntermediate() : Ca).Issue("shop", "storefront");

        for (var i = 0; i < 5; i++)
        {
            Assert.True(ForServer(server).AllowTlsResume);
            var result = await ConnectAsync(server, client);
            Assert.True(result.IsDone, $"handshake {i}: server {result.Server.Error?.Message}, client {result.Client.Error?.Message}");
        }

        Assert.Equal(clientHas ? 1 : 0, server.PeerChains.ForClients.ExtraStore.Count - server.Intermediates.Count);
    }

    [Fact]
    public async Task Intermediates_of_strangers_are_not_remembered()
    {
        var stranger = TestCa.Create().WithIntermediate().Issue("shop", "storefront", bundles: Ca.Bundles);

        await ConnectAsync(_server, stranger);

        Assert.Empty(_server.PeerChains.ForClients.ExtraStore);
    }

    [Fact]
    public async Task When_too_many_intermediates_are_known_sessions_are_no_longer_resumed_and_all_still_pass()
    {
        for (var i = 0; i < PeerChainPolicy.MaxIntermediates + 1; i++)
        {
            Assert.True((await ConnectAsync(_server, Ca.WithIntermediate().Issue("shop", "storefront"))).IsDone);
        }

        Assert.False(ForServer(_server).AllowTlsResume);
        Assert.Equal(PeerChainPolicy.MaxIntermediates, _server.PeerChains.ForClients.ExtraStore.Count);
        var last = Ca.WithIntermediate().Issue("shop", "storefront");
        Assert.True((await ConnectAsync(_server, last)).IsDone);
        Assert.True((await ConnectAsync(_server, last)).IsDone);
    }

    private static SslServerAuthenticationOptions ForServer(WorkloadIdentity identity) => SpiffeTls.ForServer(identity, static _ => true, [SslApplicationProtocol.Http2]);

    private static SslClientAuthenticationOptions ForClient(WorkloadIdentity identity) => SpiffeTls.ForClient(identity, static _ => true, "any.mesh", [SslApplicationProtocol.Http2]);

    private static Task<HandshakeResult> ConnectAsync(WorkloadIdentity server, WorkloadIdentity client)
        => Handshake.RunAsync(ForServer(server), ForClient(client), TestContext.Current.CancellationToken);
}
