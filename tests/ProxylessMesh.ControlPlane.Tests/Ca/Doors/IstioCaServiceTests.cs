using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using Google.Protobuf.WellKnownTypes;
using Grpc.Core;
using Grpc.Net.Client;
using IstioCa;
using ProxylessMesh.Spiffe;

namespace ProxylessMesh.ControlPlane.Tests.Ca.Doors;

/// <summary>Istio's door on the wire, as an agent made for Istio uses it, and as one that does not keep to the rules.</summary>
public sealed class IstioCaServiceTests : IDisposable
{
    private const string PodToken = "eyJ.a-pod's.token";

    private readonly TestFolder _folder = new();
    private readonly ECDsa _key = ECDsa.Create(ECCurve.NamedCurves.nistP256);

    private static CancellationToken TestEnd => TestContext.Current.CancellationToken;

    public void Dispose()
    {
        _key.Dispose();
        _folder.Dispose();
    }

    [Fact]
    public async Task Join_token_as_bearer_gets_the_identity_it_is_bound_to_leaf_first_root_last()
    {
        await using var host = await TestCaHost.StartAsync(_folder.Path);
        var token = await host.Tokens.CreateAsync("shop", "catalog", TimeSpan.FromHours(1), 1, TestEnd);

        var answer = await AskAsync(host, Request(), token);

        using var leaf = X509Certificate2.CreateFromPem(answer.CertChain[0]);
        using var root = X509Certificate2.CreateFromPem(answer.CertChain[^1]);
        Assert.Null(X509SvidValidator.Check(leaf, out var id));
        Assert.Equal("spiffe://mesh.local/ns/shop/sa/catalog", id!.ToString());
        Assert.Equal(_key.ExportSubjectPublicKeyInfo(), leaf.PublicKey.ExportSubjectPublicKeyInfo());
        Assert.Equal(host.Authority.Bundle.Authorities[0].RawData, root.RawData);
        Assert.All(answer.CertChain, static pem => Assert.EndsWith("-----END CERTIFICATE-----\n", pem));
        Assert.All(answer.CertChain, static pem => Assert.Single(pem.Split("-----BEGIN CERTIFICATE-----")[1..]));
    }

    [Fact]
    public async Task Service_account_token_gets_the_account_that_the_api_server_names()
    {
        await using var api = await FakeKubernetesApi.StartAsync(_folder);
        await using var host = await KubernetesAsync(api);
        api.Tokens[PodToken] = ("system:serviceaccount:shop:catalog", ["istio-ca"]);

        var answer = await AskAsync(host, Request(), PodToken);

        Assert.Equal("spiffe://mesh.local/ns/shop/sa/catalog", IdOf(answer));
    }

    [Theory]
    [InlineData("system:serviceaccount:shop:catalog", "vault")]
    [InlineData("system:serviceaccount:shop:catalog", "")]
    [InlineData("system:node:worker-1", "istio-ca")]
    [InlineData("system:serviceaccount:shop", "istio-ca")]
    [InlineData("system:serviceaccount:shop:a:b", "istio-ca")]
    [InlineData("system:serviceaccount:..:catalog", "istio-ca")]
    [InlineData("admin", "istio-ca")]
    public async Task Token_for_others_or_of_no_service_account_proves_nothing(string user, string audience)
    {
        await using var api = await FakeKubernetesApi.StartAsync(_folder);
        await using var host = await KubernetesAsync(api);
        api.Tokens[PodToken] = (user, audience.Length > 0 ? [audience] : []);

        Assert.Equal(StatusCode.Unauthenticated, await StatusOfAsync(host, Request(), PodToken));
        await host.Log.WaitForAsync("Refused a certificate", TestEnd);
    }

    [Fact]
    public async Task Token_that_the_api_server_does_not_know_proves_nothing_and_neither_does_one_where_none_are_reviewed()
    {
        await using var api = await FakeKubernetesApi.StartAsync(_folder);
        await using (var host = await KubernetesAsync(api))
        {
            Assert.Equal(StatusCode.Unauthenticated, await StatusOfAsync(host, Request(), PodToken));
        }

        api.Tokens[PodToken] = ("system:serviceaccount:shop:catalog", ["istio-ca"]);
        await using var without = await TestCaHost.StartAsync(_folder.File("other"));
        Assert.Equal(StatusCode.Unauthenticated, await StatusOfAsync(without, Request(), PodToken));
    }

    [Fact]
    public async Task Api_server_that_fails_lets_nobody_in_and_asks_to_try_again()
    {
        await using var api = await FakeKubernetesApi.StartAsync(_folder);
        await using var host = await KubernetesAsync(api);
        api.Tokens[PodToken] = ("system:serviceaccount:shop:catalog", ["istio-ca"]);

        api.Fault = 500;
        Assert.Equal(StatusCode.Unavailable, await StatusOfAsync(host, Request(), PodToken));
        api.Fault = null;
        Assert.Equal("spiffe://mesh.local/ns/shop/sa/catalog", IdOf(await AskAsync(host, Request(), PodToken)));
        await api.DisposeAsync();
        Assert.Equal(StatusCode.Unavailable, await StatusOfAsync(host, Request(), PodToken));
    }

    [Fact]
    public async Task Certificate_of_the_connection_is_renewed()
    {
        await using var host = await TestCaHost.StartAsync(_folder.Path);
        var catalog = await host.JoinAsync(await host.Tokens.CreateAsync("shop", "catalog", TimeSpan.FromHours(1), 1, TestEnd));

        var answer = await AskAsync(host, Request(), null, catalog);

        Assert.Equal("spiffe://mesh.local/ns/shop/sa/catalog", IdOf(answer));
    }

    [Fact]
    public async Task Control_plane_cannot_be_renewed_by_its_certificate()
    {
        await using var host = await TestCaHost.StartAsync(_folder.Path);
        var token = await host.Tokens.CreateAsync("*", "*", TimeSpan.FromHours(1), 0, TestEnd);

        Assert.Equal(StatusCode.PermissionDenied, await StatusOfAsync(host, Request("spiffe://mesh.local/ns/mesh-system/sa/control-plane"), token));
    }

    [Fact]
    public async Task Without_a_credential_with_an_unknown_token_and_in_anothers_name_nobody_is_authenticated()
    {
        await using var host = await TestCaHost.StartAsync(_folder.Path);
        var token = await host.Tokens.CreateAsync("shop", "catalog", TimeSpan.FromHours(1), 1, TestEnd);
        var revoked = await host.Tokens.CreateAsync("shop", "catalog", TimeSpan.FromHours(1), 1, TestEnd);
        await host.Tokens.RevokeAsync(JoinToken.Parse(revoked).Id, TestEnd);
        var impersonation = Request();
        impersonation.Metadata = new Struct { Fields = { ["ImpersonatedIdentity"] = Value.ForString("spiffe://mesh.local/ns/shop/sa/admin") } };

        Assert.Equal(StatusCode.Unauthenticated, await StatusOfAsync(host, Request(), null));
        Assert.Equal(StatusCode.Unauthenticated, await StatusOfAsync(host, Request(), revoked));
        Assert.Equal(StatusCode.Unauthenticated, await StatusOfAsync(host, impersonation, token));
        Assert.Equal("spiffe://mesh.local/ns/shop/sa/catalog", IdOf(await AskAsync(host, Request(), token)));
    }

    [Fact]
    public async Task Bad_request_is_an_invalid_argument_and_costs_no_use()
    {
        await using var host = await TestCaHost.StartAsync(_folder.Path);
        var token = await host.Tokens.CreateAsync("shop", "catalog", TimeSpan.FromHours(1), 1, TestEnd);
        var der = new CertificateRequest("CN=x", _key, HashAlgorithmName.SHA256).CreateSigningRequest();
        der[^1] ^= 1;
        string[] bad = ["", "no PEM", new('x', 40_000), PemEncoding.WriteString("CERTIFICATE REQUEST", [1, 2, 3]), PemEncoding.WriteString("CERTIFICATE", der), PemEncoding.WriteString("CERTIFICATE REQUEST", der)];

        foreach (var csr in bad)
        {
            Assert.Equal(StatusCode.InvalidArgument, await StatusOfAsync(host, new IstioCertificateRequest { Csr = csr }, token));
        }

        await AskAsync(host, Request(), token);
    }

    [Fact]
    public async Task Lifetime_is_what_is_asked_for_within_bounds()
    {
        await using var host = await TestCaHost.StartAsync(_folder.Path, static options => options.SvidLifetime = TimeSpan.FromHours(2));
        var token = await host.Tokens.CreateAsync("shop", "catalog", TimeSpan.FromHours(1), 0, TestEnd);
        var before = TimeProvider.System.GetUtcNow();

        var asked = await AskAsync(host, Request(seconds: 600), token);
        var left = await AskAsync(host, Request(), token);

        Assert.InRange(EndOf(asked) - before, TimeSpan.FromSeconds(590), TimeSpan.FromMinutes(15));
        Assert.InRange(EndOf(left) - before, TimeSpan.FromHours(1.9), TimeSpan.FromHours(2.2));
        Assert.Equal(StatusCode.InvalidArgument, await StatusOfAsync(host, Request(seconds: long.MaxValue), token));
        Assert.Equal(StatusCode.InvalidArgument, await StatusOfAsync(host, Request(seconds: 91 * 86_400), token));
    }

    [Fact]
    public async Task Token_for_any_account_gets_the_one_named_in_the_request_and_a_bound_one_no_other()
    {
        await using var host = await TestCaHost.StartAsync(_folder.Path);
        var any = await host.Tokens.CreateAsync("shop", "*", TimeSpan.FromHours(1), 0, TestEnd);
        var bound = await host.Tokens.CreateAsync("shop", "catalog", TimeSpan.FromHours(1), 0, TestEnd);

        Assert.Equal("spiffe://mesh.local/ns/shop/sa/pricing", IdOf(await AskAsync(host, Request("spiffe://mesh.local/ns/shop/sa/pricing"), any)));
        Assert.Equal(StatusCode.PermissionDenied, await StatusOfAsync(host, Request("spiffe://mesh.local/ns/other/sa/pricing"), any));
        Assert.Equal(StatusCode.PermissionDenied, await StatusOfAsync(host, Request("spiffe://else.where/ns/shop/sa/pricing"), any));
        Assert.Equal(StatusCode.PermissionDenied, await StatusOfAsync(host, Request(), any));
        Assert.Equal(StatusCode.PermissionDenied, await StatusOfAsync(host, Request("spiffe://mesh.local/ns/shop/sa/admin"), bound));
    }

    [Fact]
    public async Task Our_own_door_takes_a_service_account_token_for_that_account_alone()
    {
        await using var api = await FakeKubernetesApi.StartAsync(_folder);
        await using var host = await KubernetesAsync(api);
        api.Tokens[PodToken] = ("system:serviceaccount:shop:catalog", ["istio-ca"]);
        using var channel = Open(host, null);
        var client = new Protos.V1.IdentityService.IdentityServiceClient(channel);
        var csr = Google.Protobuf.ByteString.CopyFrom(new CertificateRequest("CN=x", _key, HashAlgorithmName.SHA256).CreateSigningRequest());
        Protos.V1.IssueIdentityRequest Ask(string account) => new() { CertificateSigningRequest = csr, KubernetesToken = PodToken, Namespace = "shop", ServiceAccount = account };

        Assert.Equal("spiffe://mesh.local/ns/shop/sa/catalog", (await client.IssueIdentityAsync(Ask("catalog"), cancellationToken: TestEnd)).SpiffeId);
        Assert.Equal(StatusCode.PermissionDenied, (await Assert.ThrowsAsync<RpcException>(() => client.IssueIdentityAsync(Ask("admin"), cancellationToken: TestEnd).ResponseAsync)).StatusCode);
    }

    [Fact]
    public async Task Kubeconfig_that_is_none_stops_the_start_with_what_to_do()
    {
        var error = await Assert.ThrowsAsync<MeshControlPlaneException>(() => TestCaHost.StartAsync(_folder.Path, options =>
        {
            options.Kubernetes.ReviewTokens = true;
            options.Kubernetes.KubeConfig = _folder.File("missing");
        }));

        Assert.Contains("MeshControlPlane:Kubernetes:KubeConfig", error.Message);
    }

    private static Task<TestCaHost> KubernetesAsync(FakeKubernetesApi api)
        => TestCaHost.StartAsync(Path.Combine(Path.GetDirectoryName(api.KubeConfig)!, "state"), options =>
        {
            options.Kubernetes.ReviewTokens = true;
            options.Kubernetes.KubeConfig = api.KubeConfig;
        });

    private IstioCertificateRequest Request(string? uri = null, long seconds = 0)
    {
        var request = new CertificateRequest("O=agent", _key, HashAlgorithmName.SHA256);
        if (uri is not null)
        {
            var names = new SubjectAlternativeNameBuilder();
            names.AddUri(new Uri(uri));
            request.CertificateExtensions.Add(names.Build());
        }

        return new IstioCertificateRequest { Csr = request.CreateSigningRequestPem(), ValidityDuration = seconds };
    }

    private static string IdOf(IstioCertificateResponse answer)
    {
        using var leaf = X509Certificate2.CreateFromPem(answer.CertChain[0]);
        Assert.True(X509SvidValidator.TryReadId(leaf, out var id));
        return id.ToString();
    }

    private static DateTimeOffset EndOf(IstioCertificateResponse answer)
    {
        using var leaf = X509Certificate2.CreateFromPem(answer.CertChain[0]);
        return new DateTimeOffset(leaf.NotAfter.ToUniversalTime(), TimeSpan.Zero);
    }

    private static async Task<StatusCode> StatusOfAsync(TestCaHost host, IstioCertificateRequest request, string? bearer)
        => (await Assert.ThrowsAsync<RpcException>(() => AskAsync(host, request, bearer))).StatusCode;

    private static async Task<IstioCertificateResponse> AskAsync(TestCaHost host, IstioCertificateRequest request, string? bearer, WorkloadIdentity? identity = null)
    {
        using var channel = Open(host, identity);
        Metadata headers = bearer is null ? [] : new Metadata { { "authorization", $"Bearer {bearer}" } };
        return await new IstioCertificateService.IstioCertificateServiceClient(channel).CreateCertificateAsync(request, headers, cancellationToken: TestEnd);
    }

    private static GrpcChannel Open(TestCaHost host, WorkloadIdentity? identity)
        => ControlPlaneTransport.Open(host.Address, ControlPlaneTransport.Create(identity is null
            ? SpiffeTls.ForEnrolment(new TrustBundleSet([host.Authority.Bundle]), "any", ControlPlaneTransport.Protocols)
            : SpiffeTls.ForClient(identity, static _ => true, "any", ControlPlaneTransport.Protocols)));
}
