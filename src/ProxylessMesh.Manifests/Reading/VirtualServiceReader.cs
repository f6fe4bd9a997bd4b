using System.Collections.Immutable;
using ProxylessMesh.Manifests.Kinds;

namespace ProxylessMesh.Manifests.Reading;

/// <summary>Reads Istio's <c>VirtualService</c>.</summary>
internal static class VirtualServiceReader
{
    public static VirtualServiceManifest? Read(YamlMap document, ManifestHeader header)
    {
        if (document.Required("spec", "Write 'spec:' with 'hosts:' and 'http:' below it")?.Map() is not { } spec)
        {
            return null;
        }

        var gateways = GatewayNames.Read(spec);
        var scope = new VirtualServiceScope(
            header.Namespace,
            IsDelegate: spec.Field("hosts") is null or { Node: ListNode { Items.IsEmpty: true } },
            IsForMesh: gateways.IsEmpty || gateways.Contains(GatewayNames.Mesh));
        var service = new VirtualServiceManifest
        {
            Name = header.Name,
            Hosts = ReadHosts(spec, scope),
            IsForMesh = scope.IsForMesh,
            ExportTo = ExportTo.Read(spec, header.Namespace),
            Http = spec.List("http", route => VirtualServiceRouteReader.Read(route, scope)),
        };
        OpaqueRoutes.Read(spec, service.Hosts, scope);
        Check(spec, service);
        spec.End();
        return service;
    }

    private static void Check(YamlMap spec, VirtualServiceManifest service)
    {
        if (service.Http.IsEmpty && !spec.Has("tls") && !spec.Has("tcp"))
        {
            spec.Fail("it has no routes", "Write 'http:' with a list of routes");
        }

        if (service.IsDelegate && spec.Field("gateways") is { } gateways)
        {
            gateways.Fail("it has no hosts, so others delegate to it, and their gateways count", "Remove 'gateways', or write 'hosts'");
        }
        else if (!service.IsForMesh)
        {
            spec.Field("gateways")?.Warn("it is for gateways only, and this mesh has none: it has no effect here", "Add 'mesh' for calls inside the mesh");
        }

        UnreachableRoutes.Warn(spec, service);
    }

    private static ImmutableArray<string> ReadHosts(YamlMap spec, VirtualServiceScope scope)
    {
        TextRule rule = scope.IsForMesh ? TextRules.HostPattern : TextRules.GatewayHostPattern;
        ImmutableArray<string> hosts = [.. spec.Texts("hosts", rule).Select(host => HostNames.Resolve(host, scope.Namespace))];
        if (scope.IsForMesh && hosts.Contains("*"))
        {
            spec.Field("hosts")?.Fail("'*' is for gateways only: inside the mesh it would take over every service", "Name the services");
        }

        foreach (var twice in hosts.GroupBy(host => host).Where(group => group.Count() > 1))
        {
            spec.Field("hosts")?.Fail($"host '{twice.Key}' is named twice", "Name it once");
        }

        foreach (var (host, wildcard) in hosts.SelectMany(host => hosts.Where(other => Covers(other, host)).Select(other => (host, other))))
        {
            spec.Field("hosts")?.Fail($"'{wildcard}' covers '{host}' already", "Keep one of the two");
        }

        return hosts;
    }

    private static bool Covers(string wildcard, string host)
        => wildcard.StartsWith('*') && wildcard != host && host.EndsWith(wildcard[1..], StringComparison.Ordinal);
}
