namespace ProxylessMesh.ControlPlane;

/// <summary>What may be shown of a join token.</summary>
/// <param name="Id">Names it; not secret.</param>
/// <param name="Namespace">The namespace it is for, or <c>*</c>.</param>
/// <param name="ServiceAccount">The service account it is for, or <c>*</c>.</param>
/// <param name="CreatedAt">When it was made.</param>
/// <param name="ExpiresAt">When it stops working.</param>
/// <param name="MaxUses">How many certificates it may bring; 0 for any number.</param>
/// <param name="Uses">How many it has brought.</param>
public sealed record JoinTokenSummary(string Id, string Namespace, string ServiceAccount, DateTimeOffset CreatedAt, DateTimeOffset ExpiresAt, int MaxUses, int Uses)
{
    /// <summary>Gets since when it is revoked, if it is.</summary>
    public DateTimeOffset? RevokedAt { get; init; }
}
