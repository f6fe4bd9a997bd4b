using System.Collections.Immutable;
using System.Net;

namespace ProxylessMesh.Manifests.Reading;

/// <summary>
/// Reads <c>tls</c> and <c>tcp</c> of a VirtualService. TLS routes are for connections that applications encrypt themselves, by the name in
/// their first message: no such connection passes through this mesh, so they are checked and take none. TCP routes would be for all
/// other bytes, which this mesh does not carry: refused.
/// </summary>
internal static class OpaqueRoutes
{
    public static void Read(YamlMap spec, ImmutableArray<string> hosts, VirtualServiceScope scope)
    {
        if (spec.Has("tls"))
        {
            ReadTls(spec, hosts, scope);
        }

        if (!spec.Has("tcp"))
        {
            return;
        }

        if (scope.IsForMesh || scope.IsDelegate)
        {
            spec.Field("tcp")?.Fail("the mesh carries HTTP and gRPC calls, and no other connections", "Remove it, or leave 'mesh' out of 'gateways'");
        }

        spec.Ignore("tcp");
    }

    private static void ReadTls(YamlMap spec, ImmutableArray<string> hosts, VirtualServiceScope scope)
    {
        if (scope.IsDelegate)
        {
            spec.Field("tls")?.Fail("a VirtualService without hosts cannot have TLS routes", "Remove it, or write 'hosts'");
        }
        else if (scope.IsForMesh)
        {
            spec.Field("tls")?.Warn("connections that applications encrypt themselves do not pass through the mesh, so these routes take none", "Write 'http' routes for calls");
        }

        _ = spec.List("tls", route => ReadTlsRoute(route, hosts, scope));
    }

    private static bool ReadTlsRoute(YamlMap map, ImmutableArray<string> hosts, VirtualServiceScope scope)
    {
        if (map.List("match", match => ReadTlsMatch(match, hosts, scope)).IsEmpty)
        {
            map.Fail("it matches nothing", "Write 'match:' with '- sniHosts:'");
        }

        if (VirtualServiceDestinations.Read(map, scope).IsEmpty && !map.Has("route"))
        {
            map.Fail("the route leads nowhere", "Write 'route:' with '- destination:' and its 'host'");
        }

        map.End();
        return true;
    }

    private static bool ReadTlsMatch(YamlMap map, ImmutableArray<string> hosts, VirtualServiceScope scope)
    {
        if (map.Texts("sniHosts", text => SniHost(text, hosts, scope)).IsEmpty && !map.Has("sniHosts"))
        {
            map.Fail("it names no host", "Write 'sniHosts:' with a list of names");
        }

        map.Integer("port", 1, 65535);
        map.TextMap("sourceLabels", TextRules.LabelKey, TextRules.LabelValue);
        map.Text("sourceNamespace", TextRules.DnsLabel);
        GatewayNames.Read(map);
        map.Ignore("destinationSubnets");
        map.End();
        return true;
    }

    private static Mistake? SniHost(string text, ImmutableArray<string> hosts, VirtualServiceScope scope)
    {
        if (IPAddress.TryParse(text, out _))
        {
            return null;
        }

        if ((scope.IsForMesh ? TextRules.HostPattern(text) : TextRules.GatewayHostPattern(text)) is { } mistake)
        {
            return mistake;
        }

        var name = HostNames.Resolve(text, scope.Namespace);
        return hosts.Any(host => host == name || (host.StartsWith('*') && name.EndsWith(host[1..], StringComparison.Ordinal)))
            ? null
            : new("it is none of the VirtualService's hosts", "Write one of 'hosts', or add it there");
    }
}
