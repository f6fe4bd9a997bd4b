using System.Collections.Immutable;
using System.Security.Cryptography.X509Certificates;
using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using ProxylessMesh.Spiffe;

namespace ProxylessMesh.Tool.Checks;

/// <summary><c>mesh check spiffe</c>: whether the <c>input</c> of this <c>type</c> is what SPIFFE's documents ask for, and what is understood by it.</summary>
internal static class SpiffeCheck
{
    public static JsonObject Answer(JsonElement testCase)
    {
        var input = testCase.Required("input");
        try
        {
            return testCase.Text("type") switch
            {
                "spiffe-id" => Id(SpiffeId.Parse(testCase.Text("input"))),
                "trust-domain-or-id" => TrustDomainOrId(testCase.Text("input")),
                "path-segments" => Path(input),
                "spiffe-id-match" => Match(input),
                "x509-svid-pem" => X509Svid(input),
                "x509-svid-verify" => X509Verify(input),
                "x509-bundle-pem" => Accepted(("authorities", X509SvidPem.ReadRoots(testCase.Text("input")).Length)),
                "spiffe-bundle" => Bundle(input),
                "spiffe-bundle-map" => Accepted(("trustDomains", SpiffeBundleReader.ReadMap(Bytes(input)).Count)),
                "jwt-svid" => Jwt(input),
                "workload-api-address" => WorkloadApiAddress.TryParse(testCase.Text("input"), out var address, out var error) ? Accepted(("endpoint", address.EndPoint.ToString())) : Refused($"The address {error}."),
                var type => Unknown(type),
            };
        }
        catch (FormatException refused)
        {
            return Refused(refused.Message);
        }
    }

    private static JsonObject Accepted(params (string Name, JsonNode? Value)[] facts)
    {
        var answer = new JsonObject { ["accepted"] = true };
        foreach (var (name, value) in facts)
        {
            answer[name] = value;
        }

        return answer;
    }

    private static JsonObject Refused(string why) => new() { ["accepted"] = false, ["error"] = why };

    // What cannot be evaluated is an error of the case, not a verdict.
    private static JsonObject Unknown(string type)
        => throw new InvalidOperationException($"There is no check of type '{type}'. Use spiffe-id, trust-domain-or-id, path-segments, spiffe-id-match, x509-svid-pem, x509-svid-verify, x509-bundle-pem, spiffe-bundle, spiffe-bundle-map, jwt-svid or workload-api-address.");

    private static JsonObject Id(SpiffeId id) => Accepted(("trustDomain", id.TrustDomain.Name), ("path", id.Path));

    private static JsonObject TrustDomainOrId(string text)
        => Accepted(("trustDomain", (SpiffeId.TryParse(text, out var id) ? id.TrustDomain : TrustDomain.Parse(text)).Name));

    private static JsonObject Path(JsonElement segments)
    {
        foreach (var segment in segments.EnumerateArray())
        {
            if (!SpiffeIdSyntax.IsSegment(segment.GetString()))
            {
                throw new FormatException($"'{segment.GetString()}' is no path segment: letters, digits, '.', '-' and '_', and not '.' or '..'.");
            }
        }

        return Accepted(("path", string.Concat(segments.EnumerateArray().Select(static segment => "/" + segment.GetString()))));
    }

    private static JsonObject Match(JsonElement input)
    {
        var matcher = input.Required("matcher");
        var id = SpiffeId.Parse(input.Text("id"));
        var isExpected = matcher.TryGetProperty("any", out _)
            || (matcher.OptionalText("id") is { } one && SpiffeId.Parse(one) == id)
            || (matcher.OptionalText("memberOf") is { } domain && TrustDomain.Parse(domain) == id.TrustDomain)
            || (matcher.TryGetProperty("oneOf", out var several) && several.EnumerateArray().Any(other => SpiffeId.Parse(other.GetString() ?? "") == id));
        return isExpected ? Accepted() : Refused($"'{id}' is not expected.");
    }

    private static JsonObject X509Svid(JsonElement input)
    {
        var (leaf, intermediates, id) = X509SvidPem.Read(input.Text("certificates_pem"), input.Text("key_pem"));
        using (leaf)
        {
            return Accepted(("spiffeId", id.ToString()), ("certificates", 1 + intermediates.Count));
        }
    }

    private static JsonObject X509Verify(JsonElement input)
    {
        var chain = Certificates(input.Required("chain_pem"));
        if (chain.IsEmpty)
        {
            return Refused("The chain is empty.");
        }

        var bundles = new TrustBundleSet([.. input.Required("bundles").EnumerateObject().Select(static bundle => new TrustBundle(TrustDomain.Parse(bundle.Name), Certificates(bundle.Value)))]);
        var now = input.TryGetProperty("now", out var time) && time.TryGetDateTimeOffset(out var given) ? given : TimeProvider.System.GetUtcNow();
        return X509SvidChain.Verify(chain[0], [.. chain.AsSpan()[1..]], bundles, now, out var id) is { } fault
            ? Refused($"The chain proves nothing: {fault}.")
            : Accepted(("spiffeId", id!.ToString()));
    }

    private static JsonObject Bundle(JsonElement input)
    {
        // Of which trust domain it is is known from where it came, not from the document.
        var bundle = SpiffeBundleReader.Read(Bytes(input), TrustDomain.Parse("example.test"));
        return Accepted(
            ("x509Authorities", bundle.X509Authorities.Length),
            ("jwtAuthorities", bundle.JwtAuthorities.Count),
            ("refreshHintSeconds", (long)(bundle.RefreshHint?.TotalSeconds ?? 0)),
            ("sequence", bundle.Sequence ?? 0));
    }

    private static JsonObject Jwt(JsonElement input)
    {
        var document = input.Required("bundle");
        var bundle = SpiffeBundleReader.Read(document, TrustDomain.Parse(document.Text("trustDomain")));
        string[] audience = [.. input.Required("audience").EnumerateArray().Select(static one => one.GetString() ?? "")];
        return JwtSvidValidator.Check(input.Text("token"), domain => domain == bundle.TrustDomain ? bundle : null, audience, TimeProvider.System.GetUtcNow(), out var svid) is { } fault
            ? Refused($"The token proves nothing: {fault}.")
            : Accepted(("spiffeId", svid!.Id.ToString()));
    }

    private static ImmutableArray<X509Certificate2> Certificates(JsonElement texts)
        => [.. texts.EnumerateArray().SelectMany(static text => X509SvidPem.ReadRoots(text.GetString() ?? ""))];

    private static byte[] Bytes(JsonElement input) => Encoding.UTF8.GetBytes(input.ValueKind == JsonValueKind.String ? input.GetString()! : input.GetRawText());
}
