namespace ProxylessMesh.Spiffe;

/// <summary>Where a source stands.</summary>
public enum IdentityState
{
    /// <summary>There has been no identity yet.</summary>
    Waiting,

    /// <summary>The identity is valid and its renewal is not late.</summary>
    Ready,

    /// <summary>The identity is still valid, but a renewal has failed.</summary>
    Stale,

    /// <summary>The identity has expired: peers refuse it.</summary>
    Expired,
}

/// <summary>What an operator wants to know of a source. Immutable.</summary>
public sealed record IdentityStatus
{
    /// <summary>Gets the state.</summary>
    public required IdentityState State { get; init; }

    /// <summary>Gets the end of validity of the identity in force.</summary>
    public DateTimeOffset? ExpiresAt { get; init; }

    /// <summary>Gets when the next renewal is due.</summary>
    public DateTimeOffset? RenewsAt { get; init; }

    /// <summary>Gets since when every attempt has failed.</summary>
    public DateTimeOffset? FailingSince { get; init; }

    /// <summary>Gets the last failure, with its cure; <see langword="null"/> after a success.</summary>
    public IdentityException? Error { get; init; }
}
