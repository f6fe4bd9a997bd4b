using ProxylessMesh.Spiffe;

namespace ProxylessMesh;

/// <summary>Who called: read it from <c>HttpContext.Features</c>. The same object for every request of a connection.</summary>
public interface IMeshPeerFeature
{
    /// <summary>Gets the identity that the peer proved in the TLS handshake; <see langword="null"/> for a plaintext caller.</summary>
    SpiffeId? Id { get; }
}
