using System.Collections.Immutable;

namespace ProxylessMesh.Manifests.Reading;

/// <summary>Reads Istio's <c>gateways</c>: <c>mesh</c>, which means calls inside the mesh, or gateways, which this mesh does not have.</summary>
internal static class GatewayNames
{
    public const string Mesh = "mesh";

    public static ImmutableArray<string> Read(YamlMap map) => map.Texts("gateways", Name);

    // 'name', 'namespace/name', or the old form 'name.namespace.svc.cluster.local'.
    private static Mistake? Name(string text)
    {
        var parts = text.Split('/');
        var isName = parts switch
        {
            [var name] => TextRules.Host(name) is null,
            [var ns, var name] => (ns == "." || TextRules.DnsLabel(ns) is null) && TextRules.DnsLabel(name) is null,
            _ => false,
        };
        return isName ? null : new("it is not the name of a gateway", "Write 'mesh' for calls inside the mesh; a gateway is 'name' or 'namespace/name'");
    }
}
