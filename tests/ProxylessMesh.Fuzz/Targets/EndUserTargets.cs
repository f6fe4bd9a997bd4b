using System.Buffers.Text;
using System.Security.Cryptography;
using ProxylessMesh.Jwt;
using static ProxylessMesh.Fuzz.FuzzTargets;

namespace ProxylessMesh.Fuzz;

/// <summary>Tokens of people, and the keys of those who issue them.</summary>
internal static class EndUserTargets
{
    private static readonly RSA Issuer = RSA.Create(2048);

    private static readonly byte[] KeySet = Bytes($$"""{"keys":[{"kty":"RSA","kid":"k1","use":"sig","alg":"RS256","n":"{{Base64Url.EncodeToString(Issuer.ExportParameters(false).Modulus)}}","e":"AQAB"}]}""");

    private static readonly JwtKeys Keys = JwtKeys.Parse(Text(KeySet));

    public static IReadOnlyList<FuzzTarget> All { get; } =
    [
        new("end-user-jwt", [Bytes(Token())], EndUserToken) { Words = [.. Words(".", "..", "e30", "bnVsbA", "W10", "eyJhbGciOiJub25lIn0", "=", "-_"), Bytes(Base64Url.EncodeToString(Bytes("""{"iss":"\ud800","alg":"RS256"}""")))] },
        new("jwk-set", [KeySet], static bytes => JwtKeys.Parse(Text(bytes)).Count > 0) { Words = Words("{}", "[]", "null", "\"kty\":\"EC\"", "\"crv\":\"P-256\"", "\"n\":\"AQAB\"", "\"e\":\"\"", "\"x5c\":[\"AAAA\"]", "\"\\ud800\"", "[[[[", ","), Cost = 3 },
    ];

    private static bool EndUserToken(byte[] bytes)
    {
        if (JwtToken.Parse(Text(bytes)) is not { } token)
        {
            return false;
        }

        _ = token.Issuer;
        var isValid = Keys.Verify(token) == JwtFailure.None;
        Must(!isValid || (token.Issuer == "https://issuer.example" && JwtToken.Text(token.Payload, "sub") == "ann"), "A token that was changed is taken.");
        return isValid;
    }

    private static string Token()
    {
        var content = $"{Base64Url.EncodeToString(Bytes("""{"alg":"RS256","kid":"k1"}"""))}.{Base64Url.EncodeToString(Bytes("""{"iss":"https://issuer.example","sub":"ann","exp":4102444800}"""))}";
        return $"{content}.{Base64Url.EncodeToString(Issuer.SignData(Bytes(content), HashAlgorithmName.SHA256, RSASignaturePadding.Pkcs1))}";
    }
}
