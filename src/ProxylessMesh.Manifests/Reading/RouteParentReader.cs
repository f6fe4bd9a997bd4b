using System.Collections.Immutable;
using ProxylessMesh.Manifests.Kinds;

namespace ProxylessMesh.Manifests.Reading;

/// <summary>Reads <c>parentRefs</c> and <c>hostnames</c> of HTTPRoutes and GRPCRoutes.</summary>
internal static class RouteParentReader
{
    private const int MaxParents = 32;
    private const int MaxHostnames = 16;

    /// <summary>The parents that are Services. Others are legal and have no effect, which is pointed at.</summary>
    public static ImmutableArray<RouteParent> Read(YamlMap spec, ManifestHeader header)
    {
        if (spec.Field("parentRefs") is null or { Node: ListNode { Items.IsEmpty: true } })
        {
            spec.Errors.Add(
                spec.Node.At, "spec.parentRefs", null, "without parents, the route is for no service and does nothing",
                "Write 'parentRefs:' with '- group: \"\"', 'kind: Service' and the service's 'name'", ManifestErrorSeverity.Warning);
        }

        var references = spec.Field("parentRefs")?.Items().Select((item, index) => item.Map() is { } map ? Reference(map, header, index) : null).OfType<ParentReference>().ToList() ?? [];
        if (references.Count > MaxParents)
        {
            spec.Field("parentRefs")?.Fail($"there are more than {MaxParents} parents", "Split the route");
        }

        CheckSameParents(spec, references);
        ReadHostnames(spec);
        return [.. references.Select(reference => reference.Service).OfType<RouteParent>()];
    }

    private static ParentReference Reference(YamlMap map, ManifestHeader header, int index)
    {
        var group = map.Text("group", TextRules.ApiGroup) ?? "gateway.networking.k8s.io";
        var kind = map.Text("kind", TextRules.ApiKind) ?? "Gateway";
        var isService = group.Length == 0 && kind == "Service";
        var name = map.RequiredText("name", isService ? TextRules.DnsLabel : TextRules.ObjectName, "Write the service's name");
        var ns = map.Text("namespace", TextRules.DnsLabel);
        var section = map.Text("sectionName", TextRules.DnsName);
        var port = map.Integer("port", 1, 65535);
        map.End();
        if (isService)
        {
            return new ParentReference(group, kind, name, ns, section, port, new RouteParent { Name = name, Namespace = ns ?? header.Namespace, Port = port, PortName = section, Index = index });
        }

        map.Warn(
            $"nothing here is a {kind} of group '{group}', so the route is not attached to it (NoMatchingParent)",
            "Write 'group: \"\"' and 'kind: Service' to route calls to a service");
        return new ParentReference(group, kind, name, ns, section, port, null);
    }

    // Several references to one parent must be told apart, all in the same way: by section, by port, or by both.
    private static void CheckSameParents(YamlMap spec, List<ParentReference> references)
    {
        foreach (var same in references.Where(reference => reference.Name.Length > 0).GroupBy(reference => (reference.Group, reference.Kind, reference.Name, reference.Namespace)).Where(group => group.Count() > 1))
        {
            var shapes = same.Select(reference => (reference.Section is not null, reference.Port is not null)).Distinct().ToList();
            if (shapes is not [not (false, false)] || same.DistinctBy(reference => (reference.Section, reference.Port)).Count() < same.Count())
            {
                spec.Field("parentRefs")?.Fail(
                    $"{same.Key.Kind} {same.Key.Name} is named more than once without different 'sectionName' or 'port'", "Name it once, or give each reference its own 'port'");
            }
        }
    }

    private static void ReadHostnames(YamlMap spec)
    {
        var hostnames = spec.Texts("hostnames", TextRules.GatewayHostname);
        if (hostnames.Length > MaxHostnames)
        {
            spec.Field("hostnames")?.Fail($"there are more than {MaxHostnames} host names", "Split the route");
        }

        if (!hostnames.IsEmpty)
        {
            spec.Field("hostnames")?.Warn("host names have no effect on routes of Services (GEP-1294)", "Match the header 'Host' where it matters, and leave 'hostnames' out");
        }
    }

    private sealed record ParentReference(string Group, string Kind, string Name, string? Namespace, string? Section, int? Port, RouteParent? Service);
}
