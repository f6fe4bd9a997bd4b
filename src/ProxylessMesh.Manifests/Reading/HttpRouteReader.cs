using System.Collections.Immutable;
using ProxylessMesh.Manifests.Kinds;

namespace ProxylessMesh.Manifests.Reading;

/// <summary>Reads Gateway API's <c>HTTPRoute</c>.</summary>
internal static class HttpRouteReader
{
    private const int MaxParents = 32;
    private const int MaxRules = 16;
    private const int MaxMatches = 64;

    public static HttpRouteManifest? Read(YamlMap document, ManifestHeader header)
    {
        if (document.Required("spec", "Write 'spec:' with 'parentRefs:' and 'rules:' below it")?.Map() is not { } spec)
        {
            return null;
        }

        var route = new HttpRouteManifest
        {
            Name = header.Name,
            Parents = ReadParents(spec, header),
            Rules = spec.Field("rules") is null ? [new HttpRouteRule()] : spec.List("rules", rule => ReadRule(rule, header)),
        };
        if (!spec.Has("rules"))
        {
            document.Errors.Add(
                spec.Node.At, "spec.rules", null, "without rules, every call to the parents is answered with 500", "Write 'rules' with 'backendRefs'", ManifestErrorSeverity.Warning);
        }

        CheckParents(spec, route);
        CheckRules(spec, route);
        spec.NotYet("hostnames", "useDefaultGateways");
        spec.End();
        return route;
    }

    private static ImmutableArray<HttpRouteParent> ReadParents(YamlMap spec, ManifestHeader header)
    {
        if (spec.Field("parentRefs") is null or { Node: ListNode { Items.IsEmpty: true } })
        {
            spec.Errors.Add(
                spec.Node.At, "spec.parentRefs", null, "without parents, the route is for no service and does nothing",
                "Write 'parentRefs:' with '- group: \"\"', 'kind: Service' and the service's 'name'", ManifestErrorSeverity.Warning);
        }

        return spec.List("parentRefs", map => ReadParent(map, header));
    }

    private static HttpRouteParent ReadParent(YamlMap map, ManifestHeader header)
    {
        var group = map.Field("group")?.Text();
        var kind = map.Field("kind")?.Text();
        if (group is null or not "" || kind != "Service")
        {
            map.Fail(
                $"the parent is a {kind ?? "Gateway"} of group '{group ?? "gateway.networking.k8s.io"}', and only services are supported yet",
                "Write 'group: \"\"' and 'kind: Service'");
        }

        var parent = new HttpRouteParent
        {
            Name = map.RequiredText("name", TextRules.DnsLabel, "Write the service's name"),
            Namespace = map.Text("namespace", TextRules.DnsLabel) ?? header.Namespace,
            Port = map.Integer("port", 1, 65535),
        };
        map.NotYet("sectionName");
        map.End();
        return parent;
    }

    private static void CheckParents(YamlMap spec, HttpRouteManifest route)
    {
        if (route.Parents.Length > MaxParents)
        {
            spec.Field("parentRefs")?.Fail($"there are more than {MaxParents} parents", "Split the route");
        }

        foreach (var same in route.Parents.Where(parent => parent.Name.Length > 0).GroupBy(parent => parent.Host).Where(group => group.Count() > 1))
        {
            if (same.Any(parent => parent.Port is null) || same.DistinctBy(parent => parent.Port).Count() < same.Count())
            {
                spec.Field("parentRefs")?.Fail($"service {same.Key} is named more than once without different ports", "Name it once, or give each reference its own 'port'");
            }
        }
    }

    private static void CheckRules(YamlMap spec, HttpRouteManifest route)
    {
        if (route.Rules.Length > MaxRules)
        {
            spec.Field("rules")?.Fail($"there are more than {MaxRules} rules", "Split the route");
        }

        foreach (var twice in route.Rules.Where(rule => rule.Name.Length > 0).GroupBy(rule => rule.Name).Where(group => group.Count() > 1))
        {
            spec.Field("rules")?.Fail($"two rules have the name '{twice.Key}'", "Give every rule its own name");
        }
    }

    private static HttpRouteRule ReadRule(YamlMap map, ManifestHeader header)
    {
        var (request, response) = HttpRouteFilters.Read(map);
        var matches = map.List("matches", HttpRouteMatchReader.Read);
        var rule = new HttpRouteRule
        {
            Name = map.Text("name", TextRules.DnsName) ?? "",
            Matches = matches.IsEmpty ? [HttpRouteMatch.Everything] : matches,
            RequestHeaders = request,
            ResponseHeaders = response,
            Backends = map.List("backendRefs", backend => ReadBackend(backend, header)),
            Retry = ReadRetry(map.Map("retry")),
        };
        if (matches.Length > MaxMatches)
        {
            map.Field("matches")?.Fail($"there are more than {MaxMatches} matches", "Split the rule");
        }

        if (rule.Backends.Sum(backend => (long)backend.Weight) == 0)
        {
            map.Errors.Add(
                map.Node.At, map.Path, null, "no backend has a weight, so every call that this rule takes is answered with 500", "Write 'backendRefs' with a weight over 0", ManifestErrorSeverity.Warning);
        }

        rule = ReadTimeouts(map.Map("timeouts"), rule);
        map.NotYet("sessionPersistence");
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

    private static HttpRouteBackend ReadBackend(YamlMap map, ManifestHeader header)
    {
        _ = map.Field("group")?.Choice<bool>([("", true)], "multicluster.x-k8s.io");
        _ = map.Field("kind")?.Choice<bool>([("Service", true)], "ServiceImport");
        var (request, response) = HttpRouteFilters.Read(map);
        var backend = new HttpRouteBackend
        {
            Name = map.RequiredText("name", TextRules.DnsLabel, "Write the service's name"),
            Namespace = map.Text("namespace", TextRules.DnsLabel) ?? header.Namespace,
            Port = map.Required("port", "Write the service's port, such as 80")?.Integer(1, 65535) ?? 0,
            Weight = map.Integer("weight", 0, 1_000_000) ?? 1,
            RequestHeaders = request,
            ResponseHeaders = response,
        };
        map.End();
        return backend;
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
            Attempts = map.Integer("attempts", 1, 100),
            Backoff = map.Duration("backoff", DurationSyntax.GatewayApi),
        };
        map.End();
        return retry;
    }
}
