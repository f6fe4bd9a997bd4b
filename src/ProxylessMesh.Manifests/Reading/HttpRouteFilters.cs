using ProxylessMesh.Manifests.Kinds;

namespace ProxylessMesh.Manifests.Reading;

/// <summary>Reads <c>filters</c> of an HTTPRoute's rule or backend.</summary>
internal static class HttpRouteFilters
{
    private static readonly (string Type, string Field)[] Supported =
    [
        ("RequestHeaderModifier", "requestHeaderModifier"),
        ("ResponseHeaderModifier", "responseHeaderModifier"),
    ];

    public static (HeaderModifier Request, HeaderModifier Response) Read(YamlMap owner)
    {
        var request = HeaderModifier.None;
        var response = HeaderModifier.None;
        var seen = new HashSet<string>(StringComparer.Ordinal);
        foreach (var map in owner.Field("filters")?.Items().Select(item => item.Map()).OfType<YamlMap>() ?? [])
        {
            var (type, modifier) = ReadFilter(map);
            if (type is not null && !seen.Add(type))
            {
                map.Fail($"there are two filters of type {type}", "Put all changes into one");
            }

            (request, response) = type == "RequestHeaderModifier" ? (modifier, response) : type is null ? (request, response) : (request, modifier);
        }

        return (request, response);
    }

    private static (string? Type, HeaderModifier Modifier) ReadFilter(YamlMap map)
    {
        var chosen = map.Required("type", "Write 'RequestHeaderModifier' or 'ResponseHeaderModifier'")?.Choice<int>(
            [(Supported[0].Type, 0), (Supported[1].Type, 1)],
            "RequestMirror", "RequestRedirect", "URLRewrite", "ExtensionRef", "CORS", "ExternalAuth");
        map.NotYet("requestMirror", "requestRedirect", "urlRewrite", "extensionRef", "cors", "externalAuth");
        if (chosen is not { } index)
        {
            map.Ignore(Supported[0].Field, Supported[1].Field);
            map.End();
            return (null, HeaderModifier.None);
        }

        var (type, field) = Supported[index];
        var content = map.Required(field, $"Write '{field}:' with 'set', 'add' or 'remove' below it")?.Map();
        foreach (var (otherType, other) in Supported.Where(other => other.Field != field))
        {
            map.Field(other)?.Fail($"the filter's type is {type}", $"Write it in a filter of type {otherType}");
        }

        map.End();
        return (type, content is null ? HeaderModifier.None : HeaderModifiers.ReadGateway(content));
    }
}
