using Microsoft.Extensions.Logging.Abstractions;
using ProxylessMesh.Spiffe;
using ProxylessMesh.TestSupport;

namespace ProxylessMesh.ControlPlane.Tests.Ca.Doors;

/// <summary>What a pod's identity source does at the control plane's doors, with a projected token in a file.</summary>
public sealed class PodSourcesTests : IDisposable
{
    private readonly TestFolder _folder = new();

    private static CancellationToken TestEnd => TestContext.Current.CancellationToken;

    public void Dispose() => _folder.Dispose();

    [Fact]
    public async Task Mesh_ca_source_joins_by_the_token_file_and_renews_by_its_certificate()
    {
        await using var api = await FakeKubernetesApi.StartAsync(_folder);
        await using var host = await StartAsync(api);
        api.Tokens["pod-token"] = ("system:serviceaccount:shop:catalog", ["istio-ca"]);
        using var enrolment = new Enrolment(Settings(host, "pod-token\n"), TimeProvider.System);

        var first = await enrolment.IssueAsync(null, TestEnd);
        Assert.Equal("spiffe://mesh.local/ns/shop/sa/catalog", first.Id.ToString());

        File.Delete(_folder.File("token"));
        api.Tokens.Clear();
        var second = await enrolment.IssueAsync(first, TestEnd);
        Assert.NotEqual(first.Leaf.SerialNumber, second.Leaf.SerialNumber);
    }

    [Fact]
    public async Task Token_that_is_refused_or_missing_is_told_with_its_cure_and_read_again()
    {
        await using var api = await FakeKubernetesApi.StartAsync(_folder);
        await using var host = await StartAsync(api);
        using var enrolment = new Enrolment(Settings(host, "stale-token"), TimeProvider.System);

        var refused = await Assert.ThrowsAsync<IdentityException>(() => enrolment.IssueAsync(null, TestEnd));
        Assert.Equal(IdentityError.TokenRefused, refused.Error);
        Assert.Contains("audience", refused.Message, StringComparison.Ordinal);
        Assert.DoesNotContain("stale-token", refused.ToString(), StringComparison.Ordinal);

        File.Delete(_folder.File("token"));
        Assert.Equal(IdentityError.NoProof, (await Assert.ThrowsAsync<IdentityException>(() => enrolment.IssueAsync(null, TestEnd))).Error);

        await File.WriteAllTextAsync(_folder.File("token"), "fresh-token", TestEnd);
        api.Tokens["fresh-token"] = ("system:serviceaccount:shop:catalog", ["istio-ca"]);
        Assert.Equal("/ns/shop/sa/catalog", (await enrolment.IssueAsync(null, TestEnd)).Id.Path);
    }

    [Fact]
    public async Task Token_does_not_go_to_a_control_plane_of_other_roots()
    {
        await using var api = await FakeKubernetesApi.StartAsync(_folder);
        await using var host = await StartAsync(api);
        api.Tokens["pod-token"] = ("system:serviceaccount:shop:catalog", ["istio-ca"]);
        var settings = Settings(host, "pod-token");
        await File.WriteAllTextAsync(settings.RootFile, TestPem.Of(TestCa.Create().Bundle.Authorities), TestEnd);
        using var enrolment = new Enrolment(settings with { TrustDomain = TrustDomain.Parse("mesh.local") }, TimeProvider.System);

        var refused = await Assert.ThrowsAsync<IdentityException>(() => enrolment.IssueAsync(null, TestEnd));

        Assert.Equal(IdentityError.ControlPlaneNotTrusted, refused.Error);
        Assert.Equal(0, api.Reviews);
    }

    [Fact]
    public async Task Istio_ca_source_gets_its_certificate_at_our_own_door()
    {
        await using var api = await FakeKubernetesApi.StartAsync(_folder);
        await using var host = await StartAsync(api);
        api.Tokens["pod-token"] = ("system:serviceaccount:shop:catalog", ["istio-ca"]);
        var files = Settings(host, "pod-token");
        var source = new IstioCaSource(
            new IstioCaSettings { Address = host.Address, TokenFile = files.KubernetesTokenFile, RootFile = files.RootFile, ServerName = ControlPlaneIdentity.In(TrustDomain.Parse("mesh.local")).ToString() },
            TimeProvider.System,
            NullLogger<IstioCaSource>.Instance);
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(TestEnd);

        var running = source.RunAsync(stop.Token);
        var identity = await source.GetAsync(TestEnd);
        await stop.CancelAsync();
        await running;

        Assert.Equal("spiffe://mesh.local/ns/shop/sa/catalog", identity.Id.ToString());
        Assert.Equal(host.Authority.Bundle.Authorities[0].RawData, identity.Bundles.Bundles.Single().Authorities.Single().RawData);
    }

    private MeshCaSettings Settings(TestCaHost host, string token)
    {
        File.WriteAllText(_folder.File("token"), token);
        File.WriteAllText(_folder.File("roots.pem"), TestPem.Of(host.Authority.Bundle.Authorities));
        return host.SettingsFor("") with { KubernetesTokenFile = _folder.File("token"), RootFile = _folder.File("roots.pem") };
    }

    private static Task<TestCaHost> StartAsync(FakeKubernetesApi api)
        => TestCaHost.StartAsync(Path.Combine(Path.GetDirectoryName(api.KubeConfig)!, "state"), options =>
        {
            options.Kubernetes.ReviewTokens = true;
            options.Kubernetes.KubeConfig = api.KubeConfig;
        });
}
