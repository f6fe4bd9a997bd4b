using System.Buffers.Text;
using System.Security.Cryptography;
using System.Text;

namespace ProxylessMesh.Spiffe.Tests.Documents;

public sealed class JwtSvidValidatorTests : IDisposable
{
    private readonly ECDsa _key = ECDsa.Create(ECCurve.NamedCurves.nistP256);

    private SpiffeBundle Bundle => TestJwt.Bundle(("k1", _key));

    public void Dispose() => _key.Dispose();

    [Theory]
    [InlineData("ES256")]
    [InlineData("ES384")]
    [InlineData("ES512")]
    [InlineData("RS256")]
    [InlineData("RS384")]
    [InlineData("RS512")]
    [InlineData("PS256")]
    [InlineData("PS384")]
    [InlineData("PS512")]
    public void Token_by_an_allowed_algorithm_gives_its_id(string alg)
    {
        using AsymmetricAlgorithm key = alg switch
        {
            "ES256" => ECDsa.Create(ECCurve.NamedCurves.nistP256),
            "ES384" => ECDsa.Create(ECCurve.NamedCurves.nistP384),
            "ES512" => ECDsa.Create(ECCurve.NamedCurves.nistP521),
            _ => RSA.Create(2048),
        };

        Assert.Null(TestJwt.Check(TestJwt.Sign(key, alg, TestJwt.Claims(aud: """["x","pricing"]""")), TestJwt.Bundle(("k1", key)), out var svid, "pricing"));

        Assert.Equal("spiffe://mesh.local/ns/shop/sa/catalog", svid!.Id.ToString());
        Assert.Equal(["x", "pricing"], svid.Audience);
        Assert.Equal(TestJwt.Now.AddMinutes(5), svid.ExpiresAt);
        Assert.DoesNotContain(svid.Token[^20..], svid.ToString(), StringComparison.Ordinal);
    }

    [Fact]
    public void Algorithm_none_is_refused()
        => Refused("its alg is 'none'", Base64Url.EncodeToString(Encoding.UTF8.GetBytes(TestJwt.Header("none"))) + "." + Base64Url.EncodeToString(Encoding.UTF8.GetBytes(TestJwt.Claims())) + ".");

    [Fact]
    public void Shared_secret_made_of_the_public_key_is_refused()
    {
        var content = Base64Url.EncodeToString(Encoding.UTF8.GetBytes(TestJwt.Header("HS256"))) + "." + Base64Url.EncodeToString(Encoding.UTF8.GetBytes(TestJwt.Claims()));
        Refused("its alg is 'HS256'", content + "." + Base64Url.EncodeToString(HMACSHA256.HashData(_key.ExportSubjectPublicKeyInfo(), Encoding.ASCII.GetBytes(content))));
    }

    [Fact]
    public void Curve_of_another_algorithm_is_refused() => Refused("signature", TestJwt.Sign(_key, "ES384", TestJwt.Claims()));

    [Fact]
    public void Key_of_another_id_is_refused() => Refused("has no key 'k2'", Sign(header: TestJwt.Header("ES256", kid: "k2")));

    [Fact]
    public void Token_without_a_key_id_is_refused() => Refused("no kid", Sign(header: """{"alg":"ES256"}"""));

    [Theory]
    [InlineData(",\"typ\":\"at+jwt\"", "typ")]
    [InlineData(",\"typ\":1", "typ")]
    [InlineData(",\"crit\":[\"b64\"],\"b64\":false", "crit")]
    [InlineData(",\"alg\":\"ES256\"", "no JWT")]
    public void Header_that_asks_for_something_else_is_refused(string more, string why) => Refused(why, Sign(header: TestJwt.Header("ES256", more: more)));

    [Fact]
    public void Types_JWT_and_JOSE_are_taken()
    {
        Assert.Null(Check(Sign(header: TestJwt.Header("ES256", more: ",\"typ\":\"JWT\""))));
        Assert.Null(Check(Sign(header: TestJwt.Header("ES256", more: ",\"typ\":\"JOSE\""))));
    }

    [Fact]
    public void Subject_of_another_trust_domain_is_judged_by_that_ones_bundle_alone() => Refused("trust domain 'other.test' is not known", Sign(TestJwt.Claims(sub: "spiffe://other.test/a")));

    [Fact]
    public void Subject_that_is_no_spiffe_id_is_refused() => Refused("sub", Sign(TestJwt.Claims(sub: "catalog")));

    [Theory]
    [InlineData("\"\"")]
    [InlineData("[]")]
    [InlineData("[\"pricing\",1]")]
    [InlineData("null")]
    public void Token_without_an_audience_is_refused(string aud) => Refused("no aud", Sign(TestJwt.Claims(aud: aud)));

    [Fact]
    public void Token_for_somebody_else_is_refused() => Refused("not for 'pricing'", Sign(TestJwt.Claims(aud: "\"orders\"")));

    [Fact]
    public void Token_expires_after_the_clocks_difference()
    {
        Assert.Null(Check(Sign(TestJwt.Claims(expiresIn: -29))));
        Refused("expired", Sign(TestJwt.Claims(expiresIn: -30)));
    }

    [Theory]
    [InlineData("nbf")]
    [InlineData("iat")]
    public void Token_of_the_future_is_refused(string claim)
    {
        Assert.Null(Check(Sign(TestJwt.Claims(more: $",\"{claim}\":{TestJwt.Now.ToUnixTimeSeconds() + 30}"))));
        Refused("not valid yet", Sign(TestJwt.Claims(more: $",\"{claim}\":{TestJwt.Now.ToUnixTimeSeconds() + 31}")));
        Refused("not valid yet", Sign(TestJwt.Claims(more: $",\"{claim}\":\"soon\"")));
    }

    [Theory]
    [InlineData("\"tomorrow\"")]
    [InlineData("1e300")]
    [InlineData("-1")]
    [InlineData("null")]
    public void Token_without_a_usable_end_is_refused(string exp) => Refused("no exp", Sign($$"""{"sub":"spiffe://mesh.local/a","aud":"pricing","exp":{{exp}}}"""));

    [Fact]
    public void Every_changed_character_is_noticed()
    {
        var token = Sign();
        var taken = 0;
        for (var i = 0; i < token.Length; i++)
        {
            var changed = token.ToCharArray();
            changed[i] = changed[i] == 'A' ? 'B' : 'A';
            taken += Check(new string(changed)) is null ? 1 : 0;
        }

        // The last character of a part may carry bits that mean nothing.
        Assert.InRange(taken, 0, 1);
    }

    [Theory]
    [InlineData("")]
    [InlineData(".")]
    [InlineData("..")]
    [InlineData("a.b.c")]
    [InlineData("a.b.c.d")]
    [InlineData("e30.e30.e30")]
    [InlineData("e30=.e30=.e30=")]
    [InlineData(" e30.e30.e30")]
    public void What_is_no_token_is_refused(string text) => Assert.NotNull(Check(text));

    [Fact]
    public void Text_that_is_not_Unicode_is_refused()
    {
        Refused("no JWT", Sign(TestJwt.Claims(more: ",\"name\":\"\\ud800\"")));
        Refused("no JWT", Sign(TestJwt.Claims(more: ",\"\\udfff\":1")));
    }

    [Fact]
    public void Token_of_random_bytes_is_refused_without_an_exception()
    {
        var random = new Random(11);
        for (var i = 0; i < 2000; i++)
        {
            var parts = Enumerable.Range(0, 3).Select(_ =>
            {
                var bytes = new byte[random.Next(0, 60)];
                random.NextBytes(bytes);
                return random.Next(3) == 0 ? Base64Url.EncodeToString("{\"alg\":\"ES256\",\"kid\":\"k1\"}"u8) : Base64Url.EncodeToString(bytes);
            });
            Assert.NotNull(Check(string.Join('.', parts)));
        }

        Assert.NotNull(Check(new string('a', JwtSvidValidator.MaxTokenChars + 1)));
    }

    private string Sign(string? claims = null, string? header = null) => TestJwt.Sign(_key, "ES256", claims ?? TestJwt.Claims(), header);

    private string? Check(string token) => TestJwt.Check(token, Bundle, out _, "pricing");

    private void Refused(string why, string token)
    {
        Assert.Contains(why, TestJwt.Check(token, Bundle, out var svid, "pricing") ?? "accepted", StringComparison.Ordinal);
        Assert.Null(svid);
    }
}
