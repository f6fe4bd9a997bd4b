using ProxylessMesh.Manifests.Kinds;

namespace ProxylessMesh.ControlPlane.Keys;

/// <summary>Where an issuer's keys are.</summary>
/// <param name="Uri">The key set itself, or the issuer's OpenID Connect configuration.</param>
/// <param name="DiscoveredIssuer">The issuer whose configuration (OpenID Connect Discovery 1.0 §4) names the key set; null: <paramref name="Uri"/> is the set.</param>
internal sealed record KeySetAddress(Uri Uri, string? DiscoveredIssuer = null)
{
    /// <summary>The place to look for a rule that does not carry its keys; null: it carries them, or there is none.</summary>
    public static KeySetAddress? Of(JwtRule rule)
    {
        if (rule.Jwks is not null)
        {
            return null;
        }

        if (rule.JwksUri is not null)
        {
            return new KeySetAddress(rule.JwksUri);
        }

        return Uri.TryCreate($"{rule.Issuer.TrimEnd('/')}/.well-known/openid-configuration", UriKind.Absolute, out var uri) && (uri.Scheme == Uri.UriSchemeHttps || uri.Scheme == Uri.UriSchemeHttp)
            ? new KeySetAddress(uri, rule.Issuer)
            : null;
    }

    public override string ToString() => DiscoveredIssuer is null ? Uri.AbsoluteUri : $"{Uri.AbsoluteUri} (of {DiscoveredIssuer})";
}
