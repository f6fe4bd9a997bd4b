using ProxylessMesh.Manifests.Kinds;

namespace ProxylessMesh.Manifests.Reading;

/// <summary>Reads one of a VirtualService's <c>http</c> routes, and what of its fields excludes each other.</summary>
internal static class VirtualServiceRouteReader
{
    public static VirtualServiceRoute Read(YamlMap map, VirtualServiceScope scope)
    {
        var (request, response) = HeaderModifiers.ReadIstio(map);
        var isRoot = map.Has("delegate");
        var route = new VirtualServiceRoute
        {
            Name = map.Text("name", TextRules.NotEmpty) ?? "",
            Matches = map.List("match", match => VirtualServiceMatchReader.Read(match, scope, isRoot)),
            Destinations = VirtualServiceDestinations.Read(map, scope),
            Redirect = VirtualServiceRedirectReader.Read(map.Map("redirect")),
            DirectResponse = VirtualServiceDirectResponseReader.Read(map.Map("directResponse")),
            Delegate = ReadDelegate(map.Map("delegate"), scope),
            Rewrite = VirtualServiceRewriteReader.Read(map.Map("rewrite")),
            Cors = VirtualServiceCorsReader.Read(map.Map("corsPolicy")),
            Fault = VirtualServiceFaultReader.Read(map.Map("fault")),
            Timeout = map.Duration("timeout", DurationSyntax.Istio),
            Retries = VirtualServiceRetriesReader.Read(map.Map("retries")),
            RequestHeaders = request,
            ResponseHeaders = response,
        };
        route = VirtualServiceDestinations.AddMirrors(route, map, scope);
        CheckAction(map, scope);
        CheckAuthority(map, route);
        CheckPrefix(map, route);
        map.End();
        return route;
    }

    private static DelegateReference? ReadDelegate(YamlMap? map, VirtualServiceScope scope)
    {
        if (map is null)
        {
            return null;
        }

        if (scope.IsDelegate)
        {
            map.Fail("a VirtualService without hosts is delegated to and cannot delegate", "Write the routes here, or give it 'hosts'");
        }

        var name = map.RequiredText("name", TextRules.DnsName, "Write the name of a VirtualService without hosts");
        var ns = map.Text("namespace", TextRules.DnsLabel) ?? scope.Namespace;
        map.End();
        return name.Length == 0 ? null : new DelegateReference(name, ns);
    }

    // Exactly one of the four says what happens; what only makes sense for calls that go out stands beside 'route' alone.
    private static void CheckAction(YamlMap map, VirtualServiceScope scope)
    {
        string[] actions = [.. ((string[])["route", "redirect", "directResponse", "delegate"]).Where(map.Has)];
        if (actions.Length == 0)
        {
            map.Fail("the route leads nowhere", scope.IsDelegate ? "Write 'route:', 'redirect:' or 'directResponse:'" : "Write 'route:' with '- destination:' and its 'host'");
        }
        else if (actions.Length > 1)
        {
            map.Field(actions[1])?.Fail($"it stands beside '{actions[0]}'", "Keep one of route, redirect, directResponse and delegate");
        }

        if (actions is not ["redirect" or "directResponse"])
        {
            return;
        }

        foreach (var other in ((string[])["fault", "rewrite"]).Where(map.Has))
        {
            map.Field(other)?.Fail($"it stands beside '{actions[0]}', with which no call goes out", "Remove one of the two");
        }
    }

    private static void CheckAuthority(YamlMap map, VirtualServiceRoute route)
    {
        var places = route.RequestHeaders.Set.Concat(route.RequestHeaders.Add).Count(header => header.IsAuthority) + (route.Rewrite?.Authority is null ? 0 : 1);
        if (places > 1)
        {
            map.Fail("the authority is set in several places", "Set it once: in 'rewrite.authority' or among 'headers.request.set'");
        }
    }

    private static void CheckPrefix(YamlMap map, VirtualServiceRoute route)
    {
        if (route.Redirect?.PrefixRewrite is not null && route.Matches.Any(match => match.Uri is { Kind: not StringMatchKind.Prefix }))
        {
            map.Map("redirect")?.Field("prefixRewrite")?.Fail("the route matches something else than a prefix", "Match 'uri: { prefix: … }', or write 'uri' instead");
        }
    }
}
