using System.Security.Cryptography;
using System.Text;
using Google.Protobuf;
using Grpc.Core;
using Microsoft.Extensions.Time.Testing;
using ProxylessMesh.Spiffe.Tests.Documents;
using ProxylessMesh.TestSupport;
using WorkloadApi;

namespace ProxylessMesh.Spiffe.Tests.Sources;

/// <summary>JWT-SVIDs against a real Workload API over real sockets.</summary>
public sealed class JwtSvidSourceTests : IDisposable
{
    private readonly FakeTimeProvider _time = new(TestJwt.Now);
    private readonly ECDsa _key = ECDsa.Create(ECCurve.NamedCurves.nistP256);

    private static CancellationToken TestEnd => TestContext.Current.CancellationToken;

    public void Dispose() => _key.Dispose();

    [Fact]
    public async Task Token_is_for_the_audience_and_kept_until_about_half_of_its_lifetime()
    {
        await using var agent = await FakeWorkloadApi.StartAsync();
        agent.Given.Tokens = Token;
        await using var source = Source(agent);

        var first = await source.FetchAsync("pricing", TestEnd);
        Assert.Equal("/ns/shop/sa/catalog", first.Id.Path);
        Assert.Equal(["pricing"], first.Audience);
        _time.Advance(TimeSpan.FromSeconds(119));
        Assert.Same(first, await source.FetchAsync("pricing", TestEnd));
        Assert.NotSame(first, await source.FetchAsync("orders", TestEnd));

        _time.Advance(TimeSpan.FromSeconds(62));
        Assert.NotSame(first, await source.FetchAsync("pricing", TestEnd));
        Assert.Equal(3, agent.Given.TokenRequests);
    }

    [Fact]
    public async Task Agent_that_is_away_leaves_the_token_in_use_until_it_ends()
    {
        await using var agent = await FakeWorkloadApi.StartAsync();
        agent.Given.Tokens = Token;
        await using var source = Source(agent);
        var first = await source.FetchAsync("pricing", TestEnd);
        agent.Given.Tokens = static _ => throw new RpcException(new Status(StatusCode.Unavailable, "restarting"));

        _time.Advance(TimeSpan.FromSeconds(200));
        Assert.Same(first, await source.FetchAsync("pricing", TestEnd));

        _time.Advance(TimeSpan.FromSeconds(80));
        var error = await Assert.ThrowsAsync<IdentityException>(() => source.FetchAsync("pricing", TestEnd));
        Assert.Equal(IdentityError.AgentUnreachable, error.Error);
        Assert.Contains("restarting", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Agent_without_an_entry_is_told_with_the_cure()
    {
        await using var agent = await FakeWorkloadApi.StartAsync();
        await using var source = Source(agent);

        var error = await Assert.ThrowsAsync<IdentityException>(() => source.FetchAsync("pricing", TestEnd));

        Assert.Equal(IdentityError.NotAllowed, error.Error);
        Assert.Contains("spire-server entry create", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Token_for_another_audience_than_asked_is_not_used()
    {
        await using var agent = await FakeWorkloadApi.StartAsync();
        agent.Given.Tokens = _ => Token(new JWTSVIDRequest { Audience = { "other" } });
        await using var source = Source(agent);

        Assert.Equal(IdentityError.BadAnswer, (await Assert.ThrowsAsync<IdentityException>(() => source.FetchAsync("pricing", TestEnd))).Error);
    }

    [Theory]
    [InlineData("")]
    [InlineData(",\"use\":\"jwt-svid\"")]
    public async Task Token_of_another_is_checked_by_the_agents_bundles(string use)
    {
        await using var agent = await FakeWorkloadApi.StartAsync();
        agent.Given.Set(Bundles(_key, use));
        await using var source = Source(agent);
        var token = TestJwt.Sign(_key, "ES256", TestJwt.Claims());

        Assert.Equal("/ns/shop/sa/catalog", (await source.ValidateAsync(token, "pricing", TestEnd)).Id.Path);

        var refused = await Assert.ThrowsAsync<IdentityException>(() => source.ValidateAsync(token, "orders", TestEnd));
        Assert.Equal(IdentityError.TokenRefused, refused.Error);
        Assert.DoesNotContain(token[^20..], refused.ToString(), StringComparison.Ordinal);
        using var other = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        Assert.Equal(IdentityError.TokenRefused, (await Assert.ThrowsAsync<IdentityException>(() => source.ValidateAsync(TestJwt.Sign(other, "ES256", TestJwt.Claims()), "pricing", TestEnd))).Error);
    }

    [Fact]
    public async Task Keys_that_the_agent_replaces_count_from_then_on()
    {
        await using var agent = await FakeWorkloadApi.StartAsync();
        agent.Given.Set(Bundles(_key, ""));
        await using var source = Source(agent);
        await source.ValidateAsync(TestJwt.Sign(_key, "ES256", TestJwt.Claims()), "pricing", TestEnd);
        using var next = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        agent.Given.Set(Bundles(next, ""));

        var token = TestJwt.Sign(next, "ES256", TestJwt.Claims());
        while (true)
        {
            try
            {
                await source.ValidateAsync(token, "pricing", TestEnd);
                break;
            }
            catch (IdentityException notYet) when (notYet.Error == IdentityError.TokenRefused)
            {
                await Task.Delay(TimeSpan.FromMilliseconds(5), TimeProvider.System, TestEnd);
            }
        }

        await Assert.ThrowsAsync<IdentityException>(() => source.ValidateAsync(TestJwt.Sign(_key, "ES256", TestJwt.Claims()), "pricing", TestEnd));
    }

    private static JWTSVIDResponse Token(JWTSVIDRequest request, ECDsa key, DateTimeOffset now)
    {
        var seconds = (now - TestJwt.Now).TotalSeconds + 300;
        return new JWTSVIDResponse
        {
            Svids = { new JWTSVID { SpiffeId = "spiffe://mesh.local/ns/shop/sa/catalog", Svid = TestJwt.Sign(key, "ES256", TestJwt.Claims(aud: $"\"{request.Audience[0]}\"", expiresIn: seconds)) } },
        };
    }

    private JWTSVIDResponse Token(JWTSVIDRequest request) => Token(request, _key, _time.GetUtcNow());

    private static JWTBundlesResponse Bundles(ECDsa key, string use)
    {
        var document = Encoding.UTF8.GetString(SpiffeBundleWriter.Write(TestJwt.Bundle(("k1", key)))).Replace(",\"use\":\"jwt-svid\"", "", StringComparison.Ordinal).Replace("\"use\":\"jwt-svid\",", "", StringComparison.Ordinal);
        Assert.DoesNotContain("use", document, StringComparison.Ordinal);
        return new JWTBundlesResponse { Bundles = { ["spiffe://mesh.local"] = ByteString.CopyFromUtf8(document.Replace("\"kid\":\"k1\"", "\"kid\":\"k1\"" + use, StringComparison.Ordinal)) } };
    }

    private JwtSvidSource Source(FakeWorkloadApi agent)
    {
        Assert.True(WorkloadApiAddress.TryParse(agent.Address, out var address, out _));
        return new JwtSvidSource(new WorkloadApiSettings { Address = address }, _time);
    }
}
