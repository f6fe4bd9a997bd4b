using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using Grpc.Core;
using IstioCa;
using Microsoft.Extensions.Logging;
using ProxylessMesh.TestSupport;

namespace ProxylessMesh.Spiffe.Tests.Sources;

/// <summary>The source against a real server of Istio's certificate service over TLS.</summary>
public sealed class IstioCaSourceTests : IDisposable
{
    private static readonly TestLeaf Catalog = new() { Uris = ["spiffe://cluster.local/ns/shop/sa/catalog"], Lifetime = TimeSpan.FromHours(24) };

    private readonly TestFolder _folder = new();
    private readonly SleepClock _time = new();
    private readonly TestCa _ca = TestCa.Create("cluster.local");

    public IstioCaSourceTests()
    {
        File.WriteAllText(_folder.File("istio-token"), "first-token\n");
        File.WriteAllText(_folder.File("root-cert.pem"), TestPem.Of(_ca.Bundle.Authorities));
    }

    private static CancellationToken TestEnd => TestContext.Current.CancellationToken;

    public void Dispose() => _folder.Dispose();

    [Fact]
    public async Task Identity_is_what_the_ca_makes_of_the_token()
    {
        await using var ca = await FakeIstioCa.StartAsync(_ca);
        ca.Given.Certificates = request => FakeIstioCa.Sign(request, _ca.WithIntermediate(), Catalog);

        await using var run = Start(ca.Address);
        var identity = await run.Source.GetAsync(TestEnd);

        Assert.Equal("spiffe://cluster.local/ns/shop/sa/catalog", identity.Id.ToString());
        Assert.Single(identity.Intermediates);
        Assert.Single(Assert.Single(identity.Bundles.Bundles).Authorities);
        var (token, cluster, asked) = Assert.Single(ca.Given.Requests);
        Assert.Equal("Bearer first-token", token);
        Assert.Equal("Kubernetes", cluster);
        Assert.Equal(24 * 3600, asked.ValidityDuration);
        Assert.InRange(run.Source.Status.RenewsAt!.Value - _time.GetUtcNow(), TimeSpan.FromHours(9), TimeSpan.FromHours(15));
    }

    [Fact]
    public async Task Renewal_around_half_of_the_lifetime_takes_the_token_of_that_moment()
    {
        await using var ca = await FakeIstioCa.StartAsync(_ca);
        ca.Given.Certificates = request => FakeIstioCa.Sign(request, _ca, Catalog);
        await using var run = Start(ca.Address);
        var first = await run.Source.GetAsync(TestEnd);
        await _time.AsleepAsync(TestEnd);
        var next = run.NextIdentity();
        await File.WriteAllTextAsync(_folder.File("istio-token"), "second-token", TestEnd);

        _time.Advance(TimeSpan.FromHours(15));

        Assert.NotEqual(first.Leaf.SerialNumber, (await next).Leaf.SerialNumber);
        Assert.Equal(["Bearer first-token", "Bearer second-token"], ca.Given.Requests.Select(static request => request.Token));
        Assert.NotEqual(ca.Given.Requests[0].Request.Csr, ca.Given.Requests[1].Request.Csr);
    }

    [Fact]
    public async Task Roots_of_the_file_are_trusted_besides_the_one_that_the_ca_signs_with_now()
    {
        var old = TestCa.Create("cluster.local");
        await File.WriteAllTextAsync(_folder.File("root-cert.pem"), TestPem.Of([.. old.Bundle.Authorities, .. _ca.Bundle.Authorities]), TestEnd);
        await using var ca = await FakeIstioCa.StartAsync(_ca);
        ca.Given.Certificates = request => FakeIstioCa.Sign(request, _ca, Catalog);

        await using var run = Start(ca.Address);

        Assert.Equal(2, Assert.Single((await run.Source.GetAsync(TestEnd)).Bundles.Bundles).Authorities.Length);
    }

    [Fact]
    public async Task Ca_may_prove_itself_by_a_spiffe_id()
    {
        await using var ca = await FakeIstioCa.StartAsync(_ca, new TestLeaf { Uris = ["spiffe://cluster.local/ns/istio-system/sa/istiod"] });
        ca.Given.Certificates = request => FakeIstioCa.Sign(request, _ca, Catalog);

        await using var run = Start(ca.Address, "spiffe://cluster.local/ns/istio-system/sa/istiod");

        Assert.Equal("/ns/shop/sa/catalog", (await run.Source.GetAsync(TestEnd)).Id.Path);
    }

    [Theory]
    [InlineData("other name")]
    [InlineData("other root")]
    [InlineData("other id")]
    [InlineData("expired")]
    [InlineData("client certificate")]
    public async Task Token_does_not_go_to_a_server_that_is_not_the_ca(string how)
    {
        var signer = how == "other root" ? TestCa.Create("cluster.local") : _ca;
        await using var ca = await FakeIstioCa.StartAsync(signer, how switch
        {
            "other name" => new TestLeaf { DnsNames = ["other.test"] },
            "other id" => new TestLeaf { Uris = ["spiffe://cluster.local/ns/shop/sa/thief"], DnsNames = [FakeIstioCa.ServerName] },
            "expired" => new TestLeaf { DnsNames = [FakeIstioCa.ServerName], Lifetime = TimeSpan.FromMinutes(-1) },
            "client certificate" => new TestLeaf { DnsNames = [FakeIstioCa.ServerName], Usages = ["1.3.6.1.5.5.7.3.2"] },
            _ => new TestLeaf { DnsNames = [FakeIstioCa.ServerName] },
        });

        await using var run = Start(ca.Address, how == "other id" ? "spiffe://cluster.local/ns/istio-system/sa/istiod" : FakeIstioCa.ServerName);
        await _time.AsleepAsync(TestEnd);

        Assert.Equal(IdentityError.ControlPlaneNotTrusted, run.Source.Status.Error!.Error);
        Assert.Empty(ca.Given.Requests);
    }

    public static TheoryData<string> BrokenAnswers => ["empty", "leaf alone", "other key", "no SPIFFE ID", "expired", "foreign root", "CA as leaf", "no PEM"];

    [Theory]
    [MemberData(nameof(BrokenAnswers))]
    public async Task Answer_that_is_broken_is_not_taken(string how)
    {
        await using var ca = await FakeIstioCa.StartAsync(_ca);
        ca.Given.Certificates = request => Break(how, request);

        await using var run = Start(ca.Address);
        await _time.AsleepAsync(TestEnd);

        Assert.Null(run.Source.Current);
        Assert.Equal(IdentityError.BadAnswer, run.Source.Status.Error!.Error);
    }

    [Theory]
    [InlineData(StatusCode.Unauthenticated, IdentityError.TokenRefused)]
    [InlineData(StatusCode.PermissionDenied, IdentityError.TokenRefused)]
    [InlineData(StatusCode.InvalidArgument, IdentityError.BadAnswer)]
    [InlineData(StatusCode.Unavailable, IdentityError.AgentUnreachable)]
    public async Task Refusal_is_told_with_its_cure_and_without_the_token(StatusCode code, IdentityError expected)
    {
        await using var ca = await FakeIstioCa.StartAsync(_ca);
        ca.Given.Certificates = _ => throw new RpcException(new Status(code, "because"));

        await using var run = Start(ca.Address);
        await _time.AsleepAsync(TestEnd);

        var error = run.Source.Status.Error!;
        Assert.Equal(expected, error.Error);
        Assert.Contains("because", error.Message, StringComparison.Ordinal);
        Assert.DoesNotContain("first-token", error.ToString(), StringComparison.Ordinal);
        Assert.Single(run.Log.Entries, static entry => entry.Level == LogLevel.Warning);
    }

    [Theory]
    [InlineData("istio-token", "", IdentityError.NoProof)]
    [InlineData("istio-token", "two words", IdentityError.NoProof)]
    [InlineData("istio-token", null, IdentityError.NoProof)]
    [InlineData("root-cert.pem", "no roots", IdentityError.BadFile)]
    [InlineData("root-cert.pem", null, IdentityError.BadFile)]
    public async Task File_that_is_missing_or_broken_is_told_and_read_again(string file, string? text, IdentityError expected)
    {
        await using var ca = await FakeIstioCa.StartAsync(_ca);
        ca.Given.Certificates = request => FakeIstioCa.Sign(request, _ca, Catalog);
        var good = await File.ReadAllTextAsync(_folder.File(file), TestEnd);
        File.Delete(_folder.File(file));
        if (text is not null)
        {
            await File.WriteAllTextAsync(_folder.File(file), text, TestEnd);
        }

        await using var run = Start(ca.Address);
        await _time.AsleepAsync(TestEnd);
        Assert.Equal(expected, run.Source.Status.Error!.Error);
        Assert.Contains(file, run.Source.Status.Error.Message, StringComparison.Ordinal);

        await File.WriteAllTextAsync(_folder.File(file), good, TestEnd);
        _time.Advance(TimeSpan.FromSeconds(1));
        await run.Source.GetAsync(TestEnd);
    }

    private IstioCertificateResponse Break(string how, IstioCertificateRequest request)
    {
        using var other = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var answer = FakeIstioCa.Sign(request, _ca, how switch
        {
            "no SPIFFE ID" => new TestLeaf { DnsNames = ["catalog.shop"] },
            "expired" => Catalog with { Lifetime = TimeSpan.FromMinutes(-1) },
            "CA as leaf" => Catalog with { IsAuthority = true },
            _ => Catalog,
        });
        switch (how)
        {
            case "empty": answer.CertChain.Clear(); break;
            case "leaf alone": answer.CertChain.RemoveAt(1); break;
            case "other key": answer.CertChain[0] = TestPem.Of([_ca.Sign(Catalog, new PublicKey(other))]); break;
            case "foreign root": answer.CertChain[0] = TestPem.Of([TestCa.Create("cluster.local").Sign(Catalog, CertificateRequest.LoadSigningRequestPem(request.Csr, HashAlgorithmName.SHA256).PublicKey)]); break;
            case "no PEM": answer.CertChain[0] = "certificate"; break;
            default: break;
        }

        return answer;
    }

    private SourceRun<IstioCaSource> Start(Uri address, string serverName = FakeIstioCa.ServerName) => new(logger => new IstioCaSource(
        new IstioCaSettings
        {
            Address = address,
            TokenFile = _folder.File("istio-token"),
            RootFile = _folder.File("root-cert.pem"),
            ServerName = serverName,
            ClusterId = "Kubernetes",
            AttemptTimeout = SleepClock.NoSleep,
        },
        _time,
        logger));
}
