using System.Security.Cryptography;

namespace ProxylessMesh.Spiffe;

/// <summary>The signature algorithms that a JWT-SVID may have (JWT-SVID §2.1; RFC 7518 §3.1): never <c>none</c>, never a shared secret.</summary>
internal static class JwtSignature
{
    public static bool IsKnown(string algorithm) => algorithm is "RS256" or "RS384" or "RS512" or "ES256" or "ES384" or "ES512" or "PS256" or "PS384" or "PS512";

    /// <summary>Whether the signature is that of the key by this algorithm. A key of another kind or curve verifies nothing.</summary>
    public static bool IsValid(AsymmetricAlgorithm key, string algorithm, ReadOnlySpan<byte> content, ReadOnlySpan<byte> signature)
    {
        var hash = algorithm[2..] switch
        {
            "256" => HashAlgorithmName.SHA256,
            "384" => HashAlgorithmName.SHA384,
            _ => HashAlgorithmName.SHA512,
        };
        try
        {
            return (algorithm[..2], key) switch
            {
                // RFC 7518 §3.4: one curve for each hash, the two numbers side by side.
                ("ES", ECDsa curve) when curve.KeySize == CurveBits(algorithm) => curve.VerifyData(content, signature, hash, DSASignatureFormat.IeeeP1363FixedFieldConcatenation),
                ("RS", RSA rsa) => rsa.VerifyData(content, signature, hash, RSASignaturePadding.Pkcs1),
                ("PS", RSA rsa) => rsa.VerifyData(content, signature, hash, RSASignaturePadding.Pss),
                _ => false,
            };
        }
        catch (CryptographicException)
        {
            return false;
        }
    }

    private static int CurveBits(string algorithm) => algorithm switch
    {
        "ES256" => 256,
        "ES384" => 384,
        _ => 521,
    };
}
