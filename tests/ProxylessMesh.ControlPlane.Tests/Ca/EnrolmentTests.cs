using ProxylessMesh.Spiffe;

namespace ProxylessMesh.ControlPlane.Tests.Ca;

public sealed class EnrolmentTests : IDisposable
{
    private readonly TestFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    private static CancellationToken TestEnd => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Token_brings_the_identity_that_it_is_for()
    {
        await using var host = await TestCaHost.StartAsync(_folder.Path);
        var token = await host.Tokens.CreateAsync("shop", "catalog", TimeSpan.FromHours(1), 1, TestEnd);

        var identity = await host.JoinAsync(token);

        Assert.Equal("spiffe://mesh.local/ns/shop/sa/catalog", identity.Id.ToString());
        Assert.True(identity.Leaf.HasPrivateKey);
        Assert.Null(X509SvidChain.Verify(identity.Leaf, [], new TrustBundleSet([host.Authority.Bundle]), TimeProvider.System.GetUtcNow(), out _));
    }

    [Fact]
    public async Task Certificate_renews_itself_and_nothing_else()
    {
        await using var host = await TestCaHost.StartAsync(_folder.Path);
        var first = await host.JoinAsync(await host.Tokens.CreateAsync("shop", "catalog", TimeSpan.FromHours(1), 1, TestEnd));

        var second = await host.RenewAsync(first);

        Assert.Equal(first.Id, second.Id);
        Assert.NotEqual(first.Leaf.SerialNumber, second.Leaf.SerialNumber);
        Assert.NotEqual(first.Leaf.GetPublicKey(), second.Leaf.GetPublicKey());
        Assert.Equal(IdentityError.NotAllowed, (await Assert.ThrowsAsync<IdentityException>(() => host.RenewAsync(first, "pricing"))).Error);
    }

    [Fact]
    public async Task Single_use_token_works_once()
    {
        await using var host = await TestCaHost.StartAsync(_folder.Path);
        var token = await host.Tokens.CreateAsync("shop", "catalog", TimeSpan.FromHours(1), 1, TestEnd);
        await host.JoinAsync(token);

        var error = await Assert.ThrowsAsync<IdentityException>(() => host.JoinAsync(token));

        Assert.Equal(IdentityError.TokenRefused, error.Error);
        Assert.Contains("no uses left", error.Message);
    }

    [Fact]
    public async Task Unknown_token_is_refused_with_the_cure_and_without_its_secret()
    {
        await using var host = await TestCaHost.StartAsync(_folder.Path);
        var token = JoinToken.Create(host.Authority.RootHash.Span).Text;

        var error = await Assert.ThrowsAsync<IdentityException>(() => host.JoinAsync(token));

        Assert.Equal(IdentityError.TokenRefused, error.Error);
        Assert.Contains("mesh token create", error.Message);
        Assert.DoesNotContain(token.Split('.')[2], error.ToString());
    }

    [Fact]
    public async Task Token_of_one_service_account_brings_no_other()
    {
        await using var host = await TestCaHost.StartAsync(_folder.Path);
        var token = await host.Tokens.CreateAsync("shop", "catalog", TimeSpan.FromHours(1), 0, TestEnd);

        Assert.Equal(IdentityError.NotAllowed, (await Assert.ThrowsAsync<IdentityException>(() => host.JoinAsync(token, "shop", "pricing"))).Error);
        Assert.Equal(IdentityError.NotAllowed, (await Assert.ThrowsAsync<IdentityException>(() => host.JoinAsync(token, "bank", "catalog"))).Error);
    }

    [Fact]
    public async Task Token_for_any_service_account_brings_all_but_the_control_planes()
    {
        await using var host = await TestCaHost.StartAsync(_folder.Path);
        var token = await host.Tokens.CreateAsync("*", "*", TimeSpan.FromHours(1), 0, TestEnd);

        Assert.Equal("spiffe://mesh.local/ns/a/sa/b", (await host.JoinAsync(token, "a", "b")).Id.ToString());
        Assert.Equal(IdentityError.NotAllowed, (await Assert.ThrowsAsync<IdentityException>(() => host.JoinAsync(token, "mesh-system", "control-plane"))).Error);
    }

    [Fact]
    public async Task Token_of_another_mesh_is_never_sent_to_this_one()
    {
        using var elsewhere = new TestFolder();
        await using var host = await TestCaHost.StartAsync(_folder.Path);
        await using var other = await TestCaHost.StartAsync(elsewhere.Path);
        var token = await other.Tokens.CreateAsync("shop", "catalog", TimeSpan.FromHours(1), 0, TestEnd);

        var error = await Assert.ThrowsAsync<IdentityException>(() => host.JoinAsync(token));

        Assert.Equal(IdentityError.ControlPlaneNotTrusted, error.Error);
        Assert.DoesNotContain(host.Log.Entries, static entry => entry.Event.Id == 6521);
    }

    [Fact]
    public async Task Certificate_of_another_mesh_renews_nothing_here()
    {
        using var elsewhere = new TestFolder();
        await using var host = await TestCaHost.StartAsync(_folder.Path);
        await using var other = await TestCaHost.StartAsync(elsewhere.Path);
        var foreigner = await other.JoinAsync(await other.Tokens.CreateAsync("shop", "catalog", TimeSpan.FromHours(1), 0, TestEnd));

        Assert.Equal(IdentityError.ControlPlaneNotTrusted, (await Assert.ThrowsAsync<IdentityException>(() => host.RenewAsync(foreigner))).Error);
    }

    [Fact]
    public async Task Unreachable_control_plane_is_named_with_its_address()
    {
        var host = await TestCaHost.StartAsync(_folder.Path);
        var token = await host.Tokens.CreateAsync("shop", "catalog", TimeSpan.FromHours(1), 0, TestEnd);
        await host.DisposeAsync();

        var error = await Assert.ThrowsAsync<IdentityException>(() => host.JoinAsync(token));

        Assert.Equal(IdentityError.ControlPlaneUnreachable, error.Error);
        Assert.Contains(host.Address.ToString(), error.Message);
    }

    [Fact]
    public async Task Root_and_tokens_survive_a_restart()
    {
        string token;
        WorkloadIdentity before;
        await using (var host = await TestCaHost.StartAsync(_folder.Path))
        {
            token = await host.Tokens.CreateAsync("shop", "catalog", TimeSpan.FromHours(1), 2, TestEnd);
            before = await host.JoinAsync(token);
        }

        await using var again = await TestCaHost.StartAsync(_folder.Path);

        Assert.Equal(before.Id, (await again.RenewAsync(before)).Id);
        Assert.Equal(before.Id, (await again.JoinAsync(token)).Id);
        Assert.Equal(IdentityError.TokenRefused, (await Assert.ThrowsAsync<IdentityException>(() => again.JoinAsync(token))).Error);
    }

    [Fact]
    public async Task Source_is_ready_after_one_attempt_and_its_channel_speaks_as_that_workload()
    {
        await using var host = await TestCaHost.StartAsync(_folder.Path);
        var source = host.SourceFor(await host.Tokens.CreateAsync("shop", "catalog", TimeSpan.FromHours(1), 1, TestEnd));
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(TestEnd);
        using var channel = new ControlPlaneChannel(host.Address, source);

        // Asked before there is an identity: it waits for the first.
        var asked = new Protos.V1.IdentityService.IdentityServiceClient(channel.Channel).SignSnapshotAsync(new Protos.V1.SignSnapshotRequest { NodeId = "n" }, cancellationToken: TestEnd);
        var running = source.RunAsync(stop.Token);
        var identity = await source.GetAsync(TestEnd);

        Assert.Null(SnapshotSignature.Verify((await asked).Cms.Span, host.Authority.Bundle, out var content));
        Assert.Equal(identity.Id.ToString(), content!.SpiffeId);
        Assert.Equal(IdentityState.Ready, source.Status.State);
        await stop.CancelAsync();
        await running;
    }

    [Fact]
    public async Task Source_without_any_proof_says_what_to_set_once()
    {
        await using var host = await TestCaHost.StartAsync(_folder.Path);
        var source = host.SourceFor("");
        var failed = new TaskCompletionSource<IdentityStatus>();
        source.StatusChanged += status => failed.TrySetResult(status);
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(TestEnd);

        var running = source.RunAsync(stop.Token);
        var status = await failed.Task.WaitAsync(TestEnd);

        Assert.Equal(IdentityState.Waiting, status.State);
        Assert.Equal(IdentityError.NoProof, status.Error!.Error);
        Assert.Contains("Mesh:JoinToken", status.Error.Message);
        await stop.CancelAsync();
        await running;
    }
}
