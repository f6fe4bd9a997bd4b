using System.Collections.Immutable;
using ProxylessMesh.Manifests.Kinds;

namespace ProxylessMesh.Manifests.Reading;

/// <summary>
/// Reads <c>ingress</c> of a Sidecar: under which of its own ports an application serves a port that callers aim at. There is no proxy
/// between the two, so callers are sent to the application's port; what only a proxy could do is refused.
/// </summary>
internal static class SidecarIngressReader
{
    private static readonly string[] Everywhere = ["", "127.0.0.1", "0.0.0.0", "::1", "::"];

    public static ImmutableArray<SidecarIngress> Read(YamlMap spec)
    {
        var entries = spec.List("ingress", ReadEntry);
        foreach (var twice in entries.OfType<SidecarIngress>().GroupBy(entry => entry.Port).Where(same => same.Count() > 1))
        {
            spec.Field("ingress")?.Fail($"port {twice.Key} is named twice", "Name it once");
        }

        return [.. entries.OfType<SidecarIngress>()];
    }

    private static SidecarIngress? ReadEntry(YamlMap map)
    {
        var port = map.Required("port", "Write 'port:' with the 'number:' that callers aim at")?.Map() is { } field ? SidecarPorts.Read(field, isSocket: false) : 0;
        SidecarPorts.CheckBind(map, mayBeSocket: false);
        map.Field("captureMode")?.Choice<int>([("DEFAULT", 0), ("IPTABLES", 1), ("NONE", 2)]);
        var target = ReadEndpoint(map.Field("defaultEndpoint")) ?? port;
        Refuse(map, "tls", "the application itself terminates TLS, with the mesh's certificates", "Use PeerAuthentication for mTLS, or the application's own settings");
        Refuse(map, "connectionPool", "no proxy stands in front of the application whose connections this could limit", "Write an InboundLimits for the workload");
        map.End();
        return port == 0 ? null : new SidecarIngress(port, target);
    }

    private static int? ReadEndpoint(YamlField? field)
    {
        if (field?.Text() is not { } text)
        {
            return null;
        }

        if (text.StartsWith(SidecarPorts.Socket, StringComparison.Ordinal))
        {
            field.Value.Fail("callers cannot reach a socket of another machine", "Write the application's port, such as '127.0.0.1:8080'");
            return null;
        }

        var colon = text.LastIndexOf(':');
        var isPort = colon >= 0 && Everywhere.Contains(text[..colon].Trim('[', ']')) && PortNumbers.Parse(text[(colon + 1)..]) is not null;
        if (!isPort)
        {
            field.Value.Fail("it is not a port of the application", "Write '127.0.0.1:8080', '0.0.0.0:8080', '[::1]:8080' or '[::]:8080'");
            return null;
        }

        return PortNumbers.Parse(text[(colon + 1)..]);
    }

    private static void Refuse(YamlMap map, string key, string problem, string cure)
    {
        if (map.Has(key))
        {
            map.Field(key)?.Fail(problem, cure);
        }
    }
}
