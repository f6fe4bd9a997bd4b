using System.Collections.Immutable;

namespace ProxylessMesh.Manifests.Kinds;

/// <summary>
/// Which end-user tokens the selected workloads take (Istio <c>RequestAuthentication</c>). A token that is there must be valid; a request
/// without one is anonymous, and it is for an <see cref="AuthorizationPolicyManifest"/> to refuse it.
/// </summary>
public sealed record RequestAuthenticationManifest : Manifest
{
    /// <inheritdoc/>
    public override ManifestKind Kind => ManifestKind.RequestAuthentication;

    /// <summary>Labels of the workloads; empty: all of the namespace, or of the mesh in the root namespace.</summary>
    public ImmutableSortedDictionary<string, string> Selector { get; init; } = LabelSet.Empty;

    /// <summary>It is for workloads of the mesh: it does not name gateways (<c>targetRefs</c>), which this mesh does not have.</summary>
    public bool IsForMesh { get; init; } = true;

    /// <summary>The services whose workloads it is for (<c>targetRefs</c>); empty: <see cref="Selector"/> says it.</summary>
    public ImmutableArray<PolicyTarget> Targets { get; init; } = [];

    /// <summary><c>jwtRules</c>: one for each issuer.</summary>
    public ImmutableArray<JwtRule> Rules { get; init; } = [];
}

/// <summary>One issuer: where its tokens are, how they are checked, and what becomes of them.</summary>
public sealed record JwtRule
{
    /// <summary>The claim <c>iss</c> of its tokens.</summary>
    public required string Issuer { get; init; }

    /// <summary>One of them must be in the claim <c>aud</c>; empty: any audience.</summary>
    public ImmutableArray<string> Audiences { get; init; } = [];

    /// <summary>Where the issuer shows its public keys; null with <see cref="Jwks"/>. Null both: by the issuer's OpenID Connect discovery.</summary>
    public Uri? JwksUri { get; init; }

    /// <summary>The public keys themselves (RFC 7517 JWK Set); null: they are fetched.</summary>
    public string? Jwks { get; init; }

    /// <summary>Headers with a token. With <see cref="FromParams"/> and <see cref="FromCookies"/> empty too: <c>Authorization</c> with <c>Bearer</c>, and the parameter <c>access_token</c>.</summary>
    public ImmutableArray<JwtHeader> FromHeaders { get; init; } = [];

    /// <summary>Query parameters with a token.</summary>
    public ImmutableArray<string> FromParams { get; init; } = [];

    /// <summary>Cookies with a token.</summary>
    public ImmutableArray<string> FromCookies { get; init; } = [];

    /// <summary>The header in which the application gets the payload of a valid token, in base64url; null: none.</summary>
    public string? OutputPayloadToHeader { get; init; }

    /// <summary>Headers in which the application gets claims of a valid token.</summary>
    public ImmutableArray<JwtClaimHeader> OutputClaimToHeaders { get; init; } = [];

    /// <summary>The application gets the token too.</summary>
    public bool ForwardOriginalToken { get; init; }

    /// <summary>Claims whose text is a list with blanks, besides <c>scope</c> and <c>permission</c>: policies compare its items.</summary>
    public ImmutableArray<string> SpaceDelimitedClaims { get; init; } = [];

    /// <summary>How long fetching the keys may take.</summary>
    public TimeSpan Timeout { get; init; } = TimeSpan.FromSeconds(5);
}

/// <summary>A header with a token.</summary>
/// <param name="Name">The header.</param>
/// <param name="Prefix">What stands before the token, such as <c>Bearer </c> with its blank; empty: nothing.</param>
public sealed record JwtHeader(string Name, string Prefix);

/// <summary>A claim that becomes a header.</summary>
/// <param name="Header">The header; what a caller sends in it is taken away.</param>
/// <param name="Claim">The claim; dots lead into nested ones.</param>
public sealed record JwtClaimHeader(string Header, string Claim);
