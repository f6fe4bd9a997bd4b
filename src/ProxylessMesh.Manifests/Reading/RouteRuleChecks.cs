using ProxylessMesh.Manifests.Kinds;

namespace ProxylessMesh.Manifests.Reading;

/// <summary>What holds for the rules of HTTPRoutes and GRPCRoutes alike.</summary>
internal static class RouteRuleChecks
{
    public const int MaxMatches = 64;
    private const int MaxRules = 16;
    private const int MaxMatchesOfAllRules = 128;

    public static void All(YamlMap spec, RouteManifest route, int matches)
    {
        var rules = route.AllRules.ToList();
        if (spec.Field("rules") is { Node: ListNode { Items.IsEmpty: true } } empty)
        {
            empty.Fail("there are no rules in it", "Write a rule, or remove the field");
        }

        if (rules.Count > MaxRules)
        {
            spec.Field("rules")?.Fail($"there are more than {MaxRules} rules", "Split the route");
        }

        if (matches > MaxMatchesOfAllRules)
        {
            spec.Field("rules")?.Fail($"the rules have more than {MaxMatchesOfAllRules} matches together", "Split the route");
        }

        foreach (var twice in rules.Where(rule => rule.Name.Length > 0).GroupBy(rule => rule.Name).Where(group => group.Count() > 1))
        {
            spec.Field("rules")?.Fail($"two rules have the name '{twice.Key}'", "Give every rule its own name");
        }

        if (!spec.Has("rules"))
        {
            spec.Errors.Add(
                spec.Node.At, "spec.rules", null, "without rules, every call to the parents is answered with 500", "Write 'rules' with 'backendRefs'", ManifestErrorSeverity.Warning);
        }
    }

    public static void One(YamlMap map, RouteRule rule, int matches)
    {
        if (matches > MaxMatches)
        {
            map.Field("matches")?.Fail($"there are more than {MaxMatches} matches", "Split the rule");
        }

        if (rule.Filters.Redirect is not null)
        {
            if (!rule.Backends.IsEmpty)
            {
                map.Field("backendRefs")?.Fail("a call that is redirected goes to no backend", "Remove the backends, or the RequestRedirect filter");
            }
        }
        else if (rule.Backends.Sum(backend => (long)backend.Weight) == 0)
        {
            map.Warn("no backend has a weight, so every call that this rule takes is answered with 500", "Write 'backendRefs' with a weight over 0");
        }
    }
}
