using System.Collections.Immutable;
using System.Security.Cryptography.X509Certificates;

namespace ProxylessMesh.Spiffe;

/// <summary>The roots of one trust domain. Replaced whole, never edited (SPIFFE Trust Domain and Bundle §4).</summary>
/// <param name="TrustDomain">Whose roots these are.</param>
/// <param name="Authorities">Root certificates without private keys.</param>
public sealed record TrustBundle(TrustDomain TrustDomain, ImmutableArray<X509Certificate2> Authorities)
{
    /// <summary>Whether a certificate (DER) is one of the roots.</summary>
    internal bool Has(ReadOnlySpan<byte> certificate)
    {
        foreach (var authority in Authorities)
        {
            if (authority.RawDataMemory.Span.SequenceEqual(certificate))
            {
                return true;
            }
        }

        return false;
    }
}
