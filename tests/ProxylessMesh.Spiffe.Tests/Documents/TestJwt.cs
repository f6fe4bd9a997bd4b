using System.Buffers.Text;
using System.Collections.Frozen;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;

namespace ProxylessMesh.Spiffe.Tests.Documents;

/// <summary>Tokens as good or as bad as a test wants them.</summary>
internal static class TestJwt
{
    public static readonly DateTimeOffset Now = new(2026, 1, 1, 12, 0, 0, TimeSpan.Zero);

    public static string Claims(string sub = "spiffe://mesh.local/ns/shop/sa/catalog", string aud = "\"pricing\"", double expiresIn = 300, string more = "")
        => $$"""{"sub":"{{sub}}","aud":{{aud}},"exp":{{JsonSerializer.Serialize(Now.ToUnixTimeSeconds() + expiresIn)}}{{more}}}""";

    public static string Header(string alg, string kid = "k1", string more = "") => $$"""{"alg":"{{alg}}","kid":"{{kid}}"{{more}}}""";

    public static string Sign(AsymmetricAlgorithm key, string alg, string claims, string? header = null)
    {
        var content = Base64Url.EncodeToString(Encoding.UTF8.GetBytes(header ?? Header(alg))) + "." + Base64Url.EncodeToString(Encoding.UTF8.GetBytes(claims));
        var bytes = Encoding.ASCII.GetBytes(content);
        var hash = new HashAlgorithmName("SHA" + alg[2..]);
        var signature = key switch
        {
            ECDsa curve => curve.SignData(bytes, hash, DSASignatureFormat.IeeeP1363FixedFieldConcatenation),
            RSA rsa => rsa.SignData(bytes, hash, alg[0] == 'P' ? RSASignaturePadding.Pss : RSASignaturePadding.Pkcs1),
            _ => throw new ArgumentException("A key of EC or RSA.", nameof(key)),
        };
        return content + "." + Base64Url.EncodeToString(signature);
    }

    public static SpiffeBundle Bundle(params (string Kid, AsymmetricAlgorithm Key)[] keys) => new()
    {
        TrustDomain = TrustDomain.Parse("mesh.local"),
        JwtAuthorities = keys.ToFrozenDictionary(static key => key.Kid, static key => new JwtAuthority(key.Kid, key.Key)),
    };

    public static string? Check(string token, SpiffeBundle bundle, out JwtSvid? svid, params string[] audience)
        => JwtSvidValidator.Check(token, domain => domain == bundle.TrustDomain ? bundle : null, audience, Now, out svid);
}
