using System.Net;
using System.Text;
using System.Text.Json;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Time.Testing;
using ProxylessMesh.Authentication;
using ProxylessMesh.Jwt;
using ProxylessMesh.Xds.Resources;
using static ProxylessMesh.Tests.Policies;

namespace ProxylessMesh.Tests.Jwt;

/// <summary>End-user tokens over real sockets: what a server with the filter takes, refuses, and shows its application.</summary>
// Over 400 lines: the hostile tokens are one table, and all are tried against the same server with the same keys.
public sealed class JwtAuthenticationTests : IDisposable
{
    private static readonly string[] Groups = ["a", "b"];

    private readonly TestIssuer _issuer = new();
    private readonly TestIssuer _other = new("https://other.example");

    private static CancellationToken TestEnd => TestContext.Current.CancellationToken;

    public void Dispose()
    {
        _issuer.Dispose();
        _other.Dispose();
    }

    [Theory]
    [InlineData("RS256", "rsa")]
    [InlineData("RS512", "rsa")]
    [InlineData("PS256", "rsa")]
    [InlineData("ES256", "ec")]
    [InlineData("ES384", "ec384")]
    [InlineData("ES256", null)]
    public async Task Valid_token_reaches_policies_and_not_the_application(string algorithm, string? keyId)
    {
        await using var app = await StartAsync(TestIssuer.Filter(_issuer.Provider()));

        var seen = await SendAsync(app, bearer: _issuer.Token(new { groups = Groups }, algorithm, keyId));

        Assert.Equal(200, seen.Status);
        Assert.Null(seen.Header("authorization"));
        Assert.Equal("alice", seen.Payload?.GetProperty("sub").GetString());
        Assert.Equal(2, seen.Payload?.GetProperty("groups").GetArrayLength());
    }

    [Fact]
    public async Task Request_without_a_token_is_anonymous()
    {
        await using var app = await StartAsync(TestIssuer.Filter(_issuer.Provider()));

        var seen = await SendAsync(app);

        Assert.Equal(200, seen.Status);
        Assert.Null(seen.Payload);
    }

    [Fact]
    public async Task Hostile_tokens_are_refused_alike_and_never_reach_the_application()
    {
        await using var app = await StartAsync(TestIssuer.Filter(_issuer.Provider()));
        var good = _issuer.Token();
        var parts = good.Split('.');
        var claims = Encoding.UTF8.GetString(System.Buffers.Text.Base64Url.DecodeFromChars(parts[1]));
        var hostile = new Dictionary<string, string>
        {
            ["one part"] = "abc",
            ["two parts"] = $"{parts[0]}.{parts[1]}",
            ["five parts, as of encrypted ones"] = $"{good}.a.b",
            ["no signature"] = $"{parts[0]}.{parts[1]}.",
            ["alg none"] = _issuer.Token(algorithm: "none", keyId: null) + "AA",
            ["alg None"] = _issuer.Raw("""{"alg":"None"}""", claims),
            ["no alg"] = _issuer.Raw("""{"typ":"JWT"}""", claims),
            ["alg is a number"] = _issuer.Raw("""{"alg":1}""", claims),
            ["the public key as a shared secret"] = _issuer.Raw("""{"alg":"HS256","kid":"rsa"}""", claims, "HS256 with the RSA key"),
            ["a shared secret in the key set"] = _issuer.Token(algorithm: "HS256", keyId: "oct"),
            ["signed by somebody else"] = new TestIssuer(_issuer.Name).Token(),
            ["signed with another algorithm than it says"] = _issuer.Raw("""{"alg":"PS256","kid":"rsa"}""", claims),
            ["signed with another key than it says"] = _issuer.Token(keyId: "ec"),
            ["an unknown key"] = _issuer.Token(keyId: "gone"),
            ["a key for encryption"] = _issuer.Token(keyId: "enc"),
            ["a weak key"] = _issuer.Raw("""{"alg":"RS256","kid":"weak"}""", claims, "weak"),
            ["claims changed"] = $"{parts[0]}.{TestIssuer.Encode(Encoding.UTF8.GetBytes(claims.Replace("alice", "admin", StringComparison.Ordinal)))}.{parts[2]}",
            ["signature cut"] = good[..^4],
            ["signature of nothing but zeros"] = $"{parts[0]}.{parts[1]}.{new string('A', 342)}",
            ["padding"] = good + "==",
            ["another alphabet"] = $"{parts[0]}.{parts[1]}+.{parts[2]}",
            ["a blank inside"] = $"{parts[0]}. {parts[1]}.{parts[2]}",
            ["payload is a list"] = _issuer.Raw("""{"alg":"RS256"}""", "[]"),
            ["payload is no JSON"] = _issuer.Raw("""{"alg":"RS256"}""", "{"),
            ["payload too deep"] = _issuer.Raw("""{"alg":"RS256"}""", string.Concat(Enumerable.Repeat("{\"a\":", 100)) + "1" + new string('}', 100)),
            ["a claim twice"] = _issuer.Raw("""{"alg":"RS256"}""", claims[..^1] + ""","sub":"admin"}"""),
            ["crit"] = _issuer.Raw("""{"alg":"RS256","crit":["exp"]}""", claims),
            ["expired beyond the skew"] = _issuer.Token(new { exp = TestIssuer.At(-61) }),
            ["not yet valid beyond the skew"] = _issuer.Token(new { nbf = TestIssuer.At(61) }),
            ["exp is a text"] = _issuer.Token(new { exp = "later" }),
            ["exp is out of range"] = _issuer.Raw("""{"alg":"RS256"}""", $$"""{"iss":"{{_issuer.Name}}","exp":1e999}"""),
            ["another issuer"] = _issuer.Token(new { iss = "https://evil.example" }),
            ["no issuer"] = _issuer.Token(new { iss = (string?)null }),
            ["issuer with a slash more"] = _issuer.Token(new { iss = _issuer.Name + "/" }),
            ["issuer is a list"] = _issuer.Token(new { iss = new[] { _issuer.Name } }),
            ["very long"] = _issuer.Token(new { more = new string('a', JwtToken.MaxLength) }),
        };

        foreach (var (what, token) in hostile)
        {
            var seen = await SendAsync(app, bearer: token);

            Assert.True(seen is { Status: 401, Body: "A valid token is needed." }, $"{what}: {seen.Status} {seen.Body}");
            Assert.Equal("Bearer realm=\"https://catalog/\", error=\"invalid_token\"", seen.Challenge);
        }

        var lines = app.Logs.Entries.Where(static line => line.Message.Contains("end-user token", StringComparison.Ordinal)).ToList();
        Assert.NotEmpty(lines);
        Assert.DoesNotContain(lines, line => hostile.Values.Any(token => token.Length > 10 && line.Message.Contains(token[..10], StringComparison.Ordinal)));
    }

    [Theory]
    [InlineData(-59, 0)]
    [InlineData(60, 59)]
    public async Task Clocks_may_differ_by_a_minute(int expires, int begins)
    {
        await using var app = await StartAsync(TestIssuer.Filter(_issuer.Provider()));

        Assert.Equal(200, (await SendAsync(app, bearer: _issuer.Token(new { exp = TestIssuer.At(expires), nbf = TestIssuer.At(begins) }))).Status);
    }

    [Fact]
    public async Task Token_that_was_good_is_refused_once_it_has_expired()
    {
        var time = new FakeTimeProvider(TestIssuer.Now);
        await using var app = await StartAsync(TestIssuer.Filter(_issuer.Provider()), time);
        var token = _issuer.Token();
        Assert.Equal(200, (await SendAsync(app, bearer: token)).Status);

        time.Advance(TimeSpan.FromSeconds(661));

        Assert.Equal(401, (await SendAsync(app, bearer: token)).Status);
    }

    [Theory]
    [InlineData("""{"aud":"orders"}""", 200)]
    [InlineData("""{"aud":["x","https://orders/"]}""", 200)]
    [InlineData("""{"aud":["x"]}""", 403)]
    [InlineData("""{"aud":1}""", 403)]
    [InlineData("{}", 403)]
    public async Task Token_for_others_is_forbidden(string claims, int status)
    {
        await using var app = await StartAsync(TestIssuer.Filter(_issuer.Provider(static provider => provider with { Audiences = ["catalog", "orders"] })));

        Assert.Equal(status, (await SendAsync(app, bearer: _issuer.Token(JsonDocument.Parse(claims).RootElement))).Status);
    }

    [Fact]
    public async Task GRPC_callers_hear_UNAUTHENTICATED()
    {
        await using var app = await StartAsync(TestIssuer.Filter(_issuer.Provider()));
        using var client = app.Client();
        using var request = new HttpRequestMessage(HttpMethod.Post, "/s/m") { Version = HttpVersion.Version20, Content = new ByteArrayContent([]) };
        request.Content.Headers.ContentType = new("application/grpc");
        request.Headers.TryAddWithoutValidation("authorization", "Bearer x");

        using var answer = await client.SendAsync(request, TestEnd);

        Assert.Equal("16", answer.Headers.GetValues("grpc-status").Single());
    }

    [Fact]
    public async Task Token_is_found_in_each_of_its_places_and_taken_out_of_it()
    {
        await using var app = await StartAsync(TestIssuer.Filter(_issuer.Provider(static provider => provider with
        {
            FromHeaders = [new JwtHeaderConfig("x-token", "Token "), new JwtHeaderConfig("x-bare", "")],
            FromParams = ["token"],
            FromCookies = ["session"],
        })));
        var token = _issuer.Token();

        foreach (var (name, value) in new[] { ("x-token", $"Token {token}"), ("x-token", $"token   {token}"), ("x-bare", token) })
        {
            var seen = await SendAsync(app, name: name, value: value);
            Assert.Equal((200, "alice"), (seen.Status, seen.Payload?.GetProperty("sub").GetString()));
            Assert.Null(seen.Header(name));
        }

        var byQuery = await SendAsync(app, path: $"/a?x=1&token={token}&y=%26");
        Assert.Equal("/a?x=1&y=%26 /a?x=1&y=%26", byQuery.Target);
        Assert.NotNull(byQuery.Payload);

        var byCookie = await SendAsync(app, name: "cookie", value: $"a=1; session={token}; b=2");
        Assert.Equal("a=1; b=2", byCookie.Header("cookie"));
        Assert.NotNull(byCookie.Payload);

        // Its own places replace the usual ones.
        var usual = await SendAsync(app, bearer: "nonsense");
        Assert.Equal((200, "Bearer nonsense"), (usual.Status, usual.Header("authorization")));
    }

    [Theory]
    [InlineData("/a?token=GOOD&token=bad")]
    [InlineData("/a?token=bad&token=GOOD")]
    [InlineData("/a?%74oken=bad")]
    public async Task One_bad_token_among_several_is_enough(string path)
    {
        await using var app = await StartAsync(TestIssuer.Filter(_issuer.Provider(static provider => provider with { FromParams = ["token"] })));

        Assert.Equal(401, (await SendAsync(app, path: path.Replace("GOOD", _issuer.Token(), StringComparison.Ordinal))).Status);
    }

    [Fact]
    public async Task A_flood_of_tokens_is_not_checked()
    {
        await using var app = await StartAsync(TestIssuer.Filter(_issuer.Provider(static provider => provider with { FromCookies = ["t"] })));
        var cookies = string.Join("; ", Enumerable.Repeat($"t={_issuer.Token()}", 9));

        Assert.Equal(401, (await SendAsync(app, name: "cookie", value: cookies)).Status);
    }

    [Fact]
    public async Task Application_gets_claims_and_payload_of_the_token_and_never_a_callers_own()
    {
        await using var app = await StartAsync(TestIssuer.Filter(_issuer.Provider(static provider => provider with
        {
            Forward = true,
            PayloadHeader = "x-user",
            PadPayloadHeader = true,
            ClaimHeaders =
            [
                new JwtClaimHeaderConfig("x-sub", "sub"), new JwtClaimHeaderConfig("x-deep", "nested.very-deep"), new JwtClaimHeaderConfig("x-number", "number"), new JwtClaimHeaderConfig("x-flag", "flag"),
                new JwtClaimHeaderConfig("x-list", "list"), new JwtClaimHeaderConfig("x-evil", "evil"), new JwtClaimHeaderConfig("x-none", "none"), new JwtClaimHeaderConfig("x-url", "https://a.b/c"),
            ],
        })));
        var token = _issuer.Token(JsonDocument.Parse("""{"nested":{"very-deep":"v"},"number":12345678901234567890,"flag":true,"list":["a",1],"evil":"a\r\nx-admin: true","https://a.b/c":"u"}""").RootElement);

        var seen = await SendAsync(app, bearer: token, name: "x-none", value: "forged");

        Assert.Equal($"Bearer {token}", seen.Header("authorization"));
        Assert.Equal(token.Split('.')[1], seen.Header("x-user")!.TrimEnd('='));
        Assert.Equal(0, seen.Header("x-user")!.Length % 4);
        Assert.Equal(("alice", "v", "12345678901234567890", "true", "u"), (seen.Header("x-sub"), seen.Header("x-deep"), seen.Header("x-number"), seen.Header("x-flag"), seen.Header("x-url")));
        Assert.Equal("""["a",1]""", Encoding.UTF8.GetString(Convert.FromBase64String(seen.Header("x-list")!)));
        Assert.Null(seen.Header("x-evil"));
        Assert.Null(seen.Header("x-none"));
        Assert.Null((await SendAsync(app, name: "X-SUB", value: "forged")).Header("x-sub"));
    }

    [Fact]
    public async Task Lists_in_a_text_are_taken_apart_for_policies_alone()
    {
        await using var app = await StartAsync(TestIssuer.Filter(_issuer.Provider(static provider => provider with { SpaceDelimitedClaims = ["scope"], ClaimHeaders = [new JwtClaimHeaderConfig("x-scope", "scope")] })));

        var seen = await SendAsync(app, bearer: _issuer.Token(new { scope = "read  write", other = "a b" }));

        Assert.Equal("""["read","write"]""", seen.Payload?.GetProperty("scope").GetRawText());
        Assert.Equal("a b", seen.Payload?.GetProperty("other").GetString());
        Assert.Equal("read  write", seen.Header("x-scope"));
    }

    [Fact]
    public async Task Issuers_may_share_a_place_and_each_token_is_its_issuers()
    {
        await using var app = await StartAsync(TestIssuer.Filter(_issuer.Provider(), _other.Provider()));

        Assert.Equal(_other.Name, (await SendAsync(app, bearer: _other.Token())).Payload?.GetProperty("iss").GetString());
        Assert.Equal(_issuer.Name, (await SendAsync(app, bearer: _issuer.Token())).Payload?.GetProperty("iss").GetString());
        Assert.Equal(200, (await SendAsync(app)).Status);

        // The one signs in the name of the other.
        Assert.Equal(401, (await SendAsync(app, bearer: _other.Token(new { iss = _issuer.Name }))).Status);
        Assert.Equal(401, (await SendAsync(app, bearer: new TestIssuer("https://third.example").Token())).Status);
    }

    [Fact]
    public async Task Required_token_that_is_missing_is_asked_for()
    {
        await using var app = await StartAsync(TestIssuer.Filter(new JwtRequirementConfig.Provider("origins-0", []), _issuer.Provider()));

        var seen = await SendAsync(app);

        Assert.Equal((401, "Bearer realm=\"https://catalog/\""), (seen.Status, seen.Challenge));
    }

    [Fact]
    public async Task Failed_tokens_pass_only_where_the_requirement_says_so_and_then_as_none()
    {
        await using var app = await StartAsync(TestIssuer.Filter(new JwtRequirementConfig.AllowMissingOrFailed(), _issuer.Provider()));

        Assert.Null((await SendAsync(app, bearer: "nonsense")).Payload);
        Assert.NotNull((await SendAsync(app, bearer: _issuer.Token())).Payload);
    }

    [Fact]
    public async Task Optional_token_of_any_provider_must_be_valid_for_one()
    {
        await using var app = await StartAsync(TestIssuer.Filter(new JwtRequirementConfig.AllowMissing(), _issuer.Provider(), _other.Provider()));

        Assert.Equal(200, (await SendAsync(app)).Status);
        Assert.Equal(200, (await SendAsync(app, bearer: _other.Token())).Status);
        Assert.Equal(401, (await SendAsync(app, bearer: new TestIssuer("https://third.example").Token())).Status);
    }

    [Fact]
    public async Task Audiences_subjects_and_lifetimes_of_a_requirement_count()
    {
        await using var app = await StartAsync(TestIssuer.Filter(
            new JwtRequirementConfig.Provider("origins-0", ["a"]),
            _issuer.Provider(static provider => provider with { Subjects = Xds.Matching.StringMatcher.Prefix("ali"), RequireExpiration = true, MaxLifetime = TimeSpan.FromHours(1) })));

        Assert.Equal(200, (await SendAsync(app, bearer: _issuer.Token(new { aud = "a", iat = TestIssuer.At(-600) }))).Status);
        Assert.Equal(403, (await SendAsync(app, bearer: _issuer.Token(new { aud = "b", iat = TestIssuer.At(-600) }))).Status);
        Assert.Equal(401, (await SendAsync(app, bearer: _issuer.Token(new { aud = "a", iat = TestIssuer.At(-600), sub = "bob" }))).Status);
        Assert.Equal(401, (await SendAsync(app, bearer: _issuer.Token(new { aud = "a", exp = (int?)null }))).Status);
        Assert.Equal(401, (await SendAsync(app, bearer: _issuer.Token(new { aud = "a", iat = TestIssuer.At(-3600) }))).Status);
    }

    [Theory]
    [InlineData("""{"keys":[]}""")]
    [InlineData("""{"keys":[{"kty":"RSA"},{"kty":"EC","crv":"P-256","x":"AA","y":"AA"},{"kty":"OKP","crv":"Ed25519","x":"AA"},{}]}""")]
    public async Task Without_a_usable_key_no_token_is_valid(string keySet)
    {
        await using var app = await StartAsync(TestIssuer.Filter(_issuer.Provider(provider => provider with { KeySet = keySet })));

        Assert.Equal(401, (await SendAsync(app, bearer: _issuer.Token())).Status);
        Assert.Equal(200, (await SendAsync(app)).Status);
    }

    [Fact]
    public async Task Preflights_pass_and_what_only_looks_like_one_does_not()
    {
        await using var app = await StartAsync(TestIssuer.Filter(_issuer.Provider()));
        using var client = app.Client(version: HttpVersion.Version11);
        async Task<HttpStatusCode> OptionsAsync(params string[] headers)
        {
            using var request = new HttpRequestMessage(HttpMethod.Options, "/");
            request.Headers.TryAddWithoutValidation("authorization", "Bearer nonsense");
            Array.ForEach(headers, name => request.Headers.TryAddWithoutValidation(name, "POST"));
            using var answer = await client.SendAsync(request, TestEnd);
            return answer.StatusCode;
        }

        Assert.Equal(HttpStatusCode.OK, await OptionsAsync("origin", "access-control-request-method"));
        Assert.Equal(HttpStatusCode.Unauthorized, await OptionsAsync("access-control-request-method"));
    }

    [Fact]
    public async Task Refusals_are_logged_with_the_reason_once_a_minute()
    {
        await using var app = await StartAsync(TestIssuer.Filter(_issuer.Provider()));
        for (var i = 0; i < 3; i++)
        {
            _ = await SendAsync(app, bearer: _issuer.Token(new { exp = TestIssuer.At(-600) }));
        }

        var line = Assert.Single(app.Logs.Entries, static line => line.Message.Contains("end-user token", StringComparison.Ordinal));
        Assert.Contains("GET / of spiffe://mesh.local/ns/shop/sa/storefront: end-user token Expired, where one of https://login.example is asked for", line.Message, StringComparison.Ordinal);
    }

    private static Task<MeshApp> StartAsync(JwtFilterConfig filter, TimeProvider? time = null)
        => MeshApp.StartAsync(
            Strict().WithFilters(filter),
            static http =>
            {
                var seen = new Dictionary<string, string?>(StringComparer.Ordinal)
                {
                    [":target"] = $"{http.Request.Path}{http.Request.QueryString} {http.Features.Get<IHttpRequestFeature>()?.RawTarget}",
                    [":metadata"] = http.Features.Get<RequestMetadata>()?.Get("envoy.filters.http.jwt_authn")?.GetRawText(),
                };
                foreach (var header in http.Request.Headers)
                {
                    seen[header.Key.ToLowerInvariant()] = header.Value.ToString();
                }

                return http.Response.WriteAsync(JsonSerializer.Serialize(seen));
            },
            builder => builder.Services.AddSingleton(time ?? new FakeTimeProvider(TestIssuer.Now)));

    private static async Task<Seen> SendAsync(MeshApp app, string path = "/", string? bearer = null, string? name = null, string? value = null)
    {
        using var client = app.Client(version: HttpVersion.Version11);
        using var request = new HttpRequestMessage(HttpMethod.Get, path);
        if (bearer is not null)
        {
            request.Headers.TryAddWithoutValidation("authorization", $"Bearer {bearer}");
        }

        if (name is not null)
        {
            request.Headers.TryAddWithoutValidation(name, value);
        }

        using var answer = await client.SendAsync(request, TestEnd);
        return new Seen((int)answer.StatusCode, await answer.Content.ReadAsStringAsync(TestEnd), answer.Headers.WwwAuthenticate.ToString());
    }

    private sealed record Seen(int Status, string Body, string Challenge)
    {
        private Dictionary<string, string?> Fields { get; } = Status == 200 ? JsonSerializer.Deserialize<Dictionary<string, string?>>(Body)! : [];

        public string? Target => Header(":target");

        public JsonElement? Payload => Header(":metadata") is { } metadata ? JsonDocument.Parse(metadata).RootElement.GetProperty("payload") : null;

        public string? Header(string name) => Fields.GetValueOrDefault(name);
    }
}
