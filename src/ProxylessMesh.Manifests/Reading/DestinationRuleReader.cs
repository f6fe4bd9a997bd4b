using ProxylessMesh.Manifests.Kinds;

namespace ProxylessMesh.Manifests.Reading;

/// <summary>Reads Istio's <c>DestinationRule</c>.</summary>
internal static class DestinationRuleReader
{
    public static DestinationRuleManifest? Read(YamlMap document, ManifestHeader header)
    {
        if (document.Required("spec", "Write 'spec:' with 'host:' below it")?.Map() is not { } spec)
        {
            return null;
        }

        var rule = new DestinationRuleManifest
        {
            Name = header.Name,
            Host = HostNames.Resolve(spec.RequiredText("host", TextRules.HostOrWildcard, "Write the service, such as 'catalog'"), header.Namespace),
            TrafficPolicy = TrafficPolicyReader.Read(spec.Map("trafficPolicy")),
            Subsets = spec.List("subsets", ReadSubset),
            ExportTo = ExportTo.Read(spec, header.Namespace),
            WorkloadSelector = Selectors.Read(spec, "workloadSelector"),
        };
        foreach (var twice in rule.Subsets.Where(subset => subset.Name.Length > 0).GroupBy(subset => subset.Name).Where(group => group.Count() > 1))
        {
            spec.Field("subsets")?.Fail($"two subsets have the name '{twice.Key}'", "Give every subset its own name");
        }

        spec.End();
        return rule;
    }

    private static DestinationSubset ReadSubset(YamlMap map)
    {
        var subset = new DestinationSubset
        {
            Name = map.RequiredText("name", TextRules.DnsLabel, "Write a name for routes to refer to"),
            Labels = map.TextMap("labels", TextRules.LabelKey, TextRules.LabelValue),
            TrafficPolicy = TrafficPolicyReader.Read(map.Map("trafficPolicy")),
        };
        map.End();
        return subset;
    }
}
