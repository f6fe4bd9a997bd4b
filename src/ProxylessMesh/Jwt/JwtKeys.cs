using System.Security.Cryptography;
using Microsoft.IdentityModel.Tokens;

namespace ProxylessMesh.Jwt;

/// <summary>
/// The public keys of an issuer (RFC 7517), each with the signatures that it may check. A key that is none of these kinds, too weak
/// (RFC 7518 §3.3), for encryption, or broken is as if it were not there: its tokens are refused.
/// </summary>
/// <remarks>A token's algorithm is taken only from those of the key, so an RSA key never becomes a shared secret, and <c>none</c> is nobody's.</remarks>
internal sealed class JwtKeys
{
    private const int LeastRsaBits = 2048;

    // A token that does not name its key is tried with each.
    private const int MaxTries = 32;

    private static readonly string[] RsaAlgorithms =
    [
        SecurityAlgorithms.RsaSha256, SecurityAlgorithms.RsaSha384, SecurityAlgorithms.RsaSha512,
        SecurityAlgorithms.RsaSsaPssSha256, SecurityAlgorithms.RsaSsaPssSha384, SecurityAlgorithms.RsaSsaPssSha512,
    ];

    private readonly Key[] _keys;

    private JwtKeys(Key[] keys) => _keys = keys;

    public int Count => _keys.Length;

    /// <summary>Never fails: what cannot be used is left out.</summary>
    public static JwtKeys Parse(string keySet)
    {
        // Providers live and die with the config, not in a cache of the process.
        var factory = new CryptoProviderFactory { CacheSignatureProviders = false };
        try
        {
            return new JwtKeys([.. new JsonWebKeySet(keySet).Keys.Select(key => Read(key, factory)).OfType<Key>()]);
        }
#pragma warning disable CA1031 // A set that cannot be read has no keys, whatever is wrong with it.
        catch (Exception)
#pragma warning restore CA1031
        {
            return new JwtKeys([]);
        }
    }

    /// <summary>None: one of the keys signed it.</summary>
    public JwtFailure Verify(JwtToken token)
    {
        if (!IsKnown(token.Algorithm))
        {
            return JwtFailure.AlgorithmNotAllowed;
        }

        var tries = 0;
        foreach (var key in _keys)
        {
            // A key without an ID may be the one, as in Envoy.
            if ((token.KeyId is not null && key.Id is not null && key.Id != token.KeyId) || !key.Providers.TryGetValue(token.Algorithm, out var provider))
            {
                continue;
            }

            if (++tries > MaxTries)
            {
                break;
            }

            if (Verify(provider, token))
            {
                return JwtFailure.None;
            }
        }

        return tries == 0 ? JwtFailure.NoKey : JwtFailure.BadSignature;
    }

    private static bool IsKnown(string algorithm)
        => Array.IndexOf(RsaAlgorithms, algorithm) >= 0 || algorithm is SecurityAlgorithms.EcdsaSha256 or SecurityAlgorithms.EcdsaSha384 or SecurityAlgorithms.EcdsaSha512;

    private static bool Verify(SignatureProvider provider, JwtToken token)
    {
        try
        {
            return provider.Verify(token.Signed, token.Signature);
        }
        catch (Exception exception) when (exception is CryptographicException or ArgumentException or InvalidOperationException)
        {
            // A signature of the wrong length, for example.
            return false;
        }
    }

    private static Key? Read(JsonWebKey key, CryptoProviderFactory factory)
    {
        if (key.Use is not (null or "" or JsonWebKeyUseNames.Sig) || (key.KeyOps.Count > 0 && !key.KeyOps.Contains("verify")))
        {
            return null;
        }

        // RFC 7518 §3.4: each curve has its one algorithm.
        string[] algorithms = (key.Kty, key.Crv) switch
        {
            (JsonWebAlgorithmsKeyTypes.RSA, _) when key.KeySize >= LeastRsaBits => RsaAlgorithms,
            (JsonWebAlgorithmsKeyTypes.EllipticCurve, JsonWebKeyECTypes.P256) => [SecurityAlgorithms.EcdsaSha256],
            (JsonWebAlgorithmsKeyTypes.EllipticCurve, JsonWebKeyECTypes.P384) => [SecurityAlgorithms.EcdsaSha384],
            (JsonWebAlgorithmsKeyTypes.EllipticCurve, JsonWebKeyECTypes.P521) => [SecurityAlgorithms.EcdsaSha512],
            _ => [],
        };
        var providers = new Dictionary<string, SignatureProvider>(StringComparer.Ordinal);
        foreach (var algorithm in algorithms)
        {
            if ((key.Alg is null or "" || key.Alg == algorithm) && Provider(key, algorithm, factory) is { } provider)
            {
                providers.Add(algorithm, provider);
            }
        }

        return providers.Count == 0 ? null : new Key(string.IsNullOrEmpty(key.Kid) ? null : key.Kid, providers);
    }

    private static SignatureProvider? Provider(JsonWebKey key, string algorithm, CryptoProviderFactory factory)
    {
        try
        {
            return factory.CreateForVerifying(key, algorithm);
        }
        catch (Exception exception) when (exception is CryptographicException or ArgumentException or NotSupportedException or InvalidOperationException or FormatException)
        {
            return null;
        }
    }

    private sealed record Key(string? Id, Dictionary<string, SignatureProvider> Providers);
}
