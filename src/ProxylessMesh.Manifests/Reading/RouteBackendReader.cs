using System.Collections.Immutable;
using ProxylessMesh.Manifests.Kinds;

namespace ProxylessMesh.Manifests.Reading;

/// <summary>Reads <c>backendRefs</c> of rules and the <c>backendRef</c> of mirrors.</summary>
internal static class RouteBackendReader
{
    private const int MaxBackends = 16;

    public static ImmutableArray<RouteBackend> ReadAll(YamlMap rule, ManifestHeader header, RouteFilterKinds filters)
    {
        var backends = rule.List("backendRefs", map =>
        {
            var backend = Reference(map, header) with
            {
                Weight = map.Integer("weight", 0, 1_000_000) ?? 1,
                Filters = RouteFilterReader.Read(map, header, filters),
            };
            map.End();
            return backend;
        });
        if (backends.Length > MaxBackends)
        {
            rule.Field("backendRefs")?.Fail($"there are more than {MaxBackends} backends", "Split the rule");
        }

        return backends;
    }

    /// <summary>The reference alone; the caller ends the map.</summary>
    public static RouteBackend Reference(YamlMap map, ManifestHeader header)
    {
        var group = map.Text("group", TextRules.ApiGroup) ?? "";
        var kind = map.Text("kind", TextRules.ApiKind) ?? "Service";
        var isService = group.Length == 0 && kind == "Service";
        var name = map.RequiredText("name", isService ? TextRules.DnsLabel : TextRules.ObjectName, "Write the service's name");
        var ns = map.Text("namespace", TextRules.DnsLabel) ?? header.Namespace;
        var port = isService ? map.Required("port", "Write the service's port, such as 80") : map.Field("port");
        if (!isService && map.Errors.ErrorCount == 0)
        {
            map.Warn(
                $"a {kind} of group '{group}' cannot take calls here (InvalidKind): its share is answered with 500, and mirrors to it are left out",
                "Name a Service: leave 'group' and 'kind' out");
        }

        return new RouteBackend { Name = name, Namespace = ns, Port = port?.Integer(1, 65535) ?? 0, IsService = isService };
    }
}
