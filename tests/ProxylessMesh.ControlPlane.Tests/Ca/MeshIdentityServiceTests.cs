using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using Google.Protobuf;
using Grpc.Core;
using Grpc.Net.Client;
using ProxylessMesh.Protos.V1;
using ProxylessMesh.Spiffe;
using ProxylessMesh.TestSupport;

namespace ProxylessMesh.ControlPlane.Tests.Ca;

/// <summary>The service on the wire, by callers that do not keep to the rules.</summary>
public sealed class MeshIdentityServiceTests : IDisposable
{
    private readonly TestFolder _folder = new();

    private static CancellationToken TestEnd => TestContext.Current.CancellationToken;

    public void Dispose() => _folder.Dispose();

    [Fact]
    public async Task Request_that_names_another_identity_is_refused_logged_and_costs_no_use()
    {
        await using var host = await TestCaHost.StartAsync(_folder.Path);
        var token = await host.Tokens.CreateAsync("shop", "catalog", TimeSpan.FromHours(1), 1, TestEnd);
        var forged = Request(token, static names => names.AddUri(new Uri("spiffe://mesh.local/ns/shop/sa/admin")));

        var error = await Assert.ThrowsAsync<RpcException>(() => AskAsync(host, forged));

        Assert.Equal(StatusCode.PermissionDenied, error.StatusCode);
        Assert.Contains("sa/admin", (await host.Log.WaitForAsync("Refused a certificate", TestEnd)).Message);
        Assert.Equal("spiffe://mesh.local/ns/shop/sa/catalog", (await AskAsync(host, Request(token))).SpiffeId);
    }

    [Fact]
    public async Task Malformed_request_is_an_invalid_argument_and_costs_no_use()
    {
        await using var host = await TestCaHost.StartAsync(_folder.Path);
        var token = await host.Tokens.CreateAsync("shop", "catalog", TimeSpan.FromHours(1), 1, TestEnd);
        var bad = Request(token);
        bad.CertificateSigningRequest = ByteString.CopyFrom(1, 2, 3);

        Assert.Equal(StatusCode.InvalidArgument, (await Assert.ThrowsAsync<RpcException>(() => AskAsync(host, bad))).StatusCode);
        await AskAsync(host, Request(token));
    }

    [Theory]
    [InlineData("", "catalog")]
    [InlineData("shop/sa/admin", "catalog")]
    [InlineData("shop", "..")]
    public async Task Names_that_make_no_id_are_an_invalid_argument(string namespaceName, string serviceAccount)
    {
        await using var host = await TestCaHost.StartAsync(_folder.Path);
        var request = Request(await host.Tokens.CreateAsync("*", "*", TimeSpan.FromHours(1), 0, TestEnd));
        request.Namespace = namespaceName;
        request.ServiceAccount = serviceAccount;

        Assert.Equal(StatusCode.InvalidArgument, (await Assert.ThrowsAsync<RpcException>(() => AskAsync(host, request))).StatusCode);
    }

    [Fact]
    public async Task Without_any_proof_nothing_is_issued_and_nothing_is_signed()
    {
        await using var host = await TestCaHost.StartAsync(_folder.Path);
        using var channel = Open(host, SpiffeTls.ForEnrolment(null, "any", ControlPlaneTransport.Protocols));
        var client = new IdentityService.IdentityServiceClient(channel);

        Assert.Equal(StatusCode.Unauthenticated, (await Assert.ThrowsAsync<RpcException>(() => AskAsync(host, Request("")))).StatusCode);
        Assert.Equal(StatusCode.Unauthenticated, (await Assert.ThrowsAsync<RpcException>(() => client.SignSnapshotAsync(new SignSnapshotRequest(), cancellationToken: TestEnd).ResponseAsync)).StatusCode);
    }

    [Fact]
    public async Task Door_takes_no_certificate_of_a_stranger()
    {
        await using var host = await TestCaHost.StartAsync(_folder.Path);
        var stranger = TestCa.Create().Issue("shop", "catalog", bundles: new TrustBundleSet([host.Authority.Bundle]));
        using var channel = Open(host, SpiffeTls.ForClient(stranger, static _ => true, "any", ControlPlaneTransport.Protocols));

        var error = await Assert.ThrowsAsync<RpcException>(() => new IdentityService.IdentityServiceClient(channel).GetTrustBundleAsync(new GetTrustBundleRequest(), cancellationToken: TestEnd).ResponseAsync);

        // In TLS 1.3 the server refuses a certificate after the client has ended its handshake: seen while connecting, or by the call that is under way.
        Assert.Contains(error.StatusCode, (StatusCode[])[StatusCode.Unavailable, StatusCode.Internal]);
    }

    [Fact]
    public async Task Snapshot_is_signed_for_the_caller_with_what_the_control_plane_knows()
    {
        await using var host = await TestCaHost.StartAsync(_folder.Path);
        var catalog = await host.JoinAsync(await host.Tokens.CreateAsync("shop", "catalog", TimeSpan.FromHours(1), 1, TestEnd));
        using var channel = new ControlPlaneChannel(host.Address, new TestIdentitySource(catalog));
        var state = new LastKnownGood(_folder.File("workload"), TimeSpan.FromHours(1), TimeProvider.System);

        var answer = await new IdentityService.IdentityServiceClient(channel.Channel).SignSnapshotAsync(
            new SignSnapshotRequest { NodeId = "n", Subscribed = { new SubscribedResources { TypeUrl = "t", Names = { "a" } } } }, cancellationToken: TestEnd);
        await state.SaveAsync(answer.Cms.Memory, catalog, TestEnd);

        Assert.Equal("a", state.TryLoad(catalog)!.Resources.Single().Missing.Single());
    }

    [Fact]
    public async Task New_calls_use_the_identity_of_their_moment()
    {
        await using var host = await TestCaHost.StartAsync(_folder.Path);
        var token = await host.Tokens.CreateAsync("shop", "*", TimeSpan.FromHours(1), 0, TestEnd);
        var source = new TestIdentitySource(await host.JoinAsync(token));
        using var channel = new ControlPlaneChannel(host.Address, source);
        var client = new IdentityService.IdentityServiceClient(channel.Channel);
        Assert.Equal("spiffe://mesh.local/ns/shop/sa/catalog", await SignedForAsync(client, host));

        source.Set(await host.JoinAsync(token, "shop", "pricing"));

        Assert.Equal("spiffe://mesh.local/ns/shop/sa/pricing", await SignedForAsync(client, host));
    }

    private static async Task<string> SignedForAsync(IdentityService.IdentityServiceClient client, TestCaHost host)
    {
        var answer = await client.SignSnapshotAsync(new SignSnapshotRequest(), cancellationToken: TestEnd);
        Assert.Null(SnapshotSignature.Verify(answer.Cms.Span, host.Authority.Bundle, out var content));
        return content!.SpiffeId;
    }

    private static async Task<IssueIdentityResponse> AskAsync(TestCaHost host, IssueIdentityRequest request)
    {
        using var channel = Open(host, SpiffeTls.ForEnrolment(null, "any", ControlPlaneTransport.Protocols));
        return await new IdentityService.IdentityServiceClient(channel).IssueIdentityAsync(request, cancellationToken: TestEnd);
    }

    private static GrpcChannel Open(TestCaHost host, System.Net.Security.SslClientAuthenticationOptions tls)
        => GrpcChannel.ForAddress(host.Address, new GrpcChannelOptions { HttpHandler = ControlPlaneTransport.Create(tls), DisposeHttpClient = true });

    private static IssueIdentityRequest Request(string token, Action<SubjectAlternativeNameBuilder>? name = null)
    {
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var request = new CertificateRequest("CN=x", key, HashAlgorithmName.SHA256);
        if (name is not null)
        {
            var names = new SubjectAlternativeNameBuilder();
            name(names);
            request.CertificateExtensions.Add(names.Build());
        }

        return new IssueIdentityRequest { CertificateSigningRequest = ByteString.CopyFrom(request.CreateSigningRequest()), JoinToken = token, Namespace = "shop", ServiceAccount = "catalog" };
    }
}
