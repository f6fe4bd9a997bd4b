using System.Collections.Concurrent;
using System.Net;
using System.Net.Security;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Options;
using Microsoft.Extensions.Time.Testing;
using ProxylessMesh.ControlPlane.Keys;
using ProxylessMesh.ControlPlane.Store;
using ProxylessMesh.TestSupport;

namespace ProxylessMesh.ControlPlane.Tests.Keys;

/// <summary>Key sets from a real HTTPS server, by a clock of the test's.</summary>
public sealed class KeySetSourceTests : IAsyncLifetime
{
    private readonly DirectoryInfo _folder = Directory.CreateTempSubdirectory("mesh-keys-");
    private readonly FakeTimeProvider _time = new(new DateTimeOffset(2026, 5, 1, 12, 0, 0, TimeSpan.Zero));
    private readonly X509Certificate2 _certificate = Certificate();
    private readonly ConcurrentQueue<DateTimeOffset> _asked = [];
    private readonly IOptions<MeshControlPlaneOptions> _options;
    private volatile Func<HttpContext, Task> _answer = static http => http.Response.WriteAsync(KeySet("1"));
    private TestBackend? _server;

    public KeySetSourceTests()
        => _options = Options.Create(new MeshControlPlaneOptions { ManifestFolder = _folder.CreateSubdirectory("manifests").FullName, StateFolder = Path.Combine(_folder.FullName, "state") });

    private static CancellationToken TestEnd => TestContext.Current.CancellationToken;

    private string Address => $"https://{_server!.Address}";

    public async ValueTask InitializeAsync()
        => _server = await TestBackend.StartAsync(
            http =>
            {
                _asked.Enqueue(_time.GetUtcNow());
                return _answer(http);
            },
            listen => listen.UseHttps(_certificate));

    public async ValueTask DisposeAsync()
    {
        await _server!.DisposeAsync();
        _certificate.Dispose();
        _folder.Delete(recursive: true);
    }

    [Fact]
    public async Task Keys_are_found_kept_fresh_and_the_last_good_ones_stay()
    {
        Write($"- {{ issuer: a, jwksUri: '{Address}/keys' }}");
        using var state = new StateFolder(_options);
        using var store = Store(state);
        using var source = await StartAsync(store, state);
        await UntilAsync(() => KeysIn(source, store) == KeySet("1"));
        Assert.Same(source.In(store.Current.Manifests), source.In(store.Current.Manifests));

        _answer = static http => http.Response.WriteAsync(KeySet("2"));
        var first = _asked.Single();
        await UntilAsync(() => KeysIn(source, store) == KeySet("2"), TimeSpan.FromSeconds(30));
        Assert.InRange(_asked.ElementAt(1) - first, KeySetSource.RefreshInterval, KeySetSource.RefreshInterval + TimeSpan.FromMinutes(5));

        _answer = static http =>
        {
            http.Response.StatusCode = 500;
            return Task.CompletedTask;
        };
        await UntilAsync(() => _asked.Count >= 12, TimeSpan.FromSeconds(1));
        Assert.Equal(KeySet("2"), KeysIn(source, store));
        var waits = _asked.Zip(_asked.Skip(1), static (before, after) => after - before).Skip(2).ToArray();
        Assert.True(waits[0] >= KeySetSource.ShortestRetry && waits[^1] >= KeySetSource.LongestRetry, string.Join(' ', waits));

        _answer = static http => http.Response.WriteAsync(KeySet("3"));
        await UntilAsync(() => KeysIn(source, store) == KeySet("3"), TimeSpan.FromSeconds(5));
        await source.StopAsync(TestEnd);
    }

    [Fact]
    public async Task Keys_survive_a_restart_while_the_issuer_is_away()
    {
        Write($"- {{ issuer: a, jwksUri: '{Address}/keys' }}");
        using var state = new StateFolder(_options);
        using var store = Store(state);
        using (var source = await StartAsync(store, state))
        {
            await UntilAsync(() => KeysIn(source, store) == KeySet("1"));
            await source.StopAsync(TestEnd);
        }

        _answer = static http =>
        {
            http.Abort();
            return Task.CompletedTask;
        };
        using var restarted = await StartAsync(store, state);

        Assert.Equal(KeySet("1"), KeysIn(restarted, store));
        await restarted.StopAsync(TestEnd);
    }

    [Fact]
    public async Task An_issuer_without_an_address_is_asked_by_OpenID_Connect_discovery()
    {
        _answer = http => http.Response.WriteAsync(http.Request.Path == "/.well-known/openid-configuration" ? $$"""{"issuer":"{{Address}}","jwks_uri":"{{Address}}/found"}""" : KeySet(http.Request.Path.Value!));
        Write($"- {{ issuer: '{Address}' }}");
        using var state = new StateFolder(_options);
        using var store = Store(state);
        using var source = await StartAsync(store, state);

        await UntilAsync(() => KeysIn(source, store) == KeySet("/found"));

        await source.StopAsync(TestEnd);
    }

    [Fact]
    public async Task A_policy_that_comes_later_is_followed_and_one_that_goes_is_forgotten()
    {
        using var state = new StateFolder(_options);
        using var store = Store(state);
        using var source = await StartAsync(store, state);
        Assert.Same(store.Current.Manifests, source.In(store.Current.Manifests));

        Write($"- {{ issuer: a, jwksUri: '{Address}/keys' }}");
        await store.RefreshAsync(TestEnd);
        await UntilAsync(() => KeysIn(source, store) == KeySet("1"));

        Write($"- {{ issuer: a, jwks: '{KeySet("9")}' }}");
        await store.RefreshAsync(TestEnd);
        _time.Advance(TimeSpan.FromHours(1));
        Assert.Equal(KeySet("9"), KeysIn(source, store));
        await source.StopAsync(TestEnd);
    }

    [Theory]
    [InlineData("/html", "not JSON")]
    [InlineData("/empty", "no key set")]
    [InlineData("/long", "longer than")]
    [InlineData("/missing", "404")]
    [InlineData("/elsewhere", "answer is 302")]
    [InlineData("/silent", "took longer")]
    [InlineData("/discovery", "another issuer")]
    public async Task What_is_no_key_set_is_told_apart(string path, string reason)
    {
        _answer = http => Hostile(http, path);
        using var fetcher = Fetcher();
        var address = new KeySetAddress(new Uri(Address + path), path == "/discovery" ? "https://login.example" : null);

        var exception = await Assert.ThrowsAsync<KeySetException>(() => fetcher.FetchAsync(address, TimeSpan.FromMilliseconds(path == "/silent" ? 200 : 20_000), TestEnd));

        Assert.Contains(reason, exception.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_server_that_is_not_trusted_gives_no_keys()
    {
        using var fetcher = new KeySetFetcher(TimeProvider.System);

        await Assert.ThrowsAsync<KeySetException>(() => fetcher.FetchAsync(new KeySetAddress(new Uri(Address + "/keys")), TimeSpan.FromSeconds(20), TestEnd));

        Assert.Empty(_asked);
    }

    private static string KeySet(string id) => $$"""{"keys":[{"kty":"EC","crv":"P-256","kid":"{{id}}","x":"a","y":"b"}]}""";

    private static Task Hostile(HttpContext http, string path)
    {
        switch (path)
        {
            case "/html":
                return http.Response.WriteAsync("<html>");
            case "/empty":
                return http.Response.WriteAsync("""{"keys":[]}""");
            case "/long":
                return http.Response.WriteAsync(new string(' ', KeySetFetcher.MaxBytes + 1));
            case "/elsewhere":
                // Never from https to http.
                http.Response.Redirect("http://127.0.0.1:1/keys");
                return Task.CompletedTask;
            case "/silent":
                return Task.Delay(Timeout.Infinite, http.RequestAborted).ContinueWith(static _ => { }, TaskScheduler.Default);
            case "/discovery":
                return http.Response.WriteAsync("""{"issuer":"https://evil.example","jwks_uri":"https://evil.example/keys"}""");
            default:
                http.Response.StatusCode = 404;
                return Task.CompletedTask;
        }
    }

    private static X509Certificate2 Certificate()
    {
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var request = new CertificateRequest("CN=keys", key, HashAlgorithmName.SHA256);
        var names = new SubjectAlternativeNameBuilder();
        names.AddIpAddress(IPAddress.Loopback);
        request.CertificateExtensions.Add(names.Build());
        return request.CreateSelfSigned(DateTimeOffset.UnixEpoch, new DateTimeOffset(2100, 1, 1, 0, 0, 0, TimeSpan.Zero));
    }

    private static string? KeysIn(KeySetSource source, ManifestStore store)
        => source.In(store.Current.Manifests).RequestAuthentications.SelectMany(static policy => policy.Rules).Select(static rule => rule.Jwks).FirstOrDefault();

    private void Write(string rules)
        => File.WriteAllText(
            Path.Combine(_options.Value.ManifestFolder, "a.yaml"),
            $"apiVersion: security.istio.io/v1\nkind: RequestAuthentication\nmetadata: {{ name: a, namespace: shop }}\nspec:\n  jwtRules:\n  {rules}\n");

    private ManifestStore Store(StateFolder state) => new(_options, state, _time, NullLogger<ManifestStore>.Instance);

    private KeySetFetcher Fetcher()
    {
        var trust = new X509ChainPolicy { TrustMode = X509ChainTrustMode.CustomRootTrust, RevocationMode = X509RevocationMode.NoCheck };
        trust.CustomTrustStore.Add(_certificate);
        return new KeySetFetcher(new SocketsHttpHandler { SslOptions = new SslClientAuthenticationOptions { CertificateChainPolicy = trust } }, TimeProvider.System);
    }

    private async Task<KeySetSource> StartAsync(ManifestStore store, StateFolder state)
    {
        var source = new KeySetSource(store, Fetcher(), new KeySetFile(state), _time, NullLogger<KeySetSource>.Instance);
        await source.StartAsync(TestEnd);
        return source;
    }

    // Steps of the test's clock, with real time between them only as far as the network needs it.
    private async Task UntilAsync(Func<bool> isSo, TimeSpan step = default)
    {
        using var timer = new PeriodicTimer(TimeSpan.FromMilliseconds(5));
        while (!isSo())
        {
            await timer.WaitForNextTickAsync(TestEnd);
            _time.Advance(step);
        }
    }
}
