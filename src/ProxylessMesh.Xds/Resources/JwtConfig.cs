using System.Collections.Frozen;
using System.Collections.Immutable;
using ProxylessMesh.Xds.Matching;

namespace ProxylessMesh.Xds.Resources;

/// <summary><c>envoy.filters.http.jwt_authn</c>.</summary>
internal sealed record JwtFilterConfig(string Name, JwtConfig Jwt) : HttpFilterConfig(Name);

/// <summary>A valid <c>JwtAuthentication</c>: who issues tokens, and what requests must have.</summary>
internal sealed record JwtConfig
{
    public FrozenDictionary<string, JwtProviderConfig> Providers { get; init; } = FrozenDictionary<string, JwtProviderConfig>.Empty;

    /// <summary>The first that matches counts; a request that none matches needs no token.</summary>
    public ImmutableArray<JwtRuleConfig> Rules { get; init; } = [];

    /// <summary>Preflights of browsers pass: they never have a token.</summary>
    public bool BypassCorsPreflight { get; init; }

    /// <summary>A refusal has no <c>WWW-Authenticate</c>.</summary>
    public bool StripFailureResponse { get; init; }
}

/// <summary>What the requests that match must have; null: nothing.</summary>
internal sealed record JwtRuleConfig(RequestMatcher Match, JwtRequirementConfig? Requires);

/// <summary>What a request must have. Providers that it names are there.</summary>
internal abstract record JwtRequirementConfig
{
    /// <summary>A valid token of the provider. <paramref name="Audiences"/> replace the provider's; empty: its own count.</summary>
    internal sealed record Provider(string Name, ImmutableArray<string> Audiences) : JwtRequirementConfig;

    internal sealed record Any(ImmutableArray<JwtRequirementConfig> Of) : JwtRequirementConfig;

    internal sealed record All(ImmutableArray<JwtRequirementConfig> Of) : JwtRequirementConfig;

    /// <summary>Nothing; but a token that is there must be valid.</summary>
    internal sealed record AllowMissing : JwtRequirementConfig;

    /// <summary>Nothing; a bad token is as none.</summary>
    internal sealed record AllowMissingOrFailed : JwtRequirementConfig;
}

/// <summary>A valid <c>JwtProvider</c>: one issuer.</summary>
internal sealed record JwtProviderConfig
{
    /// <summary>The claim <c>iss</c>; empty: any.</summary>
    public string Issuer { get; init; } = "";

    /// <summary>Empty: any.</summary>
    public ImmutableArray<string> Audiences { get; init; } = [];

    /// <summary>The claim <c>sub</c>; null: any.</summary>
    public StringMatcher? Subjects { get; init; }

    public bool RequireExpiration { get; init; }

    /// <summary>From <c>iat</c> or <c>nbf</c> to <c>exp</c>; null: any.</summary>
    public TimeSpan? MaxLifetime { get; init; }

    /// <summary>The JWK Set (RFC 7517). Keys in it that cannot be used are as none.</summary>
    public string KeySet { get; init; } = "";

    public ImmutableArray<JwtHeaderConfig> FromHeaders { get; init; } = [];

    public ImmutableArray<string> FromParams { get; init; } = [];

    public ImmutableArray<string> FromCookies { get; init; } = [];

    /// <summary>The application gets the token too.</summary>
    public bool Forward { get; init; }

    /// <summary>Null: none.</summary>
    public string? PayloadHeader { get; init; }

    /// <summary>The payload has its <c>=</c> signs.</summary>
    public bool PadPayloadHeader { get; init; }

    /// <summary>The payload's key in the request's metadata; null: it is not kept.</summary>
    public string? PayloadInMetadata { get; init; }

    /// <summary>Claims whose text becomes a list there.</summary>
    public ImmutableArray<string> SpaceDelimitedClaims { get; init; } = [];

    public ImmutableArray<JwtClaimHeaderConfig> ClaimHeaders { get; init; } = [];

    /// <summary>By how much clocks may differ.</summary>
    public TimeSpan ClockSkew { get; init; } = TimeSpan.FromSeconds(60);
}

/// <summary>A header with a token behind a prefix, which may be empty.</summary>
internal sealed record JwtHeaderConfig(string Name, string Prefix);

/// <summary>A claim that becomes a header.</summary>
internal sealed record JwtClaimHeaderConfig(string Header, string Claim);
