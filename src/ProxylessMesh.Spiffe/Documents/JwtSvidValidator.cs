using System.Collections.Immutable;
using System.Text;
using System.Text.Json;

namespace ProxylessMesh.Spiffe;

/// <summary>
/// The rules of JWT-SVID §2 to §4: algorithms RS, ES and PS with SHA-256 to SHA-512 only (so neither <c>none</c> nor HS), the key by
/// <c>kid</c> in the bundle of the subject's own trust domain, <c>sub</c> a SPIFFE ID, <c>aud</c> and <c>exp</c> there and fitting. Tokens come
/// from outside: nothing here throws, whatever they hold.
/// </summary>
internal static class JwtSvidValidator
{
    /// <summary>Longest token that is looked at, in characters.</summary>
    public const int MaxTokenChars = 16 * 1024;

    /// <summary>How far the clocks of issuer and validator may be apart (JWT-SVID §3.3 asks for no more than a few minutes).</summary>
    public static readonly TimeSpan ClockSkew = TimeSpan.FromSeconds(30);

    /// <summary>Checks a token.</summary>
    /// <param name="token">JWS, compact serialization.</param>
    /// <param name="bundle">The bundle of a trust domain, or null where it is not known.</param>
    /// <param name="audience">The audiences that the validator goes by; one must be in the token. Empty: not checked, for a token of one's own.</param>
    /// <param name="now">The time to judge by.</param>
    /// <param name="svid">What the token says.</param>
    /// <returns>The rule that it breaks, or <see langword="null"/>.</returns>
    public static string? Check(string token, Func<TrustDomain, SpiffeBundle?> bundle, IReadOnlyCollection<string> audience, DateTimeOffset now, out JwtSvid? svid)
        => Check(token, bundle, audience, now, "", out svid);

    /// <summary>Reads a token that the process's own agent has just given it: all but the signature is checked.</summary>
    public static string? CheckOwn(string token, IReadOnlyCollection<string> audience, DateTimeOffset now, string hint, out JwtSvid? svid)
        => Check(token, null, audience, now, hint, out svid);

    private static string? Check(string token, Func<TrustDomain, SpiffeBundle?>? bundle, IReadOnlyCollection<string> audience, DateTimeOffset now, string hint, out JwtSvid? svid)
    {
        svid = null;
        if (token.Length > MaxTokenChars)
        {
            return $"it has {token.Length} characters; {MaxTokenChars} are the most";
        }

        Span<Range> parts = stackalloc Range[4];
        if (token.AsSpan().Split(parts, '.') != 3
            || Base64UrlText.Decode(token.AsSpan(parts[0])) is not { } headerBytes || Base64UrlText.Decode(token.AsSpan(parts[1])) is not { } payloadBytes || Base64UrlText.Decode(token.AsSpan(parts[2])) is not { } signature
            || Parse(headerBytes) is not { } header || Parse(payloadBytes) is not { } claims)
        {
            return "it is no JWT in compact serialization";
        }

        if (CheckHeader(header, out var algorithm, out var keyId) is { } badHeader)
        {
            return badHeader;
        }

        if (CheckClaims(claims, audience, now, out var id, out var audiences, out var expiresAt) is { } badClaim)
        {
            return badClaim;
        }

        if (bundle is not null && CheckSignature(token.AsSpan(0, parts[1].End.GetOffset(token.Length)), signature, bundle(id!.TrustDomain), id, algorithm!, keyId!) is { } forged)
        {
            return forged;
        }

        svid = new JwtSvid(token, id!, audiences, expiresAt, claims, hint);
        return null;
    }

    private static string? CheckSignature(ReadOnlySpan<char> content, byte[] signature, SpiffeBundle? bundle, SpiffeId id, string algorithm, string keyId)
    {
        if (bundle is null)
        {
            return $"trust domain '{id.TrustDomain}' is not known here";
        }

        if (!bundle.JwtAuthorities.TryGetValue(keyId, out var authority))
        {
            return $"trust domain '{id.TrustDomain}' has no key '{keyId}'";
        }

        var bytes = new byte[content.Length];
        Encoding.ASCII.GetBytes(content, bytes);
        return JwtSignature.IsValid(authority.Key, algorithm, bytes, signature) ? null : $"its signature is not one of key '{keyId}' by {algorithm}";
    }

    private static string? CheckHeader(JsonElement header, out string? algorithm, out string? keyId)
    {
        algorithm = Text(header, "alg");
        keyId = Text(header, "kid");
        if (algorithm is null || !JwtSignature.IsKnown(algorithm))
        {
            return $"its alg is '{algorithm}'; RS, ES and PS with 256, 384 or 512 are possible";
        }

        if (keyId is null)
        {
            return "its header has no kid";
        }

        // JWT-SVID §2.3: where typ is there it is JWT or JOSE.
        if (header.TryGetProperty("typ", out _) && Text(header, "typ") is not ("JWT" or "JOSE"))
        {
            return "its typ is neither JWT nor JOSE";
        }

        // RFC 7515 §4.1.11: what is critical and not understood is refused; a JWT-SVID has no extension.
        return header.TryGetProperty("crit", out _) ? "its header asks for extensions (crit)" : null;
    }

    private static string? CheckClaims(JsonElement claims, IReadOnlyCollection<string> expected, DateTimeOffset now, out SpiffeId? id, out ImmutableArray<string> audience, out DateTimeOffset expiresAt)
    {
        audience = Audience(claims);
        expiresAt = default;
        if (!SpiffeId.TryParse(Text(claims, "sub"), out id))
        {
            return "its sub is no SPIFFE ID";
        }

        if (audience.IsEmpty)
        {
            return "it has no aud";
        }

        if (expected.Count > 0 && !audience.Any(expected.Contains))
        {
            return $"it is for '{string.Join("', '", audience)}', not for '{string.Join("', '", expected)}'";
        }

        if (Time(claims, "exp") is not { } end)
        {
            return "it has no exp";
        }

        expiresAt = end;
        if (end + ClockSkew <= now)
        {
            return $"it expired at {end:u}";
        }

        if ((claims.TryGetProperty("nbf", out _) && !(Time(claims, "nbf") - ClockSkew <= now)) || (claims.TryGetProperty("iat", out _) && !(Time(claims, "iat") - ClockSkew <= now)))
        {
            return "it is not valid yet";
        }

        return null;
    }

    private static ImmutableArray<string> Audience(JsonElement claims)
    {
        if (!claims.TryGetProperty("aud", out var audience))
        {
            return [];
        }

        if (audience.ValueKind == JsonValueKind.String)
        {
            return audience.GetString() is { Length: > 0 } one ? [one] : [];
        }

        return audience.ValueKind == JsonValueKind.Array && audience.EnumerateArray().All(static value => value.ValueKind == JsonValueKind.String && value.GetString() is { Length: > 0 })
            ? [.. audience.EnumerateArray().Select(static value => value.GetString()!)]
            : [];
    }

    /// <summary>A NumericDate (RFC 7519 §2): seconds, possibly with a fraction. Null where it is none, or beyond what a clock can show.</summary>
    private static DateTimeOffset? Time(JsonElement claims, string name)
        => claims.TryGetProperty(name, out var value) && value.ValueKind == JsonValueKind.Number && value.TryGetDouble(out var seconds) && seconds is >= 0 and < 253402300000d
            ? DateTimeOffset.UnixEpoch.AddSeconds(seconds)
            : null;

    private static string? Text(JsonElement element, string name)
        => element.TryGetProperty(name, out var value) && value.ValueKind == JsonValueKind.String && value.GetString() is { Length: > 0 } text ? text : null;

    private static JsonElement? Parse(byte[] json)
    {
        try
        {
            using var document = StrictJson.Parse(json);
            return document.RootElement.ValueKind == JsonValueKind.Object ? document.RootElement.Clone() : null;
        }
        catch (FormatException)
        {
            return null;
        }
    }
}
