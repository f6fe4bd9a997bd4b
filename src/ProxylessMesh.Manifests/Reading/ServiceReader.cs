using System.Collections.Immutable;
using ProxylessMesh.Manifests.Kinds;

namespace ProxylessMesh.Manifests.Reading;

/// <summary>Reads core/v1 <c>Service</c>.</summary>
internal static class ServiceReader
{
    public static ServiceManifest? Read(YamlMap document, ManifestHeader header)
    {
        if (document.Required("spec", "Write 'spec:' with 'ports:' below it")?.Map() is not { } spec)
        {
            return null;
        }

        var service = new ServiceManifest
        {
            Name = header.Name,
            Ports = ReadPorts(spec),
            Selector = spec.TextMap("selector", TextRules.LabelKey, TextRules.LabelValue),
            ServiceAccounts = ReadServiceAccounts(document, header),
        };

        service = ServiceTraits.Read(spec, service);
        spec.End();
        return service;
    }

    private static ImmutableArray<ServicePort> ReadPorts(YamlMap spec)
    {
        if (spec.Field("ports") is not { } field)
        {
            return [];
        }

        var maps = field.Items().Select(item => item.Map()).OfType<YamlMap>().ToArray();
        ImmutableArray<ServicePort> ports = [.. maps.Select(ReadPort)];
        var carried = Enumerable.Range(0, ports.Length).Where(i => IsTcp(maps[i])).ToImmutableArray();
        ImmutableArray<ServicePort> tcp = [.. carried.Select(i => ports[i])];
        for (var i = 0; i < tcp.Length; i++)
        {
            CheckUnique(maps[carried[i]], tcp, i, maps.Length);
        }

        return tcp;
    }

    private static ServicePort ReadPort(YamlMap map)
    {
        var port = new ServicePort
        {
            Name = map.Text("name", TextRules.DnsLabel) ?? "",
            Port = map.Required("port", "Write the port that callers use, such as 80")?.Integer(1, 65535) ?? 0,
            AppProtocol = map.Text("appProtocol", TextRules.NotEmpty),
        };
        var target = map.Field("targetPort");
        var isName = target?.Node is ScalarNode { IsNumber: false };
        map.Ignore("protocol", "nodePort");
        map.End();
        return port with
        {
            TargetPort = isName ? null : target?.Integer(1, 65535) ?? port.Port,
            TargetPortName = isName ? target?.Text(TextRules.PortName) : null,
        };
    }

    // Another protocol is another port, even with the same number.
    private static bool IsTcp(YamlMap map)
    {
        if (map.Field("protocol") is not { } protocol || protocol.Choice<bool>([("TCP", true), ("UDP", false), ("SCTP", false)]) is not false)
        {
            return true;
        }

        protocol.Warn("calls of the mesh are HTTP over TCP, so the port is left out", "Nothing, if others use it");
        return false;
    }

    private static void CheckUnique(YamlMap map, ImmutableArray<ServicePort> ports, int index, int written)
    {
        var port = ports[index];
        if (written > 1 && port.Name.Length == 0 && !map.Has("name"))
        {
            map.Fail("it has no name, and the service has several ports", "Give every port a 'name'");
        }

        if (ports.Take(index).Any(other => other.Name.Length > 0 && other.Name == port.Name))
        {
            map.Field("name")?.Fail("another port of the service has this name", "Give every port its own name");
        }

        if (ports.Take(index).Any(other => other.Port != 0 && other.Port == port.Port))
        {
            map.Field("port")?.Fail("the service has this port already", "Remove one of the two");
        }
    }

    private static ImmutableArray<string> ReadServiceAccounts(YamlMap document, ManifestHeader header)
    {
        if (!header.Annotations.TryGetValue(ServiceManifest.ServiceAccountsAnnotation, out var text))
        {
            return [];
        }

        var names = text.Split(',', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries);
        foreach (var name in names.Where(name => TextRules.DnsName(name) is not null))
        {
            document.Errors.Add(
                document.Node.At, $"metadata.annotations[\"{ServiceManifest.ServiceAccountsAnnotation}\"]", name, "it is not the name of a service account", "Write names separated by commas");
        }

        return [.. names];
    }
}
