using System.Collections.Immutable;
using ProxylessMesh.Manifests.Kinds;

namespace ProxylessMesh.Manifests.Reading;

/// <summary>Reads one of an HTTPRoute's <c>matches</c>.</summary>
internal static class HttpRouteMatchReader
{
    private const int MaxValues = 16;

    public static HttpRouteMatch Read(YamlMap map)
    {
        var (type, path) = ReadPath(map.Map("path"));
        var match = new HttpRouteMatch
        {
            PathType = type,
            Path = path,
            Method = ReadMethod(map.Field("method")),
            Headers = ReadValues(map, "headers", TextRules.HeaderName, ignoreCase: true),
            QueryParameters = ReadValues(map, "queryParams", TextRules.HeaderName, ignoreCase: false),
        };
        map.End();
        return match;
    }

    private static (HttpPathMatchType Type, string Path) ReadPath(YamlMap? map)
    {
        if (map is null)
        {
            return (HttpPathMatchType.PathPrefix, "/");
        }

        var type = map.Field("type")?.Choice<HttpPathMatchType>(
        [
            ("Exact", HttpPathMatchType.Exact),
            ("PathPrefix", HttpPathMatchType.PathPrefix),
            ("RegularExpression", HttpPathMatchType.RegularExpression),
        ]) ?? HttpPathMatchType.PathPrefix;
        var path = map.Text("value", type == HttpPathMatchType.RegularExpression ? TextRules.Expression : TextRules.GatewayPath) ?? "/";
        map.End();
        return (type, path);
    }

    private static string? ReadMethod(YamlField? field)
    {
        string[] methods = ["GET", "HEAD", "POST", "PUT", "DELETE", "CONNECT", "OPTIONS", "TRACE", "PATCH"];
        var words = Array.ConvertAll(methods, method => (method, 0));
        return field is { Node: ScalarNode scalar } known && known.Choice<int>(words) is not null ? scalar.Text : null;
    }

    /// <summary>Conditions on headers or query parameters, each name once.</summary>
    public static ImmutableArray<RouteValueMatch> ReadValues(YamlMap owner, string key, TextRule nameRule, bool ignoreCase)
    {
        var values = owner.List(key, map => ReadValue(map, nameRule, ignoreCase));
        if (values.Length > MaxValues)
        {
            owner.Field(key)?.Fail($"there are more than {MaxValues} conditions", "Split the match");
        }

        foreach (var twice in values.Where(value => value.Name.Length > 0).GroupBy(value => value.Name, StringComparer.Ordinal).Where(group => group.Count() > 1))
        {
            owner.Field(key)?.Fail($"'{twice.Key}' has more than one condition", "Write one condition for each name");
        }

        return values;
    }

    private static RouteValueMatch ReadValue(YamlMap map, TextRule nameRule, bool ignoreCase)
    {
        var isRegex = map.Field("type")?.Choice<bool>([("Exact", false), ("RegularExpression", true)]) ?? false;
        var name = map.RequiredText("name", nameRule, "Write the name");
        var value = map.RequiredText("value", isRegex ? TextRules.Expression : TextRules.NotEmpty, "Write the value");
        map.End();
        return new RouteValueMatch(ignoreCase ? HeaderNames.Lower(name) : name, value, isRegex);
    }
}
