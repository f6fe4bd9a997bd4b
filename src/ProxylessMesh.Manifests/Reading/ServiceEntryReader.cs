using System.Collections.Immutable;
using System.Net;
using ProxylessMesh.Manifests.Kinds;

namespace ProxylessMesh.Manifests.Reading;

/// <summary>Reads Istio's <c>ServiceEntry</c>.</summary>
internal static class ServiceEntryReader
{
    private static readonly string[] HttpProtocols = ["HTTP", "HTTP2", "GRPC", "GRPC-WEB", "HTTPS", "TLS", ""];

    // Istio's other words; calls of the mesh are HTTP.
    private static readonly string[] OtherProtocols = ["TCP", "UDP", "MONGO", "REDIS", "MYSQL", "HBONE"];

    public static ServiceEntryManifest? Read(YamlMap document, ManifestHeader header)
    {
        if (document.Required("spec", "Write 'spec:' with 'hosts:' and 'ports:' below it")?.Map() is not { } spec)
        {
            return null;
        }

        var entry = new ServiceEntryManifest
        {
            Name = header.Name,
            Hosts = ReadHosts(spec),
            Addresses = spec.Aside("addresses") is { } addresses ? [.. addresses.Items().Select(item => item.Text(Address)).OfType<string>()] : [],
            Ports = spec.List("ports", ReadPort),
            IsMeshInternal = spec.Field("location")?.Choice<bool>([("MESH_EXTERNAL", false), ("MESH_INTERNAL", true)]) ?? false,
            Resolution = spec.Field("resolution")?.Choice<ServiceEntryResolution>(
                [
                    ("NONE", ServiceEntryResolution.None), ("STATIC", ServiceEntryResolution.Static), ("DNS", ServiceEntryResolution.Dns),
                    ("DNS_ROUND_ROBIN", ServiceEntryResolution.DnsRoundRobin), ("DYNAMIC_DNS", ServiceEntryResolution.DynamicDns),
                ]) ?? ServiceEntryResolution.None,
            Endpoints = spec.List("endpoints", map => WorkloadEntryReader.ReadEndpoint(map)),
            WorkloadSelector = ReadSelector(spec),
            ExportTo = ExportTo.Read(spec, header.Namespace, mayBeNobody: true),
            SubjectAltNames = spec.Texts("subjectAltNames", TextRules.NotEmpty),
        };
        CheckPorts(spec, entry);
        ServiceEntryRules.Check(spec, entry);
        spec.End();
        return entry;
    }

    private static ImmutableArray<string> ReadHosts(YamlMap spec)
    {
#pragma warning disable CA1308 // DNS names are shown in lower case.
        ImmutableArray<string> hosts = [.. spec.Texts("hosts", Host).Select(host => host.TrimEnd('.').ToLowerInvariant())];
#pragma warning restore CA1308
        if (spec.Field("hosts") is null or { Node: ListNode { Items.IsEmpty: true } })
        {
            spec.Fail("it names no hosts", "Write 'hosts:' with the names that applications call");
        }

        return hosts;
    }

    private static ServiceEntryPort ReadPort(YamlMap map)
    {
        var port = new ServiceEntryPort
        {
            Number = map.Required("number", "Write the port that callers use, such as 443")?.Integer(1, 65535) ?? 0,
            Name = map.RequiredText("name", TextRules.NotEmpty, "Write a name, unique in this entry"),
            Protocol = map.Text("protocol")?.ToUpperInvariant() ?? "",
            TargetPort = map.Integer("targetPort", 1, 65535),
        };
        if (OtherProtocols.Contains(port.Protocol))
        {
            map.Field("protocol")?.Warn("calls of the mesh are HTTP, so nobody can call this port through it", "Write HTTP, HTTP2, GRPC, HTTPS or TLS, or leave the port out");
        }
        else if (!HttpProtocols.Contains(port.Protocol))
        {
            map.Field("protocol")?.Fail("it is no protocol", "Write HTTP, HTTP2, GRPC, HTTPS or TLS");
        }

        map.End();
        return port;
    }

    private static void CheckPorts(YamlMap spec, ServiceEntryManifest entry)
    {
        foreach (var twice in entry.Ports.Where(port => port.Number > 0).GroupBy(port => port.Number).Where(same => same.Count() > 1))
        {
            spec.Field("ports")?.Fail($"port {twice.Key} is there twice", "Remove one of the two");
        }

        foreach (var twice in entry.Ports.Where(port => port.Name.Length > 0).GroupBy(port => port.Name).Where(same => same.Count() > 1))
        {
            spec.Field("ports")?.Fail($"two ports have the name '{twice.Key}'", "Give every port its own name");
        }
    }

    private static ImmutableSortedDictionary<string, string>? ReadSelector(YamlMap spec)
    {
        if (spec.Map("workloadSelector") is not { } selector)
        {
            return null;
        }

        var labels = selector.TextMap("labels", TextRules.LabelKey, TextRules.LabelValue);
        selector.End();
        return labels;
    }

    // Istio takes '*example.com' too: a part of a label.
    private static Mistake? Host(string text)
        => text == "*" ? new("it is every name there is", "Write the names that applications call, or '*.example.com'")
            : TextRules.Host(text.StartsWith("*.", StringComparison.Ordinal) ? text[2..] : text.StartsWith('*') ? text[1..] : text) is null ? null
            : new("it is not a host name", "Write a name such as 'api.example.com' or '*.example.com', without scheme and port");

    private static Mistake? Address(string text)
        => IPAddress.TryParse(text, out _) || (text.Split('/') is [var prefix, var length] && IPAddress.TryParse(prefix, out var address)
                && int.TryParse(length, out var bits) && bits >= 0 && bits <= (address.GetAddressBytes().Length * 8))
            ? null
            : new("it is neither an IP address nor a range", "Write an address such as 10.0.0.1, or a range such as 10.0.0.0/8");
}
