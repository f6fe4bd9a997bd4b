using System.Collections.Immutable;
using ProxylessMesh.Manifests.Kinds;

namespace ProxylessMesh.Manifests.Reading;

/// <summary>Reads one of a VirtualService route's <c>match</c> entries.</summary>
internal static class VirtualServiceMatchReader
{
    public static VirtualServiceMatch Read(YamlMap map)
    {
        var match = new VirtualServiceMatch
        {
            Name = map.Text("name", TextRules.NotEmpty) ?? "",
            Uri = ReadString(map.Field("uri"), emptyPrefix: true),
            IgnoreUriCase = map.Field("ignoreUriCase")?.Boolean() ?? false,
            Method = ReadString(map.Field("method")),
            Authority = ReadString(map.Field("authority")),
            Headers = ReadHeaders(map, "headers"),
            WithoutHeaders = ReadHeaders(map, "withoutHeaders"),
            QueryParameters = map.TextMap("queryParams", TextRules.NotEmpty, field => ReadOrPresent(field)),
        };
        map.NotYet("scheme", "port", "sourceLabels", "gateways", "sourceNamespace", "statPrefix");
        map.End();
        return match;
    }

    private static ImmutableSortedDictionary<string, StringMatch?> ReadHeaders(YamlMap map, string key)
    {
        var lower = ImmutableSortedDictionary.CreateBuilder<string, StringMatch?>(StringComparer.Ordinal);
        foreach (var (name, match) in map.TextMap(key, LowerHeaderName, field => ReadOrPresent(field)))
        {
            lower[HeaderNames.Lower(name)] = match;
        }

        return lower.ToImmutable();
    }

    // Istio asks for lower case; another spelling would never match there.
    private static Mistake? LowerHeaderName(string text)
        => TextRules.HeaderName(text)
            ?? (text.Any(char.IsAsciiLetterUpper) ? new("the header's name has capitals, which Istio does not match", $"Write '{HeaderNames.Lower(text)}'") : null);

    private static StringMatch? ReadOrPresent(YamlField field)
        => field.Node is MapNode { Entries.IsEmpty: true } ? null : ReadString(field);

    private static StringMatch? ReadString(YamlField? field, bool emptyPrefix = false)
    {
        if (field?.Map() is not { } map)
        {
            return null;
        }

        var exact = map.Text("exact");
        var prefix = map.Text("prefix", emptyPrefix ? null : TextRules.NotEmpty);
        var regex = map.Text("regex", TextRules.Expression);
        if (map.Node.Entries.Count(entry => entry.Key is "exact" or "prefix" or "regex") != 1)
        {
            map.Fail("it needs exactly one of exact, prefix and regex", "Keep one of them");
        }

        map.End();
        return (exact, prefix, regex) switch
        {
            ({ } text, _, _) => new StringMatch(StringMatchKind.Exact, text),
            (_, { } text, _) => new StringMatch(StringMatchKind.Prefix, text),
            (_, _, { } text) => new StringMatch(StringMatchKind.Regex, text),
            _ => null,
        };
    }
}
