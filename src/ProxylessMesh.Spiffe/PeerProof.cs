using System.Security.Cryptography.X509Certificates;

namespace ProxylessMesh.Spiffe;

/// <summary>
/// What one handshake proved of a peer, kept for as long as its connection is open: roots go and certificates end while connections
/// live on.
/// </summary>
/// <param name="Id">Whom the peer proved to be.</param>
/// <param name="Anchor">The root that its chain ended in.</param>
/// <param name="EndsAt">When the first certificate of the chain ends.</param>
internal sealed record PeerProof(SpiffeId Id, ReadOnlyMemory<byte> Anchor, DateTimeOffset EndsAt)
{
    /// <summary>Reads a chain that has passed every check. SslStream disposes it: nothing of it is kept but bytes.</summary>
    public static PeerProof Of(SpiffeId id, X509Chain chain)
    {
        var endsAt = DateTime.MaxValue;
        foreach (var element in chain.ChainElements)
        {
            var end = element.Certificate.NotAfter.ToUniversalTime();
            endsAt = end < endsAt ? end : endsAt;
        }

        return new PeerProof(id, chain.ChainElements[^1].Certificate.RawData, new DateTimeOffset(endsAt, TimeSpan.Zero));
    }

    /// <summary>Whether the root still is one of the peer's own trust domain (X509-SVID §5). Signatures do not change, so the chain is not built again.</summary>
    public bool IsTrustedBy(TrustBundleSet bundles)
    {
        if (!bundles.TryGet(Id.TrustDomain, out var bundle))
        {
            return false;
        }

        foreach (var authority in bundle.Authorities)
        {
            if (authority.RawDataMemory.Span.SequenceEqual(Anchor.Span))
            {
                return true;
            }
        }

        return false;
    }
}
