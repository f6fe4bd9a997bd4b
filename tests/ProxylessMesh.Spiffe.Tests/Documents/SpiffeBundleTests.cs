using System.Collections.Frozen;
using System.Security.Cryptography;
using System.Text;
using ProxylessMesh.TestSupport;

namespace ProxylessMesh.Spiffe.Tests.Documents;

public sealed class SpiffeBundleTests : IDisposable
{
    private static readonly TrustDomain Domain = TrustDomain.Parse("mesh.local");

    private readonly ECDsa _curve = ECDsa.Create(ECCurve.NamedCurves.nistP384);
    private readonly RSA _rsa = RSA.Create(2048);
    private readonly TestCa _ca = TestCa.Create();

    private SpiffeBundle Whole => new()
    {
        TrustDomain = Domain,
        X509Authorities = _ca.Bundle.Authorities,
        JwtAuthorities = new[] { new JwtAuthority("a", _curve), new JwtAuthority("b", _rsa) }.ToFrozenDictionary(static key => key.KeyId),
        Sequence = 7,
        RefreshHint = TimeSpan.FromMinutes(5),
    };

    public void Dispose()
    {
        _curve.Dispose();
        _rsa.Dispose();
    }

    [Fact]
    public void What_is_written_is_read()
    {
        var read = SpiffeBundleReader.Read(SpiffeBundleWriter.Write(Whole), Domain);

        Assert.Equal(_ca.Root.RawData, Assert.Single(read.X509Authorities).RawData);
        Assert.Equal(_curve.ExportSubjectPublicKeyInfo(), read.JwtAuthorities["a"].Key.ExportSubjectPublicKeyInfo());
        Assert.Equal(_rsa.ExportSubjectPublicKeyInfo(), read.JwtAuthorities["b"].Key.ExportSubjectPublicKeyInfo());
        Assert.Equal(7ul, read.Sequence);
        Assert.Equal(TimeSpan.FromMinutes(5), read.RefreshHint);
    }

    [Fact]
    public void Map_gives_each_trust_domain_its_own()
    {
        var one = Encoding.UTF8.GetString(SpiffeBundleWriter.Write(Whole));
        var read = SpiffeBundleReader.ReadMap(Encoding.UTF8.GetBytes("{\"trust_domains\":{\"mesh.local\":" + one + ",\"other.test\":{\"keys\":[]}}}"));

        Assert.Equal(["mesh.local", "other.test"], read.Select(static bundle => bundle.TrustDomain.Name));
        Assert.Single(read[0].X509Authorities);
        Assert.Empty(read[1].X509Authorities);
    }

    [Theory]
    [InlineData("{}", "trust_domains")]
    [InlineData("""{"trust_domains":{"Bad Domain":{"keys":[]}}}""", "Bad Domain")]
    [InlineData("""{"trust_domains":{"a.test":{"keys":[]},"b.test":{}}}""", "b.test")]
    [InlineData("""{"trust_domains":{"a.test":{"keys":[]},"a.test":{"keys":[]}}}""", "no JSON")]
    public void One_bad_bundle_makes_the_map_bad(string json, string why)
        => Assert.Contains(why, Assert.Throws<FormatException>(() => SpiffeBundleReader.ReadMap(Encoding.UTF8.GetBytes(json))).Message, StringComparison.Ordinal);

    [Theory]
    [InlineData("""{"keys":[{"use":"jwt-svid","kid":"a","kty":"oct","k":"AAAA"}]}""", "kty is 'oct'")]
    [InlineData("""{"keys":[{"use":"jwt-svid","kid":"a","kty":"EC","crv":"secp256k1","x":"AA","y":"AA"}]}""", "crv is 'secp256k1'")]
    [InlineData("""{"keys":[{"use":"jwt-svid","kid":"a","kty":"EC","crv":"P-256","x":"AA","y":"AA"}]}""", "x has 1 bytes")]
    [InlineData("""{"keys":[{"use":"jwt-svid","kid":"a","kty":"RSA","n":"AQAB","e":"AQAB"}]}""", "n has 24 bits")]
    [InlineData("""{"keys":[{"use":"x509-svid","kty":"EC","x5c":[]}]}""", "exactly one")]
    [InlineData("""{"keys":[{"use":"x509-svid","kty":"EC","x5c":["AA==","AA=="]}]}""", "exactly one")]
    [InlineData("""{"keys":[{"use":"x509-svid","kty":"EC","x5c":["AA=="]}]}""", "malformed")]
    [InlineData("""{"keys":[1]}""", "keys[0]")]
    [InlineData("""{"keys":[],"spiffe_sequence":-1}""", "spiffe_sequence")]
    [InlineData("""{"keys":[],"spiffe_refresh_hint":"soon"}""", "spiffe_refresh_hint")]
    [InlineData("[]", "keys")]
    [InlineData("{", "no JSON")]
    public void What_is_wrong_is_named(string json, string why)
        => Assert.Contains(why, Assert.Throws<FormatException>(() => SpiffeBundleReader.Read(Encoding.UTF8.GetBytes(json), Domain)).Message, StringComparison.Ordinal);

    [Fact]
    public void Point_that_is_not_on_the_curve_is_no_key()
    {
        var json = $$"""{"keys":[{"use":"jwt-svid","kid":"a","kty":"EC","crv":"P-256","x":"{{new string('A', 43)}}","y":"{{new string('A', 43)}}"}]}""";
        Assert.Throws<FormatException>(() => SpiffeBundleReader.Read(Encoding.UTF8.GetBytes(json), Domain));
    }

    [Fact]
    public void Certificate_of_another_key_than_the_jwk_is_refused()
    {
        var mine = Encoding.UTF8.GetString(SpiffeBundleWriter.Write(Whole with { JwtAuthorities = FrozenDictionary<string, JwtAuthority>.Empty }));
        var other = Convert.ToBase64String(TestCa.Create().Root.RawData);
        var json = System.Text.Json.Nodes.JsonNode.Parse(mine)!;
        json["keys"]![0]!["x5c"]![0] = other;

        Assert.Contains("another key", Assert.Throws<FormatException>(() => SpiffeBundleReader.Read(Encoding.UTF8.GetBytes(json.ToJsonString()), Domain)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Changed_bytes_give_a_bundle_or_a_format_error()
    {
        var random = new Random(3);
        var good = SpiffeBundleWriter.Write(Whole);
        var refused = 0;
        for (var i = 0; i < 3000; i++)
        {
            var bytes = good.ToArray();
            for (var change = random.Next(1, 4); change > 0; change--)
            {
                bytes[random.Next(bytes.Length)] = (byte)random.Next(256);
            }

            try
            {
                SpiffeBundleReader.Read(bytes, Domain);
            }
            catch (FormatException)
            {
                refused++;
            }
        }

        Assert.InRange(refused, 1500, 3000);
    }
}
