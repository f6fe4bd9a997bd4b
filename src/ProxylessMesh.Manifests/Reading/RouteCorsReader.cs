using System.Collections.Immutable;
using System.Globalization;
using ProxylessMesh.Manifests.Kinds;

namespace ProxylessMesh.Manifests.Reading;

/// <summary>Reads the <c>cors</c> filter (GEP-1767). The caller ends the map.</summary>
internal static class RouteCorsReader
{
    private const int MaxEntries = 64;
    private const int MaxMethods = 9;

    private static readonly string[] Methods = ["GET", "HEAD", "POST", "PUT", "DELETE", "CONNECT", "OPTIONS", "TRACE", "PATCH", "*"];

    public static RouteCors Read(YamlMap map) => new()
    {
        AllowOrigins = Set(map, "allowOrigins", Origin, MaxEntries, anyStandsAlone: true),
        AllowMethods = Set(map, "allowMethods", Method, MaxMethods, anyStandsAlone: true),
        AllowHeaders = Set(map, "allowHeaders", TextRules.HeaderName, MaxEntries, anyStandsAlone: true),
        ExposeHeaders = Set(map, "exposeHeaders", TextRules.HeaderName, MaxEntries, anyStandsAlone: false),
        AllowCredentials = map.Field("allowCredentials")?.Boolean() ?? false,
        MaxAgeSeconds = map.Integer("maxAge", 1, int.MaxValue) ?? 5,
    };

    private static ImmutableArray<string> Set(YamlMap map, string key, TextRule rule, int most, bool anyStandsAlone)
    {
        var values = map.Texts(key, rule);
        if (values.Length > most)
        {
            map.Field(key)?.Fail($"there are more than {most} entries", "Write fewer, or '*' alone");
        }

        if (values.Distinct(StringComparer.Ordinal).Count() < values.Length)
        {
            map.Field(key)?.Fail("an entry is written twice", "Write each once");
        }

        if (anyStandsAlone && values.Length > 1 && values.Contains("*"))
        {
            map.Field(key)?.Fail("'*' stands beside other entries", "Write '*' alone, or the others without it");
        }

        return values;
    }

    private static Mistake? Method(string text)
        => Methods.Contains(text) ? null : new("it is not a method", $"Write one of {string.Join(", ", Methods)}");

    /// <summary><c>*</c>, or <c>scheme://host[:port]</c> whose host may begin with <c>*.</c> or be <c>*</c>.</summary>
    private static Mistake? Origin(string text)
    {
        var mistake = new Mistake("it is not an origin", "Write '*', or 'https://' or 'http://' with a host such as 'shop.example' or '*.shop.example' and, if need be, a port");
        if (text == "*")
        {
            return null;
        }

        var rest = text.StartsWith("https://", StringComparison.Ordinal) ? text[8..] : text.StartsWith("http://", StringComparison.Ordinal) ? text[7..] : null;
        if (rest is null || text.Length > 253)
        {
            return mistake;
        }

        var colon = rest.IndexOf(':', StringComparison.Ordinal);
        var host = colon < 0 ? rest : rest[..colon];
        var hasPort = colon < 0 || (rest.Length - colon <= 6 && int.TryParse(rest.AsSpan(colon + 1), NumberStyles.None, CultureInfo.InvariantCulture, out var port) && port is > 0 and <= 65535);
        return hasPort && (host == "*" || TextRules.PreciseHostname(HeaderNames.Lower(host.StartsWith("*.", StringComparison.Ordinal) ? host[2..] : host)) is null) ? null : mistake;
    }
}
