using System.Collections.Immutable;
using ProxylessMesh.Manifests.Kinds;

namespace ProxylessMesh.Manifests.Reading;

/// <summary>Reads one of a VirtualService route's <c>match</c> entries.</summary>
internal static class VirtualServiceMatchReader
{
    private const string Claims = "@request.auth.claims";

    private static readonly string[] PseudoHeaders = [":authority", ":method", ":path", ":scheme"];

    /// <param name="map">The entry.</param>
    /// <param name="scope">The VirtualService.</param>
    /// <param name="isRoot">The route has a delegate, with whose conditions these are joined.</param>
    public static VirtualServiceMatch Read(YamlMap map, VirtualServiceScope scope, bool isRoot)
    {
        var match = new VirtualServiceMatch
        {
            Name = map.Text("name", TextRules.NotEmpty) ?? "",
            Uri = StringMatches.Read(map.Field("uri"), emptyPrefix: true),
            IgnoreUriCase = map.Field("ignoreUriCase")?.Boolean() ?? false,
            Scheme = StringMatches.Read(map.Field("scheme")),
            Method = StringMatches.Read(map.Field("method")),
            Authority = StringMatches.Read(map.Field("authority")),
            Headers = ReadHeaders(map, "headers", scope, field => ReadHeader(field, isRoot)),
            WithoutHeaders = ReadHeaders(map, "withoutHeaders", scope, StringMatches.ReadOrPresent),
            QueryParameters = map.TextMap("queryParams", TextRules.NotEmpty, StringMatches.ReadOrEmpty),
            Port = map.Integer("port", 1, 65535),
            SourceLabels = map.TextMap("sourceLabels", TextRules.LabelKey, TextRules.LabelValue),
            SourceNamespace = map.Text("sourceNamespace", TextRules.DnsLabel),
            Gateways = GatewayNames.Read(map),
            StatPrefix = map.Text("statPrefix", TextRules.NotEmpty) ?? "",
        };
        map.End();
        return match;
    }

    private static ImmutableSortedDictionary<string, StringMatch?> ReadHeaders(YamlMap map, string key, VirtualServiceScope scope, Func<YamlField, StringMatch?> read)
    {
        var lower = ImmutableSortedDictionary.CreateBuilder<string, StringMatch?>(StringComparer.Ordinal);
        foreach (var (name, field) in map.Map(key)?.FreeFields(text => HeaderName(text, scope)) ?? [])
        {
            if (name.Any(char.IsAsciiLetterUpper))
            {
                field.Warn("the header's name has capitals, where Istio asks for lower case", $"Write '{HeaderNames.Lower(name)}'");
            }

            lower[HeaderNames.Lower(name)] = read(field);
        }

        return lower.ToImmutable();
    }

    // Whether a delegate's condition lies within "is there" cannot be said, so Istio drops its routes without a word.
    private static StringMatch? ReadHeader(YamlField field, bool isRoot)
    {
        if (isRoot && StringMatches.IsEmpty(field))
        {
            field.Fail("a route with a delegate cannot ask only whether a header is there", "Write exact, prefix or regex, or leave the condition to the delegate");
        }

        return StringMatches.ReadOrEmpty(field);
    }

    private static Mistake? HeaderName(string text, VirtualServiceScope scope)
    {
        if (PseudoHeaders.Contains(text))
        {
            return null;
        }

        if (text.StartsWith(Claims, StringComparison.Ordinal))
        {
            return scope.IsForMesh ? new("claims of a token are routed by at gateways only", "Remove the condition, or name the gateways and leave out 'mesh'") : null;
        }

        return TextRules.HeaderName(text);
    }
}
