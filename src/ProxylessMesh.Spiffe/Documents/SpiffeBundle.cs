using System.Collections.Frozen;
using System.Collections.Immutable;
using System.Security.Cryptography.X509Certificates;

namespace ProxylessMesh.Spiffe;

/// <summary>
/// A SPIFFE bundle document: what a trust domain signs X.509-SVIDs and JWT-SVIDs with (SPIFFE Trust Domain and Bundle §4). Immutable; a
/// newer one replaces it whole.
/// </summary>
internal sealed record SpiffeBundle
{
    public required TrustDomain TrustDomain { get; init; }

    /// <summary>Keys with use <c>x509-svid</c>.</summary>
    public ImmutableArray<X509Certificate2> X509Authorities { get; init; } = [];

    /// <summary>Keys with use <c>jwt-svid</c>, by <c>kid</c>.</summary>
    public FrozenDictionary<string, JwtAuthority> JwtAuthorities { get; init; } = FrozenDictionary<string, JwtAuthority>.Empty;

    /// <summary><c>spiffe_sequence</c>: grows with each change, where the publisher counts.</summary>
    public ulong? Sequence { get; init; }

    /// <summary><c>spiffe_refresh_hint</c>: how often to look for a newer one.</summary>
    public TimeSpan? RefreshHint { get; init; }

    public TrustBundle ToTrustBundle() => new(TrustDomain, X509Authorities);
}
