using System.Collections.Immutable;
using System.Text.Json;

namespace ProxylessMesh.Spiffe;

/// <summary>A JWT-SVID whose signature and claims have been checked: who its bearer is, and for whom it was made. Immutable.</summary>
public sealed class JwtSvid
{
    internal JwtSvid(string token, SpiffeId id, ImmutableArray<string> audience, DateTimeOffset expiresAt, JsonElement claims, string hint = "")
    {
        Token = token;
        Id = id;
        Audience = audience;
        ExpiresAt = expiresAt;
        Claims = claims;
        Hint = hint;
    }

    /// <summary>Gets the token, to be sent as bearer token. A secret: not in <see cref="ToString"/>.</summary>
    public string Token { get; }

    /// <summary>Gets the SPIFFE ID of the claim <c>sub</c>.</summary>
    public SpiffeId Id { get; }

    /// <summary>Gets the claim <c>aud</c>.</summary>
    public ImmutableArray<string> Audience { get; }

    /// <summary>Gets the claim <c>exp</c>.</summary>
    public DateTimeOffset ExpiresAt { get; }

    /// <summary>Gets every claim.</summary>
    public JsonElement Claims { get; }

    /// <summary>Gets what the operator says that this identity is for, where there are several; may be empty.</summary>
    public string Hint { get; }

    /// <inheritdoc/>
    public override string ToString() => $"JWT-SVID of {Id} for {string.Join(", ", Audience)} until {ExpiresAt:u}";
}
