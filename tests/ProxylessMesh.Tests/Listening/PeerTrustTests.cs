using System.Net;
using Microsoft.AspNetCore.Connections.Features;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Time.Testing;
using ProxylessMesh.Spiffe;
using ProxylessMesh.TestSupport;

namespace ProxylessMesh.Tests.Listening;

/// <summary>An open connection is worth what its peer could prove now.</summary>
public sealed class PeerTrustTests
{
    private readonly TaskCompletionSource _closed = new(TaskCreationOptions.RunContinuationsAsynchronously);

    private static CancellationToken TestEnd => TestContext.Current.CancellationToken;

    [Theory]
    [InlineData("2.0")]
    [InlineData("1.1")]
    public async Task Caller_whose_root_has_gone_is_refused_on_its_open_connection_which_then_ends(string version)
    {
        await using var app = await MeshApp.StartAsync(Policies.Strict(), Answer);
        using var client = app.Client(version: Version.Parse(version));
        Assert.Equal("from the application", await client.GetStringAsync("/", TestEnd));

        var ours = app.Identity.Current!;
        app.Identity.Set(new WorkloadIdentity(ours.Id, ours.Leaf, [], TestCa.Create().Bundles));

        await AssertRefusedAsync(client);
        await _closed.Task.WaitAsync(TestEnd);
        await Assert.ThrowsAsync<HttpRequestException>(() => client.GetAsync("/", TestEnd));
    }

    [Fact]
    public async Task Another_root_beside_the_old_one_and_a_new_certificate_of_ours_end_nothing()
    {
        await using var app = await MeshApp.StartAsync(Policies.Strict(), Answer);
        using var client = app.Client();
        Assert.Equal("from the application", await client.GetStringAsync("/", TestEnd));
        var both = new TrustBundle(app.Ca.TrustDomain, [.. TestCa.Create().Bundle.Authorities, .. app.Ca.Bundle.Authorities]);

        app.Identity.Set(app.Ca.Issue("shop", "catalog", bundles: new TrustBundleSet([both])));

        Assert.Equal("from the application", await client.GetStringAsync("/", TestEnd));
        Assert.False(_closed.Task.IsCompleted);
    }

    [Fact]
    public async Task Caller_whose_certificate_is_about_to_end_is_asked_to_connect_anew_and_refused_after_its_end()
    {
        var time = new FakeTimeProvider(TimeProvider.System.GetUtcNow());
        await using var app = await MeshApp.StartAsync(Policies.Strict(), Answer, configure: builder => builder.Services.AddSingleton<TimeProvider>(time));
        var caller = app.Ca.Issue("shop", "storefront", TimeSpan.FromMinutes(20));
        using var client = app.Client(caller);
        Assert.Equal("from the application", await client.GetStringAsync("/", TestEnd));

        time.Advance(caller.ExpiresAt - time.GetUtcNow() - TimeSpan.FromSeconds(10));
        await _closed.Task.WaitAsync(TestEnd);
        Assert.Equal("from the application", await client.GetStringAsync("/", TestEnd));

        time.Advance(TimeSpan.FromSeconds(10));
        await AssertRefusedAsync(client);
    }

    // The connection may end just before the call: its handshake is then refused.
    private static async Task AssertRefusedAsync(HttpClient client)
    {
        try
        {
            using var refused = await client.GetAsync("/", TestEnd);
            Assert.Equal(HttpStatusCode.MisdirectedRequest, refused.StatusCode);
            Assert.DoesNotContain("application", await refused.Content.ReadAsStringAsync(TestEnd), StringComparison.Ordinal);
        }
        catch (HttpRequestException refused)
        {
            Assert.NotNull(refused.InnerException);
        }
    }

    private Task Answer(HttpContext http)
    {
        http.Features.Get<IConnectionLifetimeFeature>()!.ConnectionClosed.Register(() => _closed.TrySetResult());
        return http.Response.WriteAsync("from the application");
    }
}
