using ProxylessMesh.Manifests.Kinds;

namespace ProxylessMesh.Manifests.Reading;

/// <summary>Reads Gateway API's <c>HTTPRoute</c>.</summary>
internal static class HttpRouteReader
{
    public static HttpRouteManifest? Read(YamlMap document, ManifestHeader header)
    {
        if (document.Required("spec", "Write 'spec:' with 'parentRefs:' and 'rules:' below it")?.Map() is not { } spec)
        {
            return null;
        }

        var route = new HttpRouteManifest
        {
            Name = header.Name,
            Parents = RouteParentReader.Read(spec, header),
            Rules = spec.Field("rules") is null ? [new HttpRouteRule()] : spec.List("rules", rule => ReadRule(rule, header)),
        };
        RouteRuleChecks.All(spec, route, route.Rules.Sum(rule => rule.Matches.Length));
        spec.NotYet("useDefaultGateways");
        spec.End();
        return route;
    }

    private static HttpRouteRule ReadRule(YamlMap map, ManifestHeader header)
    {
        var matches = map.List("matches", HttpRouteMatchReader.Read);
        var rule = new HttpRouteRule
        {
            Name = map.Text("name", TextRules.DnsName) ?? "",
            Matches = matches.IsEmpty ? [HttpRouteMatch.Everything] : matches,
            Filters = RouteFilterReader.Read(map, header, RouteFilterKinds.Http),
            Backends = RouteBackendReader.ReadAll(map, header, RouteFilterKinds.Http),
            Retry = ReadRetry(map.Map("retry")),
            Session = SessionPersistenceReader.Read(map.Map("sessionPersistence")),
        };
        RouteRuleChecks.One(map, rule, matches.Length);
        UrlFilterReader.CheckPrefixes(map, rule);
        rule = ReadTimeouts(map.Map("timeouts"), rule);
        map.End();
        return rule;
    }

    private static HttpRouteRule ReadTimeouts(YamlMap? map, HttpRouteRule rule)
    {
        if (map is null)
        {
            return rule;
        }

        rule = rule with
        {
            RequestTimeout = map.Duration("request", DurationSyntax.GatewayApi),
            BackendRequestTimeout = map.Duration("backendRequest", DurationSyntax.GatewayApi),
        };
        if (rule.RequestTimeout is { } request && request > TimeSpan.Zero && rule.BackendRequestTimeout > request)
        {
            map.Field("backendRequest")?.Fail($"one attempt may take longer than the whole call ({Durations.Show(request)})", $"Write at most {Durations.Show(request)}");
        }

        map.End();
        return rule;
    }

    private static HttpRouteRetry? ReadRetry(YamlMap? map)
    {
        if (map is null)
        {
            return null;
        }

        var retry = new HttpRouteRetry
        {
            Codes = map.Field("codes") is { } codes ? [.. codes.Items().Select(code => code.Integer(400, 599)).OfType<int>()] : [],
            Attempts = map.Integer("attempts", 0, 100),
            Backoff = map.Duration("backoff", DurationSyntax.GatewayApi),
        };
        map.End();
        return retry;
    }
}
