namespace ProxylessMesh.Jwt;

/// <summary>What became of a request's tokens.</summary>
/// <param name="Outcome">Whether the request goes on.</param>
/// <param name="Failure">Why not.</param>
/// <param name="Issuer">Whose token was taken or refused, in the words of the configuration; null: none.</param>
internal readonly record struct JwtVerdict(JwtOutcome Outcome, JwtFailure Failure = JwtFailure.None, string? Issuer = null);

/// <summary>What may become of a request's tokens.</summary>
internal enum JwtOutcome
{
    /// <summary>Nothing was asked.</summary>
    NotAsked,

    /// <summary>There was none, and none was needed.</summary>
    Anonymous,

    Valid,

    Refused,
}
