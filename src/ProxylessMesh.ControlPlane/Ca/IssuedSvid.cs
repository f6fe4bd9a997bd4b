using System.Security.Cryptography.X509Certificates;

namespace ProxylessMesh.ControlPlane.Ca;

/// <summary>A certificate with everything that goes with it. Disposing frees the leaf.</summary>
/// <param name="Leaf">Without a key.</param>
/// <param name="Authority">What signed it.</param>
/// <param name="Trust">The bundles of the same moment.</param>
internal sealed record IssuedSvid(X509Certificate2 Leaf, MeshAuthority Authority, TrustState Trust) : IDisposable
{
    /// <summary>The chain that its holder is to send: the leaf, then intermediates, without the root.</summary>
    public IEnumerable<X509Certificate2> Chain => Authority.Intermediates.Prepend(Leaf);

    public DateTimeOffset ExpiresAt => new(Leaf.NotAfter.ToUniversalTime(), TimeSpan.Zero);

    public void Dispose() => Leaf.Dispose();
}

/// <summary>A proved identity gets no certificate all the same: its message says why and what to do, and may be told to the caller.</summary>
internal sealed class IssuanceRefusedException(string message) : Exception(message);
