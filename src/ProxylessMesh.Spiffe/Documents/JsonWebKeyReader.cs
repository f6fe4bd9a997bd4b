using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using System.Text.Json;

namespace ProxylessMesh.Spiffe;

/// <summary>Reads the members of a JWK that a SPIFFE bundle uses (RFC 7517, RFC 7518 §6.2 and §6.3). Throws <see cref="FormatException"/> with the member's name.</summary>
internal static class JsonWebKeyReader
{
    /// <summary>Shortest RSA modulus that is taken, in bytes.</summary>
    public const int MinRsaBytes = 256;

    /// <summary>Longest RSA modulus that is taken, in bytes: verifying costs time by the square.</summary>
    public const int MaxRsaBytes = 1024;

    private const int MaxMemberChars = 64 * 1024;

    /// <summary>The public key of a JWK of type EC or RSA.</summary>
    public static AsymmetricAlgorithm ReadKey(JsonElement jwk)
    {
        var type = Text(jwk, "kty");
        try
        {
            return type switch
            {
                "EC" => ReadEllipticCurve(jwk),
                "RSA" => ReadRsa(jwk),
                _ => throw new FormatException($"kty is '{type}'; it must be EC or RSA"),
            };
        }
        catch (CryptographicException error)
        {
            throw new FormatException($"the {type} key is none: {error.Message}", error);
        }
    }

    /// <summary>The one certificate of <c>x5c</c> (SPIFFE Trust Domain and Bundle §4.2.2: exactly one), whose key is that of the JWK (RFC 7517 §4.7).</summary>
    public static X509Certificate2 ReadCertificate(JsonElement jwk)
    {
        if (!jwk.TryGetProperty("x5c", out var chain) || chain.ValueKind != JsonValueKind.Array || chain.GetArrayLength() != 1 || chain[0].ValueKind != JsonValueKind.String)
        {
            throw new FormatException("x5c must hold exactly one certificate");
        }

        // x5c is base64, not base64url (RFC 7517 §4.7).
        var certificate = DerCertificates.Read(chain[0].TryGetBytesFromBase64(out var der) ? der : throw new FormatException("x5c is not base64"));
        using var key = ReadKey(jwk);
        return IsKeyOf(key, certificate) ? certificate : throw new FormatException("the certificate in x5c is for another key than the JWK");
    }

    /// <summary>A string member that must be there and not be empty.</summary>
    public static string Text(JsonElement jwk, string member)
        => jwk.TryGetProperty(member, out var value) && value.ValueKind == JsonValueKind.String && value.GetString() is { Length: > 0 and <= MaxMemberChars } text
            ? text
            : throw new FormatException($"{member} is missing, empty or no text");

    private static ECDsa ReadEllipticCurve(JsonElement jwk)
    {
        var name = Text(jwk, "crv");
        var (curve, length) = name switch
        {
            "P-256" => (ECCurve.NamedCurves.nistP256, 32),
            "P-384" => (ECCurve.NamedCurves.nistP384, 48),
            "P-521" => (ECCurve.NamedCurves.nistP521, 66),
            _ => throw new FormatException($"crv is '{name}'; it must be P-256, P-384 or P-521"),
        };
        return ECDsa.Create(new ECParameters { Curve = curve, Q = new ECPoint { X = Coordinate(jwk, "x", length), Y = Coordinate(jwk, "y", length) } });
    }

    private static RSA ReadRsa(JsonElement jwk)
    {
        var modulus = Bytes(jwk, "n");
        if (modulus.Length is < MinRsaBytes or > MaxRsaBytes)
        {
            throw new FormatException($"n has {modulus.Length * 8} bits; {MinRsaBytes * 8} to {MaxRsaBytes * 8} are possible");
        }

        var exponent = Bytes(jwk, "e");
        return exponent.Length is > 0 and <= 8
            ? RSA.Create(new RSAParameters { Modulus = modulus, Exponent = exponent })
            : throw new FormatException($"e has {exponent.Length} bytes; 1 to 8 are possible");
    }

    private static byte[] Coordinate(JsonElement jwk, string member, int length)
    {
        var bytes = Bytes(jwk, member);
        return bytes.Length == length ? bytes : throw new FormatException($"{member} has {bytes.Length} bytes; the curve needs {length}");
    }

    private static byte[] Bytes(JsonElement jwk, string member)
        => Base64UrlText.Decode(Text(jwk, member)) ?? throw new FormatException($"{member} is not base64url");

    private static bool IsKeyOf(AsymmetricAlgorithm key, X509Certificate2 certificate)
        => key.ExportSubjectPublicKeyInfo().AsSpan().SequenceEqual(certificate.PublicKey.ExportSubjectPublicKeyInfo());
}
