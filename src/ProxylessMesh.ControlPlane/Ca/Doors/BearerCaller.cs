using ProxylessMesh.Spiffe;

namespace ProxylessMesh.ControlPlane.Ca.Doors;

/// <summary>Who is at the door, before anything has been used up for it.</summary>
/// <param name="Id">The identity that is proved; null for a join token, which may cover several.</param>
/// <param name="Token">The join token, if it is that which proves it.</param>
/// <param name="Bound">What that token covers.</param>
internal sealed record BearerCaller(SpiffeId? Id, string Token, JoinTokenSummary? Bound)
{
    /// <summary>The kind of proof where it is neither a join token nor the connection's certificate.</summary>
    public string? Proof { get; init; }
}
