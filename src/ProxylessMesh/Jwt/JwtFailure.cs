namespace ProxylessMesh.Jwt;

/// <summary>Why a request has no valid token. For logs and counters; callers hear less.</summary>
internal enum JwtFailure
{
    None,

    /// <summary>There is none where the provider looks.</summary>
    Missing,

    /// <summary>It is of another issuer.</summary>
    UnknownIssuer,

    /// <summary>It is no signed JWT (RFC 7515, RFC 7519), or too large to be looked at.</summary>
    Malformed,

    /// <summary>There are more than a request may have.</summary>
    TooMany,

    Expired,

    NotYetValid,

    /// <summary>It has no <c>exp</c>, or lives longer than is allowed.</summary>
    LifetimeNotAllowed,

    AudienceNotAllowed,

    SubjectNotAllowed,

    /// <summary>Not signed, signed with a shared secret, or in a way that this version does not check.</summary>
    AlgorithmNotAllowed,

    /// <summary>None of the issuer's keys can have signed it: keys were rotated, or could not be fetched.</summary>
    NoKey,

    BadSignature,
}
