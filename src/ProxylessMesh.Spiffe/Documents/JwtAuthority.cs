using System.Security.Cryptography;

namespace ProxylessMesh.Spiffe;

/// <summary>A public key that signs JWT-SVIDs of a trust domain, by its <c>kid</c>. Thread safe; lives as long as the bundle that holds it.</summary>
/// <param name="KeyId">The <c>kid</c> of the JWK, never empty (SPIFFE Trust Domain and Bundle §4.2.2).</param>
/// <param name="Key">An <see cref="ECDsa"/> on P-256, P-384 or P-521, or an <see cref="RSA"/> of at least 2048 bits.</param>
internal sealed record JwtAuthority(string KeyId, AsymmetricAlgorithm Key);
