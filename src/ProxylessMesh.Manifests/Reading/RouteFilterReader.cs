using ProxylessMesh.Manifests.Kinds;

namespace ProxylessMesh.Manifests.Reading;

/// <summary>Which filters a route's kind has.</summary>
internal enum RouteFilterKinds
{
    Http,
    Grpc,
}

/// <summary>Reads <c>filters</c> of a rule or backend. Each filter is a union: a type, and the one field that belongs to it.</summary>
internal static class RouteFilterReader
{
    private const int MaxFilters = 16;

    private static readonly (string Type, string Field)[] HttpFilters =
    [
        ("RequestHeaderModifier", "requestHeaderModifier"),
        ("ResponseHeaderModifier", "responseHeaderModifier"),
        ("RequestMirror", "requestMirror"),
        ("ExtensionRef", "extensionRef"),
        ("RequestRedirect", "requestRedirect"),
        ("URLRewrite", "urlRewrite"),
        ("CORS", "cors"),
    ];

    private static readonly (string Type, string Field)[] GrpcFilters = HttpFilters[..4];

    public static RouteFilters Read(YamlMap owner, ManifestHeader header, RouteFilterKinds kinds)
    {
        var items = owner.Field("filters")?.Items().Select(item => item.Map()).OfType<YamlMap>().ToList() ?? [];
        if (items.Count > MaxFilters)
        {
            owner.Field("filters")?.Fail($"there are more than {MaxFilters} filters", "Split the rule");
        }

        var filters = RouteFilters.None;
        var seen = new HashSet<string>(StringComparer.Ordinal);
        foreach (var map in items)
        {
            filters = ReadOne(map, header, kinds == RouteFilterKinds.Http ? HttpFilters : GrpcFilters, filters, out var type);
            if (type is not (null or "RequestMirror" or "ExtensionRef") && !seen.Add(type))
            {
                map.Fail($"there are two filters of type {type}", "Put all changes into one");
            }
        }

        if (filters is { Redirect: not null, Rewrite: not null })
        {
            owner.Field("filters")?.Fail("RequestRedirect and URLRewrite exclude each other", "Keep one of the two: a call that is redirected goes to no backend");
        }

        return filters;
    }

    private static RouteFilters ReadOne(YamlMap map, ManifestHeader header, (string Type, string Field)[] known, RouteFilters filters, out string? type)
    {
        var words = Array.ConvertAll(known, filter => (filter.Type, filter.Field));
        type = map.Required("type", $"Write one of {string.Join(", ", known.Select(filter => filter.Type))}")?.Word(words.Select(word => word.Type).ToArray(), "ExternalAuth");
        map.NotYet("externalAuth");
        var chosen = type;
        foreach (var (otherType, other) in known.Where(other => chosen is not null && other.Type != chosen))
        {
            map.Field(other)?.Fail($"the filter's type is {chosen}", $"Write it in a filter of type {otherType}");
        }

        if (chosen is null)
        {
            map.Ignore([.. known.Select(filter => filter.Field)]);
            map.End();
            return filters;
        }

        var field = known.First(filter => filter.Type == chosen).Field;
        var content = map.Required(field, $"Write '{field}:' with its fields below it")?.Map();
        map.End();
        if (content is null)
        {
            return filters;
        }

        filters = chosen switch
        {
            "RequestHeaderModifier" => filters with { RequestHeaders = HeaderModifiers.ReadGateway(content) },
            "ResponseHeaderModifier" => filters with { ResponseHeaders = HeaderModifiers.ReadGateway(content) },
            "RequestMirror" => filters with { Mirrors = filters.Mirrors.Add(ReadMirror(content, header)) },
            "RequestRedirect" => filters with { Redirect = UrlFilterReader.ReadRedirect(content) },
            "URLRewrite" => filters with { Rewrite = UrlFilterReader.ReadRewrite(content) },
            "CORS" => filters with { Cors = RouteCorsReader.Read(content) },
            _ => filters with { HasUnresolved = ReadExtension(content) },
        };
        content.End();
        return filters;
    }

    private static RequestMirror ReadMirror(YamlMap map, ManifestHeader header)
    {
        var backend = map.Required("backendRef", "Write 'backendRef:' with the service's 'name' and 'port' below it")?.Map();
        var mirror = new RequestMirror { Backend = backend is null ? new RouteBackend { Name = "", Namespace = "", Port = 0, IsService = false } : RouteBackendReader.Reference(backend, header) };
        backend?.End();
        var percent = map.Integer("percent", 0, 100);
        if (map.Map("fraction") is not { } fraction)
        {
            return mirror with { Numerator = percent ?? 100 };
        }

        if (percent is not null)
        {
            map.Field("percent")?.Fail("'percent' and 'fraction' exclude each other", "Write one of the two");
        }

        var denominator = fraction.Integer("denominator", 1, int.MaxValue) ?? 100;
        var numerator = fraction.Required("numerator", "Write how many of the calls are copied")?.Integer(0, int.MaxValue) ?? 0;
        if (numerator > denominator)
        {
            fraction.Field("numerator")?.Fail($"it is more than the denominator {denominator}", "Write a fraction of at most 1");
        }

        fraction.End();
        return mirror with { Numerator = numerator, Denominator = denominator };
    }

    private static bool ReadExtension(YamlMap map)
    {
        _ = map.Required("group", "Write the group of the filter's kind")?.Text(TextRules.ApiGroup);
        var kind = map.Required("kind", "Write the filter's kind")?.Text(TextRules.ApiKind);
        _ = map.RequiredText("name", TextRules.ObjectName, "Write the filter's name");
        map.Warn($"nothing here knows filters of kind '{kind}', so every call that would pass it is answered with 500", "Remove the filter, or write what it does with the other filter types");
        return true;
    }
}
