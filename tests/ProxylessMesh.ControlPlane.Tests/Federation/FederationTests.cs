using System.Text;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.DependencyInjection;
using ProxylessMesh.ControlPlane.Ca;
using ProxylessMesh.ControlPlane.Federation;
using ProxylessMesh.ControlPlane.Tests.Ca;
using ProxylessMesh.ControlPlane.Tests.Hosting;
using ProxylessMesh.Spiffe;
using ProxylessMesh.TestSupport;

namespace ProxylessMesh.ControlPlane.Tests.Federation;

/// <summary>Bundles served, polled and put in force over real sockets.</summary>
public sealed class FederationTests : IDisposable
{
    private static readonly TrustDomain Partner = TrustDomain.Parse("partner.test");

    private readonly TestFolder _folder = new();

    private static CancellationToken TestEnd => TestContext.Current.CancellationToken;

    public void Dispose() => _folder.Dispose();

    [Fact(Timeout = 90_000)]
    public async Task Bundle_of_another_control_plane_is_in_force_and_follows_its_changes()
    {
        await using var partner = await PartnerAsync();
        await using var ours = await TestControlPlane.StartAsync();

        ours.WriteManifest("partner.yaml", Manifest(partner.Address.BundleEndpoint!, "spiffe://partner.test/ns/mesh-system/sa/control-plane", Document(partner)));
        await ours.Log.WaitForAsync("bundle of trust domain 'partner.test' is in force: 1 root(s)", TestEnd);
        Assert.True(Trusted(ours, out var bundle));
        Assert.Equal(partner.Parts.GetRequiredService<CertificateAuthority>().Bundle.Authorities[0].RawData, bundle!.Authorities[0].RawData);

        partner.Parts.GetRequiredService<RootRotation>().Add(null, null);
        await ours.Log.WaitForAsync("bundle of trust domain 'partner.test' is in force: 2 root(s)", TestEnd);
        Assert.True(Trusted(ours, out bundle));
        Assert.Equal(2, bundle!.Authorities.Length);

        File.Delete(Path.Combine(ours.ManifestFolder, "partner.yaml"));
        await ours.Log.WaitForAsync("'partner.test' is not federated any more", TestEnd);
        Assert.False(Trusted(ours, out _));
    }

    [Theory(Timeout = 90_000)]
    [InlineData("spiffe://partner.test/ns/mesh-system/sa/somebody-else", true)]
    [InlineData("spiffe://partner.test/ns/mesh-system/sa/control-plane", false)]
    public async Task Endpoint_of_another_id_or_root_is_not_believed(string id, bool rightRoot)
    {
        await using var partner = await PartnerAsync();
        await using var ours = await TestControlPlane.StartAsync();
        var beginning = rightRoot ? Document(partner) : Encoding.UTF8.GetString(SpiffeBundleWriter.Write(Bundle(TestCa.Create("partner.test"), 1)));

        ours.WriteManifest("partner.yaml", Manifest(partner.Address.BundleEndpoint!, id, beginning));

        await ours.Log.WaitForAsync("No newer bundle of trust domain 'partner.test'", TestEnd);
        Assert.Equal(beginning.Trim(), Encoding.UTF8.GetString(SpiffeBundleWriter.Write(ours.Parts.GetRequiredService<FederatedBundles>().Current.Single())));
    }

    [Fact(Timeout = 90_000)]
    public async Task Web_endpoint_is_verified_by_the_web_roots_and_by_nothing_else()
    {
        var files = FakeBundleServer.WriteCertificate(_folder);
        await using var server = await FakeBundleServer.StartAsync(files.Certificate, files.Key);
        Answer(server, Bundle(TestCa.Create("partner.test"), 1));
        await using var ours = await TestControlPlane.StartAsync(options => options.Federation.WebRoots = files.Roots);
        await using var strangers = await TestControlPlane.StartAsync();

        ours.WriteManifest("partner.yaml", Manifest(server.Address));
        strangers.WriteManifest("partner.yaml", Manifest(server.Address));

        await ours.Log.WaitForAsync("bundle of trust domain 'partner.test' is in force", TestEnd);
        Assert.True(Trusted(ours, out _));
        await strangers.Log.WaitForAsync("No newer bundle of trust domain 'partner.test'", TestEnd);
        Assert.False(Trusted(strangers, out _));
    }

    [Fact(Timeout = 90_000)]
    public async Task Number_never_goes_back_also_not_over_a_restart_until_an_operator_writes_another_bundle()
    {
        var files = FakeBundleServer.WriteCertificate(_folder);
        await using var server = await FakeBundleServer.StartAsync(files.Certificate, files.Key);
        var (older, newer) = (Bundle(TestCa.Create("partner.test"), 7), Bundle(TestCa.Create("partner.test"), 8));
        await using var ours = await TestControlPlane.StartAsync(options => options.Federation.WebRoots = files.Roots);
        Answer(server, newer);
        ours.WriteManifest("partner.yaml", Manifest(server.Address));
        await ours.Log.WaitForAsync("1 root(s), 0 key(s) for JWT-SVIDs, number 8", TestEnd);

        Answer(server, older);
        await ours.Log.WaitForAsync("an older bundle is not taken", TestEnd);
        Assert.True(IsTrusted(ours, newer));
        await ours.StopAsync();
        await ours.StartAgainAsync();
        Assert.True(IsTrusted(ours, newer));

        ours.WriteManifest("partner.yaml", Manifest(server.Address, beginning: Encoding.UTF8.GetString(SpiffeBundleWriter.Write(older))));
        await ours.Log.WaitForAsync("number 7", TestEnd);
        Assert.True(IsTrusted(ours, older));
    }

    [Theory(Timeout = 90_000)]
    [InlineData("redirect", "status 302")]
    [InlineData("missing", "status 404")]
    [InlineData("no json", "no JSON")]
    [InlineData("too large", "")]
    [InlineData("leaf as root", "not a CA")]
    public async Task Answer_that_is_no_bundle_changes_nothing(string kind, string reason)
    {
        var files = FakeBundleServer.WriteCertificate(_folder);
        await using var server = await FakeBundleServer.StartAsync(files.Certificate, files.Key);
        var ca = TestCa.Create("partner.test");
        var leaf = ca.Issue("shop", "catalog").Leaf;
        server.Answer = kind switch
        {
            "redirect" => static http => Task.Run(() => http.Response.Redirect("/elsewhere")),
            "missing" => static http => StatusAsync(http, 404),
            "no json" => static http => http.Response.WriteAsync("<html>"),
            "too large" => static http => http.Response.WriteAsync(new string(' ', SpiffeBundleReader.MaxBytes + 1)),
            _ => http => http.Response.Body.WriteAsync(SpiffeBundleWriter.Write(new SpiffeBundle { TrustDomain = Partner, X509Authorities = [leaf] })).AsTask(),
        };
        await using var ours = await TestControlPlane.StartAsync(options => options.Federation.WebRoots = files.Roots);
        var known = Bundle(ca, 1);

        ours.WriteManifest("partner.yaml", Manifest(server.Address, beginning: Encoding.UTF8.GetString(SpiffeBundleWriter.Write(known))));

        Assert.Contains(reason, (await ours.Log.WaitForAsync("No newer bundle of trust domain 'partner.test'", TestEnd)).Message);
        Assert.True(IsTrusted(ours, known));
    }

    [Fact(Timeout = 90_000)]
    public async Task Own_trust_domain_is_nobody_elses_to_say()
    {
        await using var ours = await TestControlPlane.StartAsync();
        var before = ours.Parts.GetRequiredService<MeshTrust>().Current.Version;
        var forged = Encoding.UTF8.GetString(SpiffeBundleWriter.Write(Bundle(TestCa.Create("mesh.local"), 1)));

        ours.WriteManifest("forged.yaml", $"apiVersion: mesh.proxyless.dev/v1alpha1\nkind: FederatedTrustDomain\nmetadata:\n  name: forged\n  namespace: mesh-system\nspec:\n  trustDomain: mesh.local\n  trustDomainBundle: '{forged}'\n");

        await ours.Log.WaitForAsync("is our own trust domain", TestEnd);
        Assert.Equal(before, ours.Parts.GetRequiredService<MeshTrust>().Current.Version);
    }

    [Fact(Timeout = 90_000)]
    public async Task Endpoint_serves_the_bundle_by_a_given_certificate_and_nothing_else()
    {
        var files = FakeBundleServer.WriteCertificate(_folder);
        await using var ours = await TestControlPlane.StartAsync(options =>
        {
            options.Federation.Listen = "127.0.0.1:0";
            options.Federation.Certificate = files.Certificate;
            options.Federation.CertificateKey = files.Key;
        });
        await using var reader = await TestControlPlane.StartAsync(options => options.Federation.WebRoots = files.Roots);
        var address = new UriBuilder(ours.Address.BundleEndpoint!) { Host = "localhost" }.Uri;
        using var handler = new SocketsHttpHandler();
        handler.SslOptions.RemoteCertificateValidationCallback = static (_, certificate, _, _) => certificate!.Subject == "CN=localhost";
        using var client = new HttpClient(handler) { BaseAddress = address };

        var bundle = SpiffeBundleReader.Read(await client.GetByteArrayAsync(new Uri("/", UriKind.Relative), TestEnd), TrustDomain.Parse("mesh.local"));

        Assert.Equal(ours.Parts.GetRequiredService<CertificateAuthority>().Bundle.Authorities[0].RawData, bundle.X509Authorities.Single().RawData);
        Assert.Single(bundle.JwtAuthorities);
        Assert.Equal((1ul, TimeSpan.FromMinutes(5)), (bundle.Sequence, bundle.RefreshHint));
        Assert.Equal(404, (int)(await client.GetAsync(new Uri("/healthz", UriKind.Relative), TestEnd)).StatusCode);
        Assert.Equal(404, (int)(await client.GetAsync(new Uri("/api/v1/status", UriKind.Relative), TestEnd)).StatusCode);
        Assert.Equal(405, (int)(await client.PostAsync(new Uri("/", UriKind.Relative), null, TestEnd)).StatusCode);

        // The certificate is renewed on disk: the next handshake has it.
        var renewed = FakeBundleServer.WriteCertificate(_folder, "renewed");
        File.Copy(renewed.Key, files.Key, overwrite: true);
        File.Copy(renewed.Certificate, files.Certificate, overwrite: true);
        File.SetLastWriteTimeUtc(files.Certificate, TimeProvider.System.GetUtcNow().UtcDateTime.AddMinutes(1));
        File.Copy(renewed.Roots, files.Roots, overwrite: true);
        reader.WriteManifest("m.yaml", Manifest(address).Replace("partner.test", "other.test"));
        await reader.Log.WaitForAsync("bundle of trust domain 'other.test' is in force: 1 root(s), 1 key(s)", TestEnd);
    }

    [Fact(Timeout = 90_000)]
    public async Task Own_number_grows_with_each_change_and_stays_over_a_restart()
    {
        await using var ours = await TestControlPlane.StartAsync();
        Assert.Equal(1ul, ours.Parts.GetRequiredService<OwnBundle>().Current.Sequence);

        ours.Parts.GetRequiredService<RootRotation>().Add(null, null);
        Assert.Equal(2ul, ours.Parts.GetRequiredService<OwnBundle>().Current.Sequence);
        await ours.StopAsync();
        await ours.StartAgainAsync();

        Assert.Equal(2ul, ours.Parts.GetRequiredService<OwnBundle>().Current.Sequence);
    }

    [Theory]
    [InlineData(null, 0, 300)]
    [InlineData(60, 0, 60)]
    [InlineData(0, 0, 1)]
    [InlineData(1_000_000, 0, 3600)]
    [InlineData(60, 1, 1)]
    [InlineData(60, 3, 4)]
    [InlineData(60, 30, 60)]
    public void Pause_is_what_is_hinted_within_bounds_and_shorter_after_failures(int? hint, int failures, int seconds)
    {
        var pause = TimeSpan.FromSeconds(seconds);

        Assert.Equal(pause, FederationPoller.Pause(hint is { } value ? TimeSpan.FromSeconds(value) : null, failures, 0));
        Assert.Equal(pause * 0.9, FederationPoller.Pause(hint is { } again ? TimeSpan.FromSeconds(again) : null, failures, 1));
    }

    private static Task StatusAsync(HttpContext http, int status)
    {
        http.Response.StatusCode = status;
        return Task.CompletedTask;
    }

    private static Task<TestControlPlane> PartnerAsync() => TestControlPlane.StartAsync(static options =>
    {
        options.TrustDomain = "partner.test";
        options.Federation.Listen = "127.0.0.1:0";
        options.Federation.RefreshHint = TimeSpan.FromSeconds(1);
    });

    private static string Document(TestControlPlane controlPlane) => Encoding.UTF8.GetString(SpiffeBundleWriter.Write(controlPlane.Parts.GetRequiredService<OwnBundle>().Current));

    private static SpiffeBundle Bundle(TestCa ca, ulong sequence) => new() { TrustDomain = Partner, X509Authorities = [.. ca.Bundle.Authorities], Sequence = sequence, RefreshHint = TimeSpan.FromSeconds(1) };

    private static void Answer(FakeBundleServer server, SpiffeBundle bundle) => server.Answer = http => http.Response.Body.WriteAsync(SpiffeBundleWriter.Write(bundle)).AsTask();

    private static bool Trusted(TestControlPlane controlPlane, out TrustBundle? bundle) => controlPlane.Parts.GetRequiredService<MeshTrust>().Current.Bundles.TryGet(Partner, out bundle);

    private static bool IsTrusted(TestControlPlane controlPlane, SpiffeBundle expected) => Trusted(controlPlane, out var bundle) && bundle!.Authorities[0].RawData.AsSpan().SequenceEqual(expected.X509Authorities[0].RawData);

    private static string Manifest(Uri endpoint, string id = "", string beginning = "")
        => $"""
        apiVersion: mesh.proxyless.dev/v1alpha1
        kind: FederatedTrustDomain
        metadata:
          name: partner
          namespace: mesh-system
        spec:
          trustDomain: partner.test
          bundleEndpointURL: {endpoint}
          bundleEndpointProfile:
            type: {(id.Length > 0 ? $"https_spiffe\n    endpointSPIFFEID: {id}" : "https_web")}

        """ + (beginning.Length > 0 ? $"  trustDomainBundle: '{beginning}'\n" : "");
}
