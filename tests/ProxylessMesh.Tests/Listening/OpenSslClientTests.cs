using Microsoft.Extensions.DependencyInjection;
using ProxylessMesh.Spiffe;
using ProxylessMesh.TestSupport;

namespace ProxylessMesh.Tests.Listening;

/// <summary>OpenSSL's own client at a STRICT port: another TLS stack, taken and refused by the same rules.</summary>
public sealed class OpenSslClientTests : IDisposable
{
    private const string Request = "GET / HTTP/1.1\r\nHost: catalog\r\nConnection: close\r\n\r\n";

    private readonly OpenSsl _openSsl = new();

    public OpenSslClientTests()
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
    [InlineData("-tls1_2", "TLSv1.2")]
    [InlineData("-tls1_3", "TLSv1.3")]
    public async Task Workload_of_the_mesh_is_served_and_has_verified_us(string version, string expected)
    {
        await using var app = await MeshApp.StartAsync(Policies.Strict());

        var said = await CallAsync(app, [version, .. _openSsl.Certificate(app.Ca.Issue("shop", "storefront"))]);

        Assert.Contains("from the application", said, StringComparison.Ordinal);
        Assert.Contains("Verify return code: 0 (ok)", said, StringComparison.Ordinal);
        Assert.Contains(expected, said, StringComparison.Ordinal);
        Assert.Contains("ALPN protocol: http/1.1", said, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task TLS_1_2_is_refused_where_1_3_is_asked_for_by_the_mesh_or_by_configuration(bool byMesh)
    {
        var strict = Policies.Strict();
        var policy = byMesh
            ? strict with { Listener = strict.Listener with { FilterChains = [.. strict.Listener.FilterChains.Select(static chain => chain with { Tls = chain.Tls! with { RequiresTls13 = true } })] } }
            : strict;
        await using var app = await MeshApp.StartAsync(policy, configure: builder => builder.Services.Configure<MeshOptions>(mesh => mesh.Tls.MinimumVersion = byMesh ? "1.2" : "1.3"));
        var caller = _openSsl.Certificate(app.Ca.Issue("shop", "storefront"));

        Assert.DoesNotContain("from the application", await CallAsync(app, ["-tls1_2", .. caller]), StringComparison.Ordinal);
        Assert.Contains("from the application", await CallAsync(app, ["-tls1_3", .. caller]), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Only_the_chosen_cipher_suites_are_taken()
    {
        await using var app = await MeshApp.StartAsync(Policies.Strict(), configure: static builder => builder.Services.Configure<MeshOptions>(static mesh =>
        {
            mesh.Tls.CipherSuites.Add("TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384");
            mesh.Tls.CipherSuites.Add("TLS_AES_256_GCM_SHA384");
        }));
        var caller = _openSsl.Certificate(app.Ca.Issue("shop", "storefront"));

        Assert.DoesNotContain("from the application", await CallAsync(app, ["-tls1_2", "-cipher", "ECDHE-ECDSA-AES128-GCM-SHA256", .. caller]), StringComparison.Ordinal);
        Assert.DoesNotContain("from the application", await CallAsync(app, ["-tls1_3", "-ciphersuites", "TLS_AES_128_GCM_SHA256", .. caller]), StringComparison.Ordinal);
        Assert.Contains("from the application", await CallAsync(app, ["-tls1_2", .. caller]), StringComparison.Ordinal);
        Assert.Contains("from the application", await CallAsync(app, ["-tls1_3", .. caller]), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Chain_with_an_intermediate_is_followed()
    {
        await using var app = await MeshApp.StartAsync(Policies.Strict());

        Assert.Contains("from the application", await CallAsync(app, _openSsl.Certificate(app.Ca.WithIntermediate().Issue("shop", "storefront"))), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("-tls1")]
    [InlineData("-tls1_1")]
    public Task Older_versions_are_refused(string version)
        => RefusedAsync(app => ["-cipher", "ALL:@SECLEVEL=0", version, .. _openSsl.Certificate(app.Ca.Issue("shop", "storefront"))]);

    [Theory]
    [InlineData("-tls1_2")]
    [InlineData("-tls1_3")]
    public Task Caller_without_a_certificate_is_refused(string version) => RefusedAsync(_ => [version]);

    [Theory]
    [InlineData("-tls1_2")]
    [InlineData("-tls1_3")]
    public Task Certificate_of_another_root_is_refused(string version)
        => RefusedAsync(app => [version, .. _openSsl.Certificate(TestCa.Create().Issue("shop", "storefront", bundles: app.Ca.Bundles))]);

    [Theory]
    [InlineData("-tls1_2")]
    [InlineData("-tls1_3")]
    public Task Certificate_without_a_SPIFFE_ID_is_refused(string version)
        => RefusedAsync(app => [version, .. _openSsl.Certificate(app.Ca.Issue(new TestLeaf { DnsNames = ["storefront.shop"] }, SpiffeId.Parse("spiffe://mesh.local/ns/shop/sa/storefront")))]);

    [Fact]
    public Task Suites_without_forward_secrecy_are_refused()
        => RefusedAsync(app => ["-tls1_2", "-cipher", "AES128-SHA:AES256-GCM-SHA384:@SECLEVEL=0", .. _openSsl.Certificate(app.Ca.Issue("shop", "storefront"))]);

    [Theory]
    [InlineData("-tls1_2")]
    [InlineData("-tls1_3")]
    public async Task Session_is_resumed_and_refused_once_the_root_has_gone(string version)
    {
        await using var app = await MeshApp.StartAsync(Policies.Strict());
        var caller = _openSsl.Certificate(app.Ca.Issue("shop", "storefront"));
        var session = _openSsl.PathOf("session");
        Assert.Contains("from the application", await CallAsync(app, [version, "-sess_out", session, .. caller]), StringComparison.Ordinal);

        var resumed = await CallAsync(app, [version, "-sess_in", session, .. caller]);
        Assert.Contains("Reused, TLS", resumed, StringComparison.Ordinal);
        Assert.Contains("from the application", resumed, StringComparison.Ordinal);

        // The same certificate, so the ticket is good; the caller's root is not any more.
        var ours = app.Identity.Current!;
        app.Identity.Set(new WorkloadIdentity(ours.Id, ours.Leaf, [], TestCa.Create().Bundles));
        Assert.DoesNotContain("from the application", await CallAsync(app, [version, "-sess_in", session, .. caller]), StringComparison.Ordinal);
        await app.Logs.WaitForAsync("No TLS handshake", TestEnd);
    }

    private async Task RefusedAsync(Func<MeshApp, string[]> arguments)
    {
        await using var app = await MeshApp.StartAsync(Policies.Strict());

        var said = await CallAsync(app, arguments(app));

        Assert.DoesNotContain("HTTP/1.1", said.Replace("ALPN protocol: http/1.1", "", StringComparison.OrdinalIgnoreCase), StringComparison.Ordinal);
        await app.Logs.WaitForAsync("No TLS handshake", TestEnd);
    }

    private Task<string> CallAsync(MeshApp app, string[] arguments)
        => OpenSsl.RunAsync(["s_client", "-connect", app.Address.ToString(), "-alpn", "http/1.1", "-ign_eof", .. _openSsl.Roots(app.Ca.Bundle), .. arguments], Request, TestEnd);
}
