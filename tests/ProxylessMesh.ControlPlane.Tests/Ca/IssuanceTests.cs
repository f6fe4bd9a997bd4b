using System.Text.Json;
using Grpc.Core;
using ProxylessMesh.Protos.V1;
using ProxylessMesh.Spiffe;
using ProxylessMesh.TestSupport;

namespace ProxylessMesh.ControlPlane.Tests.Ca;

/// <summary>Who gets a certificate once the identity is proved, what is written down of it, and when a stream must end.</summary>
public sealed class IssuanceTests : IDisposable
{
    private readonly TestFolder _folder = new();

    private static CancellationToken TestEnd => TestContext.Current.CancellationToken;

    public void Dispose() => _folder.Dispose();

    [Fact]
    public async Task Revoked_token_ends_the_renewals_of_who_joined_by_it_and_of_nobody_else()
    {
        await using var host = await TestCaHost.StartAsync(_folder.Path);
        var leaked = await host.Tokens.CreateAsync("shop", "catalog", TimeSpan.FromHours(1), 0, TestEnd);
        var other = await host.Tokens.CreateAsync("shop", "catalog", TimeSpan.FromHours(1), 0, TestEnd);
        var byLeaked = await host.RenewAsync(await host.JoinAsync(leaked));
        var byOther = await host.JoinAsync(other);

        await host.Tokens.RevokeAsync(JoinToken.Parse(leaked).Id, TestEnd);

        var error = await Assert.ThrowsAsync<IdentityException>(() => host.RenewAsync(byLeaked));
        Assert.Equal(IdentityError.NotAllowed, error.Error);
        Assert.Contains("is revoked", error.Message, StringComparison.Ordinal);
        await host.RenewAsync(byOther);
    }

    [Fact]
    public async Task Token_of_a_chain_of_renewals_is_known_over_a_restart_and_after_the_token_has_expired()
    {
        var time = TimeProvider.System;
        WorkloadIdentity identity;
        string id;
        await using (var host = await TestCaHost.StartAsync(_folder.Path))
        {
            var token = await host.Tokens.CreateAsync("shop", "catalog", TimeSpan.FromHours(1), 1, TestEnd);
            id = JoinToken.Parse(token).Id;
            identity = await host.RenewAsync(await host.JoinAsync(token));
        }

        await using (var host = await TestCaHost.StartAsync(_folder.Path))
        {
            await host.Tokens.RevokeAsync(id, TestEnd);
            await Assert.ThrowsAsync<IdentityException>(() => host.RenewAsync(identity));
        }

        await using (var host = await TestCaHost.StartAsync(_folder.Path))
        {
            await Assert.ThrowsAsync<IdentityException>(() => host.RenewAsync(identity));
            Assert.NotNull(Assert.Single(await host.Tokens.ListAsync(TestEnd)).RevokedAt);
        }

        Assert.True(identity.ExpiresAt > time.GetUtcNow());
    }

    [Fact]
    public async Task Policy_bounds_accounts_and_kinds_of_keys()
    {
        await using var host = await TestCaHost.StartAsync(_folder.Path, static options =>
        {
            options.Issuance.ServiceAccounts.Add("shop/*");
            options.Issuance.ServiceAccounts.Add("*/prober");
            options.Issuance.KeyTypes.Add("ecdsa-p256");
        });
        var token = await host.Tokens.CreateAsync("*", "*", TimeSpan.FromHours(1), 0, TestEnd);

        await host.JoinAsync(token);
        await host.JoinAsync(token, "bank", "prober");
        Assert.Contains("ServiceAccounts", (await Assert.ThrowsAsync<IdentityException>(() => host.JoinAsync(token, "bank", "teller"))).Message, StringComparison.Ordinal);
        Assert.Contains("\"refused\"", Audit(), StringComparison.Ordinal);
        Assert.Contains("bank/sa/teller", Audit(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Audit_log_has_a_line_for_each_certificate_and_no_secret()
    {
        await using var host = await TestCaHost.StartAsync(_folder.Path);
        var token = await host.Tokens.CreateAsync("shop", "catalog", TimeSpan.FromHours(1), 0, TestEnd);
        var joined = await host.JoinAsync(token);
        var renewed = await host.RenewAsync(joined);

        var issued = Audit().Split('\n', StringSplitOptions.RemoveEmptyEntries).Select(static line => JsonDocument.Parse(line).RootElement).Where(static line => line.GetProperty("event").GetString() == "issued").ToList();

        Assert.Equal([joined.Leaf.SerialNumber, renewed.Leaf.SerialNumber], issued.Select(static line => line.GetProperty("serial").GetString()));
        Assert.Equal(["join-token", "certificate"], issued.Select(static line => line.GetProperty("by").GetString()));
        Assert.All(issued, line => Assert.Equal(JoinToken.Parse(token).Id, line.GetProperty("token").GetString()));
        Assert.Equal(joined.Leaf.SerialNumber, issued[1].GetProperty("renews").GetString());
        Assert.DoesNotContain(token.Split('.')[2], Audit(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Guessing_is_told_once_for_each_reason_of_a_burst()
    {
        await using var host = await TestCaHost.StartAsync(_folder.Path);
        for (var guess = 0; guess < 4; guess++)
        {
            await Assert.ThrowsAsync<IdentityException>(() => host.JoinAsync(JoinToken.Create(host.Authority.RootHash.Span).Text));
        }

        var used = await host.Tokens.CreateAsync("shop", "catalog", TimeSpan.FromHours(1), 1, TestEnd);
        await host.JoinAsync(used);
        await Assert.ThrowsAsync<IdentityException>(() => host.JoinAsync(used));

        Assert.Equal(2, host.Log.Entries.Count(static entry => entry.Message.StartsWith("Refused a certificate", StringComparison.Ordinal)));
        Assert.Equal(2, Audit().Split("\"refused\"").Length - 1);
    }

    [Fact]
    public async Task Stream_ends_when_the_identity_is_revoked_and_comes_back_when_it_is_restored()
    {
        await using var host = await TestCaHost.StartAsync(_folder.Path);
        var identity = await host.JoinAsync(await host.Tokens.CreateAsync("shop", "catalog", TimeSpan.FromHours(1), 1, TestEnd));
        using var channel = new ControlPlaneChannel(host.Address, new TestIdentitySource(identity));
        var client = new IdentityService.IdentityServiceClient(channel.Channel);
        using var watch = client.WatchTrustBundles(cancellationToken: TestEnd);
        Assert.True(await watch.ResponseStream.MoveNext(TestEnd));

        host.Revoked.Revoke(identity.Id, "test");

        Assert.Equal(StatusCode.PermissionDenied, (await Assert.ThrowsAsync<RpcException>(() => watch.ResponseStream.MoveNext(TestEnd))).StatusCode);
        Assert.Equal(StatusCode.PermissionDenied, (await Assert.ThrowsAsync<RpcException>(() => client.SignSnapshotAsync(new SignSnapshotRequest(), cancellationToken: TestEnd).ResponseAsync)).StatusCode);
        Assert.True(host.Revoked.Restore(identity.Id));
        using var again = client.WatchTrustBundles(cancellationToken: TestEnd);
        Assert.True(await again.ResponseStream.MoveNext(TestEnd));
    }

    [Fact]
    public async Task Watch_sends_new_bundles_only_after_the_last_were_acknowledged_and_then_the_newest()
    {
        await using var host = await TestCaHost.StartAsync(_folder.Path);
        var identity = await host.JoinAsync(await host.Tokens.CreateAsync("shop", "catalog", TimeSpan.FromHours(1), 1, TestEnd));
        using var channel = new ControlPlaneChannel(host.Address, new TestIdentitySource(identity));
        using var watch = new IdentityService.IdentityServiceClient(channel.Channel).WatchTrustBundles(cancellationToken: TestEnd);
        Assert.True(await watch.ResponseStream.MoveNext(TestEnd));
        var first = watch.ResponseStream.Current;

        host.Rotation.Add(null, null);
        var next = watch.ResponseStream.MoveNext(TestEnd);
        Assert.Contains("sa/catalog", Assert.Throws<MeshControlPlaneException>(() => host.Rotation.Switch(isForced: false)).Message, StringComparison.Ordinal);
        await watch.RequestStream.WriteAsync(new WatchTrustBundlesRequest { Version = "nonsense" }, TestEnd);
        await watch.RequestStream.WriteAsync(new WatchTrustBundlesRequest { Version = first.Version }, TestEnd);

        Assert.True(await next);
        Assert.Equal((1, 2), (first.Bundles.Single().X509Authorities.Count, watch.ResponseStream.Current.Bundles.Single().X509Authorities.Count));
        Assert.NotEqual(first.Version, watch.ResponseStream.Current.Version);
    }

    private string Audit()
    {
        // The control plane has it open for writing.
        using var file = new FileStream(_folder.File("audit.jsonl"), FileMode.Open, FileAccess.Read, FileShare.ReadWrite);
        using var reader = new StreamReader(file);
        return reader.ReadToEnd();
    }
}
