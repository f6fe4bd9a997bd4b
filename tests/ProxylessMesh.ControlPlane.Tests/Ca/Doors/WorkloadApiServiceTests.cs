using System.Globalization;
using System.Security.Cryptography;
using Grpc.Core;
using Microsoft.Extensions.DependencyInjection;
using ProxylessMesh.ControlPlane.Ca;
using ProxylessMesh.ControlPlane.Tests.Hosting;
using ProxylessMesh.Protos.V1;
using ProxylessMesh.Spiffe;
using WorkloadApi;

namespace ProxylessMesh.ControlPlane.Tests.Ca.Doors;

/// <summary>The Workload API on its socket, by this test's own process.</summary>
public sealed class WorkloadApiServiceTests : IAsyncDisposable
{
    private const string Billing = "spiffe://mesh.local/ns/shop/sa/billing";

    private readonly TestFolder _folder = new();
    private readonly string _user;
    private TestControlPlane? _controlPlane;

    public WorkloadApiServiceTests()
    {
        Assert.SkipUnless(OperatingSystem.IsLinux(), "Only Linux tells which process is at the other end of a socket.");
        _user = File.ReadLines("/proc/self/status").First(static line => line.StartsWith("Uid:", StringComparison.Ordinal)).Split('\t')[2];
    }

    private static CancellationToken TestEnd => TestContext.Current.CancellationToken;

    private string Socket => _folder.File("api.sock");

    public async ValueTask DisposeAsync()
    {
        if (_controlPlane is not null)
        {
            await _controlPlane.DisposeAsync();
        }

        _folder.Dispose();
    }

    [Fact(Timeout = 60_000)]
    public async Task Process_that_fits_every_selector_gets_a_certificate_that_its_bundle_verifies()
    {
        await StartAsync(Identity("billing", $"unix:uid:{_user}", $"unix:path:{Environment.ProcessPath}"));
        using var client = new WorkloadApiClient(Socket);

        var stream = client.Watch();
        Assert.True(await stream.MoveNext(TestEnd));

        var svid = Assert.Single(stream.Current.Svids);
        Assert.Equal((Billing, "hint of billing"), (svid.SpiffeId, svid.Hint));
        var roots = DerCertificates.ReadAll(svid.Bundle.Memory, 8);
        var chain = DerCertificates.ReadAll(svid.X509Svid.Memory, 8);
        Assert.Null(X509SvidChain.Verify(chain[0], [.. chain.Skip(1)], new TrustBundleSet([new TrustBundle(TrustDomain.Parse("mesh.local"), roots)]), TimeProvider.System.GetUtcNow(), out var id));
        Assert.Equal(Billing, id!.ToString());
        using var key = ECDsa.Create();
        key.ImportPkcs8PrivateKey(svid.X509SvidKey.Span, out _);
        Assert.Equal(chain[0].PublicKey.ExportSubjectPublicKeyInfo(), key.ExportSubjectPublicKeyInfo());
        Assert.Empty(stream.Current.FederatedBundles);
    }

    [Fact(Timeout = 60_000)]
    public async Task Stream_tells_of_another_identity_and_ends_with_the_last()
    {
        var controlPlane = await StartAsync(Identity("billing", $"unix:uid:{_user}"));
        using var client = new WorkloadApiClient(Socket);
        var stream = client.Watch();
        Assert.True(await stream.MoveNext(TestEnd));
        var first = Assert.Single(stream.Current.Svids);

        controlPlane.WriteManifest("b.yaml", Identity("pricing", $"unix:uid:{_user}"));
        Assert.True(await stream.MoveNext(TestEnd));
        Assert.Equal([Billing, "spiffe://mesh.local/ns/shop/sa/pricing"], stream.Current.Svids.Select(static svid => svid.SpiffeId));
        Assert.Equal(first.X509Svid, stream.Current.Svids[0].X509Svid);

        File.Delete(Path.Combine(controlPlane.ManifestFolder, "a.yaml"));
        Assert.True(await stream.MoveNext(TestEnd));
        Assert.Equal("spiffe://mesh.local/ns/shop/sa/pricing", Assert.Single(stream.Current.Svids).SpiffeId);

        File.Delete(Path.Combine(controlPlane.ManifestFolder, "b.yaml"));
        Assert.Equal(StatusCode.PermissionDenied, (await Assert.ThrowsAsync<RpcException>(() => stream.MoveNext(TestEnd))).StatusCode);
    }

    [Fact(Timeout = 60_000)]
    public async Task Identity_that_is_revoked_is_taken_back_at_once()
    {
        var controlPlane = await StartAsync(Identity("billing", $"unix:uid:{_user}"));
        using var client = new WorkloadApiClient(Socket);
        var stream = client.Watch();
        Assert.True(await stream.MoveNext(TestEnd));

        controlPlane.Parts.GetRequiredService<RevokedIdentities>().Revoke(SpiffeId.Parse(Billing), "stolen");

        Assert.Equal(StatusCode.PermissionDenied, (await Assert.ThrowsAsync<RpcException>(() => stream.MoveNext(TestEnd))).StatusCode);
        Assert.Equal(StatusCode.PermissionDenied, (await Assert.ThrowsAsync<RpcException>(() => client.Api.FetchJWTSVIDAsync(new JWTSVIDRequest { Audience = { "a" } }, WorkloadApiClient.Header, cancellationToken: TestEnd).ResponseAsync)).StatusCode);
    }

    [Theory(Timeout = 60_000)]
    [InlineData("unix:uid:4294967294")]
    [InlineData("unix:gid:4294967294")]
    [InlineData("unix:path:/usr/bin/somebody-else")]
    [InlineData("systemd:id:somebody-else.service")]
    public async Task Process_that_fits_all_selectors_but_one_gets_nothing_and_is_told_of(string selector)
    {
        var controlPlane = await StartAsync(Identity("billing", $"unix:uid:{_user}", selector));
        using var client = new WorkloadApiClient(Socket);

        Assert.Equal(StatusCode.PermissionDenied, (await Assert.ThrowsAsync<RpcException>(() => client.Watch().MoveNext(TestEnd))).StatusCode);
        Assert.Contains(Environment.ProcessId.ToString(CultureInfo.InvariantCulture), (await controlPlane.Log.WaitForAsync("asked the Workload API", TestEnd)).Message);
    }

    [Fact(Timeout = 60_000)]
    public async Task Request_without_the_security_header_is_refused()
    {
        await StartAsync(Identity("billing", $"unix:uid:{_user}"));
        using var client = new WorkloadApiClient(Socket);

        var error = await Assert.ThrowsAsync<RpcException>(() => client.Api.FetchX509SVID(new X509SVIDRequest(), cancellationToken: TestEnd).ResponseStream.MoveNext(TestEnd));

        Assert.Equal(StatusCode.InvalidArgument, error.StatusCode);
    }

    [Fact(Timeout = 60_000)]
    public async Task Token_is_signed_validated_and_verified_by_the_bundle()
    {
        await StartAsync(Identity("billing", $"unix:uid:{_user}"));
        using var client = new WorkloadApiClient(Socket);

        var token = Assert.Single((await client.Api.FetchJWTSVIDAsync(new JWTSVIDRequest { Audience = { "orders", "stock" } }, WorkloadApiClient.Header, cancellationToken: TestEnd)).Svids);
        var valid = await client.Api.ValidateJWTSVIDAsync(new ValidateJWTSVIDRequest { Audience = "stock", Svid = token.Svid }, WorkloadApiClient.Header, cancellationToken: TestEnd);
        var bundles = client.Api.FetchJWTBundles(new JWTBundlesRequest(), WorkloadApiClient.Header, cancellationToken: TestEnd).ResponseStream;
        Assert.True(await bundles.MoveNext(TestEnd));
        var bundle = SpiffeBundleReader.Read(bundles.Current.Bundles["spiffe://mesh.local"].Memory, TrustDomain.Parse("mesh.local"));

        Assert.Equal((Billing, Billing), (token.SpiffeId, valid.SpiffeId));
        Assert.Equal(Billing, valid.Claims.Fields["sub"].StringValue);
        Assert.Null(JwtSvidValidator.Check(token.Svid, _ => bundle, ["orders"], TimeProvider.System.GetUtcNow(), out var svid));
        Assert.InRange(svid!.ExpiresAt - TimeProvider.System.GetUtcNow(), TimeSpan.FromMinutes(4), TimeSpan.FromMinutes(5));
    }

    [Fact(Timeout = 60_000)]
    public async Task Token_for_another_audience_of_another_process_or_without_audience_is_refused()
    {
        await StartAsync(Identity("billing", $"unix:uid:{_user}"));
        using var client = new WorkloadApiClient(Socket);
        var token = (await client.Api.FetchJWTSVIDAsync(new JWTSVIDRequest { Audience = { "orders" } }, WorkloadApiClient.Header, cancellationToken: TestEnd)).Svids[0].Svid;

        Assert.Equal(StatusCode.InvalidArgument, await StatusAsync(client.Api.ValidateJWTSVIDAsync(new ValidateJWTSVIDRequest { Audience = "stock", Svid = token }, WorkloadApiClient.Header, cancellationToken: TestEnd)));
        Assert.Equal(StatusCode.InvalidArgument, await StatusAsync(client.Api.ValidateJWTSVIDAsync(new ValidateJWTSVIDRequest { Audience = "orders", Svid = token[..^4] + "AAAA" }, WorkloadApiClient.Header, cancellationToken: TestEnd)));
        Assert.Equal(StatusCode.InvalidArgument, await StatusAsync(client.Api.ValidateJWTSVIDAsync(new ValidateJWTSVIDRequest { Svid = token }, WorkloadApiClient.Header, cancellationToken: TestEnd)));
        Assert.Equal(StatusCode.InvalidArgument, await StatusAsync(client.Api.FetchJWTSVIDAsync(new JWTSVIDRequest(), WorkloadApiClient.Header, cancellationToken: TestEnd)));
        Assert.Equal(StatusCode.PermissionDenied, await StatusAsync(client.Api.FetchJWTSVIDAsync(new JWTSVIDRequest { Audience = { "orders" }, SpiffeId = "spiffe://mesh.local/ns/shop/sa/admin" }, WorkloadApiClient.Header, cancellationToken: TestEnd)));
    }

    [Fact(Timeout = 60_000)]
    public async Task Bundles_alone_are_streamed_too()
    {
        var controlPlane = await StartAsync(Identity("billing", $"unix:uid:{_user}"));
        using var client = new WorkloadApiClient(Socket);

        var stream = client.Api.FetchX509Bundles(new X509BundlesRequest(), WorkloadApiClient.Header, cancellationToken: TestEnd).ResponseStream;
        Assert.True(await stream.MoveNext(TestEnd));

        Assert.Equal(controlPlane.Parts.GetRequiredService<CertificateAuthority>().Bundle.Authorities[0].RawData, stream.Current.Bundles["spiffe://mesh.local"].ToByteArray());
    }

    [Fact(Timeout = 60_000)]
    public async Task Socket_serves_nothing_else_and_no_other_port_serves_it()
    {
        var controlPlane = await StartAsync(Identity("billing", $"unix:uid:{_user}"));
        using var client = new WorkloadApiClient(Socket);
        var overTcp = new SpiffeWorkloadAPI.SpiffeWorkloadAPIClient(controlPlane.Connect("billing"));

        Assert.Equal(StatusCode.Unimplemented, await StatusAsync(new IdentityService.IdentityServiceClient(client.Channel).GetTrustBundleAsync(new GetTrustBundleRequest(), cancellationToken: TestEnd)));
        Assert.Equal(StatusCode.Unimplemented, await StatusAsync(overTcp.FetchJWTSVIDAsync(new JWTSVIDRequest { Audience = { "a" } }, WorkloadApiClient.Header, cancellationToken: TestEnd)));
    }

    [Fact(Timeout = 60_000)]
    public async Task Socket_left_over_by_a_crash_is_replaced_and_one_in_use_is_not()
    {
        using (var leftover = new System.Net.Sockets.Socket(System.Net.Sockets.AddressFamily.Unix, System.Net.Sockets.SocketType.Stream, System.Net.Sockets.ProtocolType.Unspecified))
        {
            leftover.Bind(new System.Net.Sockets.UnixDomainSocketEndPoint(Socket));
        }

        if (!File.Exists(Socket))
        {
            await File.WriteAllBytesAsync(Socket, [], TestEnd);
        }

        await StartAsync(Identity("billing", $"unix:uid:{_user}"));
        using var client = new WorkloadApiClient(Socket);
        Assert.True(await client.Watch().MoveNext(TestEnd));

        var error = await Assert.ThrowsAnyAsync<Exception>(() => TestControlPlane.StartAsync(options => options.WorkloadApi = $"unix://{Socket}"));
        Assert.Contains("another program", error.ToString());
    }

    private static async Task<StatusCode> StatusAsync<T>(AsyncUnaryCall<T> call) => (await Assert.ThrowsAsync<RpcException>(() => call.ResponseAsync)).StatusCode;

    private static string Identity(string account, params string[] selectors)
        => $"apiVersion: mesh.proxyless.dev/v1alpha1\nkind: WorkloadIdentity\nmetadata:\n  name: {account}\n  namespace: shop\nspec:\n  serviceAccount: {account}\n  hint: hint of {account}\n  selectors:\n{string.Concat(selectors.Select(static selector => $"  - '{selector}'\n"))}";

    private async Task<TestControlPlane> StartAsync(string manifest)
    {
        _controlPlane = await TestControlPlane.StartAsync(options => options.WorkloadApi = $"unix://{Socket}");
        _controlPlane.WriteManifest("a.yaml", manifest);
        await _controlPlane.Log.WaitForAsync("1 manifests in 1 files", TestEnd);
        return _controlPlane;
    }
}
