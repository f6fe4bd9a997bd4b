using ProxylessMesh.Manifests.Kinds;

namespace ProxylessMesh.Manifests.Reading;

/// <summary>
/// Reads <c>sessionPersistence</c> (GEP-1619). Both forms that the experimental channel has had are taken: a name below <c>cookie</c> or
/// <c>header</c>, and before that <c>sessionName</c> with <c>cookieConfig</c>.
/// </summary>
internal static class SessionPersistenceReader
{
    public static SessionPersistence? Read(YamlMap? map)
    {
        if (map is null)
        {
            return null;
        }

        var isCookie = map.Field("type")?.Choice<bool>([("Cookie", true), ("Header", false)]) ?? true;
        var (own, other) = isCookie ? ("cookie", "header") : ("header", "cookie");
        map.Field(other)?.Fail($"the type is {(isCookie ? "Cookie" : "Header")}", $"Write '{own}:' with its 'name' below it");
        var name = map.Text("sessionName", TextRules.HeaderName);
        var isPermanent = false;
        if (map.Map(own) is { } named)
        {
            name = named.RequiredText("name", TextRules.HeaderName, $"Write the {own}'s name");
            isPermanent = isCookie && IsPermanent(named);
            named.End();
        }

        if (map.Map("cookieConfig") is { } cookieConfig)
        {
            isPermanent = IsPermanent(cookieConfig);
            cookieConfig.End();
            if (!isCookie)
            {
                map.Field("cookieConfig")?.Fail("the type is Header", "Remove it");
            }
        }

        if (name is null)
        {
            map.Errors.Add(map.Node.At, $"{map.Path}.{own}", null, "it is missing", $"Write '{own}:' with the {own}'s 'name' below it");
        }

        var timeout = map.Duration("absoluteTimeout", DurationSyntax.GatewayApi, TimeSpan.FromSeconds(1));
        if (timeout is null && isPermanent)
        {
            map.Fail("a permanent cookie needs to know for how long", "Write 'absoluteTimeout'");
        }
        else if (timeout is not null && !isCookie)
        {
            map.Field("absoluteTimeout")?.Fail("a header says nothing of its age, so nothing here could end its session", "Remove it, or use a cookie");
        }

        map.NotYet("idleTimeout");
        map.End();
        return new SessionPersistence { IsCookie = isCookie, Name = name ?? "", AbsoluteTimeout = timeout };
    }

    private static bool IsPermanent(YamlMap map) => map.Field("lifetimeType")?.Choice<bool>([("Session", false), ("Permanent", true)]) ?? false;
}
