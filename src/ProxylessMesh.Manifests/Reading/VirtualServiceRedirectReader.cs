using ProxylessMesh.Manifests.Kinds;

namespace ProxylessMesh.Manifests.Reading;

/// <summary>Reads <c>redirect</c> of a VirtualService's route.</summary>
internal static class VirtualServiceRedirectReader
{
    private static readonly int[] Codes = [301, 302, 303, 307, 308];

    public static VirtualServiceRedirect? Read(YamlMap? map)
    {
        if (map is null)
        {
            return null;
        }

        if (!map.Has("uri") && !map.Has("prefixRewrite") && !map.Has("authority") && !map.Has("port") && !map.Has("derivePort") && !map.Has("scheme"))
        {
            map.Fail("it leads nowhere else", "Write one of uri, prefixRewrite, authority, scheme, port and derivePort");
        }

        RefuseBoth(map, "uri", "prefixRewrite");
        RefuseBoth(map, "port", "derivePort");
        var redirect = new VirtualServiceRedirect
        {
            Uri = map.Text("uri", HeaderText),
            PrefixRewrite = map.Text("prefixRewrite", HeaderText),
            Authority = map.Text("authority", HeaderText),
            Port = map.Integer("port", 1, 65535),
            IsPortOfRequest = map.Field("derivePort")?.Choice<bool>([("FROM_PROTOCOL_DEFAULT", false), ("FROM_REQUEST_PORT", true)]) ?? false,
            NamesPort = map.Has("port") || map.Has("derivePort"),
            Scheme = map.Field("scheme")?.Text(text => text is "http" or "https" ? null : new("it is no scheme of the web", "Write 'http' or 'https'")),
            Code = ReadCode(map.Field("redirectCode")),
        };
        map.End();
        return redirect;
    }

    private static int ReadCode(YamlField? field)
    {
        if (field?.Integer(300, 399) is not { } code)
        {
            return 301;
        }

        if (!Codes.Contains(code))
        {
            field.Value.Fail("no redirect with this status can be made", $"Write one of {string.Join(", ", Codes)}");
        }

        return code;
    }

    private static void RefuseBoth(YamlMap map, string one, string other)
    {
        if (map.Has(one) && map.Has(other))
        {
            map.Field(other)?.Fail($"it stands beside '{one}'", "Keep one of the two");
        }
    }

    private static Mistake? HeaderText(string text) => TextRules.NotEmpty(text) ?? TextRules.HeaderValue(text);
}
