using ProxylessMesh.Manifests.Kinds;

namespace ProxylessMesh.Manifests.Reading;

/// <summary>Reads Istio's <c>RequestAuthentication</c>.</summary>
internal static class RequestAuthenticationReader
{
    public static RequestAuthenticationManifest? Read(YamlMap document, ManifestHeader header)
    {
        if (document.Required("spec", "Write 'spec:' with 'jwtRules:' below it")?.Map() is not { } spec)
        {
            return null;
        }

        var (isForMesh, targets) = PolicyTargets.Read(spec);
        var policy = new RequestAuthenticationManifest
        {
            Name = header.Name,
            Selector = Selectors.Read(spec),
            IsForMesh = isForMesh,
            Targets = targets,
            Rules = spec.List("jwtRules", ReadRule),
        };
        spec.End();
        return policy;
    }

    private static JwtRule ReadRule(YamlMap map)
    {
        var rule = new JwtRule
        {
            Issuer = map.RequiredText("issuer", TextRules.NotEmpty, "Write the claim 'iss' of the tokens, such as 'https://login.example.com'"),
            Audiences = map.Texts("audiences", TextRules.NotEmpty),
            JwksUri = ReadUri(map),
            Jwks = ReadKeys(map),
            FromHeaders = map.List("fromHeaders", ReadHeader),
            FromParams = map.Texts("fromParams", TextRules.NotEmpty),
            FromCookies = map.Texts("fromCookies", CookieName),
            OutputPayloadToHeader = map.Text("outputPayloadToHeader", TextRules.HeaderName),
            OutputClaimToHeaders = map.List("outputClaimToHeaders", ReadClaimHeader),
            ForwardOriginalToken = map.Field("forwardOriginalToken")?.Boolean() ?? false,
            SpaceDelimitedClaims = map.Texts("spaceDelimitedClaims", TextRules.NotEmpty),
            Timeout = map.Duration("timeout", DurationSyntax.Istio, TimeSpan.FromMilliseconds(1)) ?? TimeSpan.FromSeconds(5),
        };
        if (map.Has("jwks") && map.Has("jwksUri"))
        {
            map.Field("jwksUri")?.Fail("it stands beside 'jwks', and one of them would not count", "Keep one of the two");
        }

        if (rule is { Jwks: null, JwksUri: null } && !rule.Issuer.StartsWith("https://", StringComparison.Ordinal) && !rule.Issuer.StartsWith("http://", StringComparison.Ordinal))
        {
            map.Warn("it has no keys, and the issuer is no address to find them by: no token is valid", "Write 'jwksUri' or 'jwks'");
        }

        CheckHeaders(map, rule);
        map.End();
        return rule;
    }

    private static Uri? ReadUri(YamlMap map)
    {
        if (map.Text("jwksUri", KeySetUri) is not { } text)
        {
            return null;
        }

        var uri = new Uri(text);
        if (uri.Scheme == Uri.UriSchemeHttp)
        {
            map.Field("jwksUri")?.Warn("whoever can change what comes over http can sign tokens that are taken", "Write an address with https");
        }

        return uri;
    }

    private static string? ReadKeys(YamlMap map)
    {
        if (map.Text("jwks", KeySetText.Check) is not { } text)
        {
            return null;
        }

        if (KeySetText.HasSecrets(text))
        {
            map.Field("jwks")?.Warn("it has private or symmetric keys: whoever reads this manifest can sign tokens", "Write public keys alone; no other key is sent to workloads");
        }

        return text;
    }

    private static JwtHeader ReadHeader(YamlMap map)
    {
        var header = new JwtHeader(map.RequiredText("name", TextRules.HeaderName, "Write the header's name"), map.Text("prefix", TextRules.HeaderValue) ?? "");
        map.End();
        return header;
    }

    private static JwtClaimHeader ReadClaimHeader(YamlMap map)
    {
        var output = new JwtClaimHeader(
            map.RequiredText("header", TextRules.HeaderName, "Write the header's name"),
            map.RequiredText("claim", TextRules.NotEmpty, "Write the claim, such as 'sub' or 'nested.key'"));
        map.End();
        return output;
    }

    // Two claims in one header would be a list that nobody can take apart safely.
    private static void CheckHeaders(YamlMap map, JwtRule rule)
    {
        var names = rule.OutputClaimToHeaders.Select(output => output.Header).Append(rule.OutputPayloadToHeader).OfType<string>();
        if (names.GroupBy(name => name, StringComparer.OrdinalIgnoreCase).FirstOrDefault(group => group.Count() > 1) is { } twice)
        {
            map.Fail($"the header '{twice.Key}' is written by two of its outputs", "Name another header in one of them");
        }
    }

    private static Mistake? KeySetUri(string text)
        => Uri.TryCreate(text, UriKind.Absolute, out var uri) && (uri.Scheme == Uri.UriSchemeHttps || uri.Scheme == Uri.UriSchemeHttp) && uri.Host.Length > 0 && uri.UserInfo.Length == 0
            ? null
            : new("it is not an address that keys can be fetched from", "Write 'https://', the host, and the path");

    private static Mistake? CookieName(string text)
        => TextRules.HeaderName(text) is null ? null : new("it is not the name of a cookie", "Use letters, digits and '-'");
}
