namespace ProxylessMesh.ControlPlane.Ca;

/// <summary>What came of showing a join token.</summary>
internal enum JoinTokenVerdict
{
    /// <summary>Never made here, revoked, tidied away, or the secret is wrong: told apart for nobody.</summary>
    Unknown,

    Expired,

    UsedUp,

    /// <summary>It is for another service account.</summary>
    NotForThis,

    Good,
}
