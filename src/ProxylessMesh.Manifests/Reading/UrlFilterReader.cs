using ProxylessMesh.Manifests.Kinds;

namespace ProxylessMesh.Manifests.Reading;

/// <summary>Reads <c>requestRedirect</c> and <c>urlRewrite</c>. The caller ends their maps.</summary>
internal static class UrlFilterReader
{
    private const int MaxPathLength = 1024;

    public static RequestRedirect ReadRedirect(YamlMap map) => new()
    {
        Scheme = map.Field("scheme")?.Word(["http", "https"]),
        Host = map.Text("hostname", TextRules.PreciseHostname),
        Port = map.Integer("port", 1, 65535),
        Path = ReadPath(map.Map("path")),
        Status = ReadStatus(map.Field("statusCode")) ?? 302,
    };

    public static UrlRewrite ReadRewrite(YamlMap map) => new()
    {
        Host = map.Text("hostname", TextRules.PreciseHostname),
        Path = ReadPath(map.Map("path")),
    };

    /// <summary>A prefix can only be replaced where exactly one prefix was matched.</summary>
    public static void CheckPrefixes(YamlMap rule, HttpRouteRule read)
    {
        var replacesPrefix = new[] { read.Filters }.Concat(read.Backends.Select(backend => backend.Filters)).Any(filters => filters.Redirect?.Path is { IsPrefix: true } || filters.Rewrite?.Path is { IsPrefix: true });
        if (replacesPrefix && read.Matches is not [{ PathType: HttpPathMatchType.PathPrefix }])
        {
            rule.Fail("a filter replaces a prefix, but the rule does not have exactly one match with a PathPrefix", "Give the prefix a rule of its own, or write 'replaceFullPath'");
        }
    }

    private static int? ReadStatus(YamlField? field)
    {
        if (field?.Integer(300, 399) is not { } status)
        {
            return null;
        }

        if (status is 301 or 302 or 303 or 307 or 308)
        {
            return status;
        }

        field.Value.Fail("it is not a status of a redirect", "Write 301, 302, 303, 307 or 308");
        return null;
    }

    private static PathModifier? ReadPath(YamlMap? map)
    {
        if (map is null)
        {
            return null;
        }

        var type = map.Required("type", "Write 'ReplaceFullPath' or 'ReplacePrefixMatch'")?.Word(["ReplaceFullPath", "ReplacePrefixMatch"]);
        var isPrefix = type == "ReplacePrefixMatch";
        var (own, other) = isPrefix ? ("replacePrefixMatch", "replaceFullPath") : ("replaceFullPath", "replacePrefixMatch");
        if (type is null)
        {
            map.Ignore(own, other);
            map.End();
            return null;
        }

        map.Field(other)?.Fail($"the type is {type}", $"Write '{own}'");
        var replacement = map.RequiredText(own, Path, "Write the new path");
        map.End();
        return new PathModifier(isPrefix, replacement);
    }

    // It ends up in a request line or a Location header: what breaks those is refused, whatever else may be in it.
    private static Mistake? Path(string text)
        => text.Length <= MaxPathLength && !text.Any(static character => char.IsControl(character) || character is ' ' or '#')
            ? null
            : new("it cannot stand in a request", $"Write a path of at most {MaxPathLength} characters without spaces, '#' and control characters");
}
