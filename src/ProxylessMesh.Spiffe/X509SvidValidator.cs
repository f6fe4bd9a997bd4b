using System.Diagnostics.CodeAnalysis;
using System.Net.Security;
using System.Security.Cryptography.X509Certificates;

namespace ProxylessMesh.Spiffe;

/// <summary>The rules of X509-SVID §4 and §5 that a chain build does not know.</summary>
internal static class X509SvidValidator
{
    /// <summary>Whether a peer's verified certificate is an SVID of its own trust domain and one that is allowed.</summary>
    public static bool IsAllowed(TrustBundleSet bundles, X509Certificate? certificate, X509Chain? chain, SslPolicyErrors errors, PeerAuthorizer expected)
    {
        // The name is the SPIFFE ID, so a host name mismatch means nothing; everything else does.
        if ((errors & ~SslPolicyErrors.RemoteCertificateNameMismatch) != SslPolicyErrors.None || certificate is not X509Certificate2 leaf || chain is null)
        {
            return false;
        }

        return TryReadId(leaf, out var id)
            && bundles.TryGet(id.TrustDomain, out var bundle)
            && EndsIn(chain, bundle)
            && expected(id);
    }

    /// <summary>Reads the ID of a leaf: exactly one URI SAN, a SPIFFE ID with a path; CA=false; digitalSignature without keyCertSign and cRLSign.</summary>
    public static bool TryReadId(X509Certificate2 leaf, [NotNullWhen(true)] out SpiffeId? id)
        => throw new NotSupportedException("Written by the identity part.");

    private static bool EndsIn(X509Chain chain, TrustBundle bundle)
    {
        var root = chain.ChainElements[^1].Certificate;
        foreach (var authority in bundle.Authorities)
        {
            if (authority.RawDataMemory.Span.SequenceEqual(root.RawDataMemory.Span))
            {
                return true;
            }
        }

        return false;
    }
}
