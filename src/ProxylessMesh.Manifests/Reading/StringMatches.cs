using ProxylessMesh.Manifests.Kinds;

namespace ProxylessMesh.Manifests.Reading;

/// <summary>Reads Istio's <c>StringMatch</c>: exactly one of <c>exact</c>, <c>prefix</c> and <c>regex</c>.</summary>
internal static class StringMatches
{
    /// <summary>Istio's other word for "it is there": no expression, but a star.</summary>
    private const string Present = "*";

    /// <param name="field">Null: null.</param>
    /// <param name="emptyPrefix">An empty prefix is allowed: of paths, and there it matches all.</param>
    public static StringMatch? Read(YamlField? field, bool emptyPrefix = false)
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

    /// <summary>Null: <c>{}</c> or <c>regex: "*"</c>, which ask only whether something is there.</summary>
    public static StringMatch? ReadOrPresent(YamlField field)
        => IsPresence(field) ? null : Read(field);

    /// <summary><c>{}</c>: whether something is there, whatever it is.</summary>
    public static StringMatch? ReadOrEmpty(YamlField field)
        => IsEmpty(field) ? null : Read(field);

    public static bool IsEmpty(YamlField field) => field.Node is MapNode { Entries.IsEmpty: true };

    private static bool IsPresence(YamlField field)
        => IsEmpty(field) || field.Node is MapNode { Entries: [{ Key: "regex", Value: ScalarNode { Text: Present } }] };
}
