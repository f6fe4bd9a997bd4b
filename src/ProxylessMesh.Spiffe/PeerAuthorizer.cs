namespace ProxylessMesh.Spiffe;

/// <summary>Decides whether a peer with a proved ID is one that this connection may have.</summary>
/// <param name="peer">The ID from the verified certificate.</param>
/// <returns>Whether the handshake may go on.</returns>
public delegate bool PeerAuthorizer(SpiffeId peer);
