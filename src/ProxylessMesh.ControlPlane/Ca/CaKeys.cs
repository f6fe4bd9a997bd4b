namespace ProxylessMesh.ControlPlane.Ca;

/// <summary>The authorities of one moment. Immutable.</summary>
/// <param name="Active">Signs.</param>
/// <param name="Other">While a rotation is under way: the new one that does not sign yet, or the old one that does not sign any more.</param>
/// <param name="Stage">Which of the two it is.</param>
/// <param name="NewestAddedAt">Since when the newest root is in the bundle.</param>
internal sealed record CaKeys(MeshAuthority Active, MeshAuthority? Other, RotationStage Stage, DateTimeOffset NewestAddedAt)
{
    /// <summary>The one that stays when the rotation is over. Join tokens are made for its root.</summary>
    public MeshAuthority Newest => Stage == RotationStage.Added ? Other! : Active;

    /// <summary>The one that everybody trusts, also who was away since the rotation began.</summary>
    public MeshAuthority Oldest => Stage == RotationStage.Switched ? Other! : Active;

    /// <summary>Oldest first.</summary>
    public IEnumerable<MeshAuthority> All => Other is null ? [Active] : [Oldest, Newest];
}
