using System.Buffers.Text;
using System.Collections.Frozen;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using ProxylessMesh.Xds.Matching;
using ProxylessMesh.Xds.Resources;

namespace ProxylessMesh.Tests.Jwt;

/// <summary>An issuer of end-user tokens with keys of its own. It signs whatever a test asks for, also what no honest issuer would.</summary>
internal sealed class TestIssuer(string name = "https://login.example") : IDisposable
{
    private readonly RSA _rsa = RSA.Create(2048);
    private readonly RSA _weak = RSA.Create(1024);
    private readonly ECDsa _ecdsa = ECDsa.Create(ECCurve.NamedCurves.nistP256);
    private readonly ECDsa _ecdsa384 = ECDsa.Create(ECCurve.NamedCurves.nistP384);

    /// <summary>Noon of the tests.</summary>
    public static DateTimeOffset Now { get; } = new(2026, 5, 1, 12, 0, 0, TimeSpan.Zero);

    public string Name { get; } = name;

    /// <summary>The public keys: <c>rsa</c>, <c>ec</c>, <c>ec384</c>, <c>weak</c>, one for encryption, and a shared secret that must never count.</summary>
    public string KeySet => Keys("rsa", "ec", "ec384", "weak", "enc", "oct");

    /// <summary>What an RSA key looks like to someone who would use it as a shared secret (CVE-2015-9235).</summary>
    public byte[] RsaPublicBytes => _rsa.ExportSubjectPublicKeyInfo();

    public static byte[] SharedSecret { get; } = Encoding.ASCII.GetBytes("a secret that everybody knows, 32");

    public static long At(int secondsFromNow) => Now.ToUnixTimeSeconds() + secondsFromNow;

    public string Keys(params string[] ids) => $$"""{"keys":[{{string.Join(',', ids.Select(Key))}}]}""";

    /// <summary>A token with the usual claims; <paramref name="claims"/> add to them or replace them, null takes one away.</summary>
    public string Token(object? claims = null, string algorithm = "RS256", string? keyId = "rsa")
    {
        var payload = new Dictionary<string, JsonElement?>
        {
            ["iss"] = JsonSerializer.SerializeToElement(Name),
            ["sub"] = JsonSerializer.SerializeToElement("alice"),
            ["exp"] = JsonSerializer.SerializeToElement(At(600)),
        };
        foreach (var claim in JsonSerializer.SerializeToElement(claims ?? new { }).EnumerateObject())
        {
            payload[claim.Name] = claim.Value.ValueKind == JsonValueKind.Null ? null : claim.Value;
        }

        var header = keyId is null ? JsonSerializer.Serialize(new { alg = algorithm, typ = "JWT" }) : JsonSerializer.Serialize(new { alg = algorithm, typ = "JWT", kid = keyId });
        return Raw(header, JsonSerializer.Serialize(payload.Where(claim => claim.Value is not null).ToDictionary()), algorithm);
    }

    /// <summary>A token of exactly these texts, signed as <paramref name="algorithm"/> says.</summary>
    public string Raw(string header, string payload, string algorithm = "RS256")
    {
        var signed = $"{Encode(Encoding.UTF8.GetBytes(header))}.{Encode(Encoding.UTF8.GetBytes(payload))}";
        return $"{signed}.{Encode(Sign(algorithm, Encoding.ASCII.GetBytes(signed)))}";
    }

    public static string Encode(byte[] bytes) => Base64Url.EncodeToString(bytes);

    /// <summary>This issuer as a provider, with what the test changes.</summary>
    public JwtProviderConfig Provider(Func<JwtProviderConfig, JwtProviderConfig>? change = null)
        => (change ?? (static provider => provider))(new JwtProviderConfig { Issuer = Name, KeySet = KeySet, PayloadInMetadata = "payload" });

    /// <summary>As the control plane writes it: a token of one of them, or none.</summary>
    public static JwtFilterConfig Filter(params JwtProviderConfig[] providers)
    {
        var names = providers.Select((_, index) => $"origins-{index}").ToArray();
        var tokenOrNone = names.Select(name => (JwtRequirementConfig)new JwtRequirementConfig.Any([new JwtRequirementConfig.Provider(name, []), new JwtRequirementConfig.AllowMissing()])).ToArray();
        var requirement = tokenOrNone is [var only]
            ? only
            : new JwtRequirementConfig.Any([.. names.Select(name => new JwtRequirementConfig.Provider(name, [])), new JwtRequirementConfig.All([.. tokenOrNone])]);
        return Filter(requirement, providers);
    }

    public static JwtFilterConfig Filter(JwtRequirementConfig requirement, params JwtProviderConfig[] providers) => new("jwt", new JwtConfig
    {
        Providers = providers.Select((provider, index) => KeyValuePair.Create($"origins-{index}", provider)).ToFrozenDictionary(),
        Rules = [new JwtRuleConfig(new RequestMatcher { Path = PathMatcher.Prefix("/") }, requirement)],
        BypassCorsPreflight = true,
    });

    public void Dispose()
    {
        _rsa.Dispose();
        _weak.Dispose();
        _ecdsa.Dispose();
        _ecdsa384.Dispose();
    }

    private byte[] Sign(string algorithm, byte[] data) => algorithm switch
    {
        "RS256" => _rsa.SignData(data, HashAlgorithmName.SHA256, RSASignaturePadding.Pkcs1),
        "RS512" => _rsa.SignData(data, HashAlgorithmName.SHA512, RSASignaturePadding.Pkcs1),
        "PS256" => _rsa.SignData(data, HashAlgorithmName.SHA256, RSASignaturePadding.Pss),
        "ES256" => _ecdsa.SignData(data, HashAlgorithmName.SHA256),
        "ES384" => _ecdsa384.SignData(data, HashAlgorithmName.SHA384),
        "weak" => _weak.SignData(data, HashAlgorithmName.SHA256, RSASignaturePadding.Pkcs1),
        "HS256" => HMACSHA256.HashData(SharedSecret, data),
        "HS256 with the RSA key" => HMACSHA256.HashData(RsaPublicBytes, data),
        _ => [],
    };

    private string Key(string id) => id switch
    {
        "rsa" => Rsa(_rsa, id, "sig"),
        "weak" => Rsa(_weak, id, "sig"),
        "enc" => Rsa(_rsa, id, "enc"),
        "ec" => Curve(_ecdsa, id, "P-256"),
        "ec384" => Curve(_ecdsa384, id, "P-384"),
        _ => $$"""{"kty":"oct","kid":"oct","k":"{{Encode(SharedSecret)}}"}""",
    };

    private static string Rsa(RSA key, string id, string use)
    {
        var parameters = key.ExportParameters(false);
        return $$"""{"kty":"RSA","kid":"{{id}}","use":"{{use}}","n":"{{Encode(parameters.Modulus!)}}","e":"{{Encode(parameters.Exponent!)}}"}""";
    }

    private static string Curve(ECDsa key, string id, string curve)
    {
        var parameters = key.ExportParameters(false);
        return $$"""{"kty":"EC","kid":"{{id}}","crv":"{{curve}}","x":"{{Encode(parameters.Q.X!)}}","y":"{{Encode(parameters.Q.Y!)}}"}""";
    }
}
