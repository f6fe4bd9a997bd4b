using ProxylessMesh.Manifests.Kinds;

namespace ProxylessMesh.Manifests.Reading;

/// <summary>Changes of headers, as Gateway API and as Istio write them.</summary>
internal static class HeaderModifiers
{
    private const int MaxHeaders = 16;

    /// <summary>Gateway API: lists of name and value.</summary>
    public static HeaderModifier ReadGateway(YamlMap map)
    {
        var modifier = new HeaderModifier
        {
            Set = map.List("set", ReadNameAndValue),
            Add = map.List("add", ReadNameAndValue),
            Remove = map.Texts("remove", TextRules.HeaderName),
        };
        CheckTwice(map, modifier);
        foreach (var (key, count) in new[] { ("set", modifier.Set.Length), ("add", modifier.Add.Length), ("remove", modifier.Remove.Length) }.Where(list => list.Item2 > MaxHeaders))
        {
            map.Field(key)?.Fail($"there are {count} headers, more than {MaxHeaders}", "Split the rule");
        }

        map.End();
        return modifier;
    }

    /// <summary>Istio: maps from name to value, below <c>headers.request</c> and <c>headers.response</c>.</summary>
    public static (HeaderModifier Request, HeaderModifier Response) ReadIstio(YamlMap owner)
    {
        if (owner.Map("headers") is not { } headers)
        {
            return (HeaderModifier.None, HeaderModifier.None);
        }

        var both = (ReadOperations(headers.Map("request"), isRequest: true), ReadOperations(headers.Map("response"), isRequest: false));
        headers.End();
        return both;
    }

    private static HeaderModifier ReadOperations(YamlMap? map, bool isRequest)
    {
        if (map is null)
        {
            return HeaderModifier.None;
        }

        TextRule name = isRequest ? NameOrAuthority : NameButHost;
        var modifier = new HeaderModifier
        {
            Set = [.. map.TextMap("set", name, IstioHeaderValue).Select(header => new HeaderValue(header.Key, Unescaped(header.Value)))],
            Add = [.. map.TextMap("add", name, IstioHeaderValue).Select(header => new HeaderValue(header.Key, Unescaped(header.Value)))],
            Remove = map.Texts("remove", NameButHost),
        };
        map.End();
        return modifier;
    }

    private static Mistake? NameOrAuthority(string text)
        => new HeaderValue(text, "").IsAuthority ? null : text.StartsWith(':') ? new("only ':authority' of them can be changed", "Write ':authority', or the name of a header") : TextRules.HeaderName(text);

    private static Mistake? NameButHost(string text)
        => new HeaderValue(text, "").IsAuthority || text.StartsWith(':')
            ? new("it cannot be changed here", "Set ':authority' of the request, or name a header")
            : TextRules.HeaderName(text);

    // Envoy puts values of the call where a header's value has %NAME%; nothing here does. "%%" is a percent sign.
    private static Mistake? IstioHeaderValue(string text)
        => text.Replace("%%", "", StringComparison.Ordinal).Contains('%', StringComparison.Ordinal)
            ? new("'%' begins a variable of Envoy's, which is not supported", "Write the value without '%', or '%%' for a percent sign")
            : TextRules.HeaderValue(text);

    private static string Unescaped(string text) => text.Replace("%%", "%", StringComparison.Ordinal);

    private static HeaderValue ReadNameAndValue(YamlMap map)
    {
        var header = new HeaderValue(
            map.RequiredText("name", TextRules.HeaderName, "Write the header's name"),
            map.RequiredText("value", static text => TextRules.NotEmpty(text) ?? TextRules.HeaderValue(text), "Write the header's value"));
        map.End();
        return header;
    }

    private static void CheckTwice(YamlMap map, HeaderModifier modifier)
    {
        var names = modifier.Set.Select(header => header.Name).Concat(modifier.Add.Select(header => header.Name)).Concat(modifier.Remove);
        foreach (var twice in names.Where(name => name.Length > 0).GroupBy(name => name, StringComparer.OrdinalIgnoreCase).Where(group => group.Count() > 1))
        {
            map.Fail($"header '{twice.Key}' is changed twice", "Name a header once among set, add and remove");
        }
    }
}
