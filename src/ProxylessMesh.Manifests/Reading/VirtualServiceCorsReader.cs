using ProxylessMesh.Manifests.Kinds;

namespace ProxylessMesh.Manifests.Reading;

/// <summary>Reads <c>corsPolicy</c> of a VirtualService's route.</summary>
internal static class VirtualServiceCorsReader
{
    private static readonly string[] Methods = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "CONNECT", "OPTIONS", "TRACE", "*"];

    public static VirtualServiceCors? Read(YamlMap? map)
    {
        if (map is null)
        {
            return null;
        }

        var cors = new VirtualServiceCors
        {
            AllowOrigins = [.. ReadOrigins(map)],
            AllowMethods = map.Texts("allowMethods", Method),
            AllowHeaders = map.Texts("allowHeaders", HeaderName),
            ExposeHeaders = map.Texts("exposeHeaders", HeaderName),
            MaxAge = ReadMaxAge(map.Field("maxAge")),
            AllowCredentials = map.Field("allowCredentials")?.Boolean(),
            IgnoresUnmatchedPreflights = map.Field("unmatchedPreflights")?.Choice<bool>([("UNSPECIFIED", false), ("FORWARD", false), ("IGNORE", true)]) ?? false,
        };
        map.End();
        return cors;
    }

    private static List<StringMatch> ReadOrigins(YamlMap map)
    {
        var origins = map.Field("allowOrigins")?.Items().Select(Origin).OfType<StringMatch>().ToList() ?? [];
        if (map.Has("allowOrigin") && map.Field("allowOrigin") is { } old)
        {
            old.Warn("the field is deprecated", "Write 'allowOrigins: [{ exact: … }]'");
            origins.AddRange(old.Items().Select(item => item.Text(TextRules.NotEmpty)).OfType<string>().Select(text => new StringMatch(StringMatchKind.Exact, text)));
        }

        return origins;
    }

    private static StringMatch? Origin(YamlField field)
    {
        var match = StringMatches.Read(field);
        if (match is { Value: "" })
        {
            field.Fail("it is empty", "Write an origin, such as 'https://shop.example'");
        }

        return match;
    }

    private static TimeSpan? ReadMaxAge(YamlField? field)
    {
        var age = field?.Duration(DurationSyntax.Istio, TimeSpan.FromMilliseconds(1));
        if (age is { } length && length.Ticks % TimeSpan.TicksPerSecond != 0)
        {
            field?.Fail("it is told in whole seconds", "Write a duration such as '600s'");
        }

        return age;
    }

    private static Mistake? Method(string text)
        => Methods.Contains(text) ? null : new("it is not a method of HTTP", NearestWord.To(text, Methods) is { } nearest ? $"Write '{nearest}'" : $"Write some of {string.Join(", ", Methods)}");

    private static Mistake? HeaderName(string text) => text == "*" ? null : TextRules.HeaderName(text);
}
