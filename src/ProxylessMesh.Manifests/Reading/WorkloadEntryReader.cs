using System.Net;
using ProxylessMesh.Manifests.Kinds;

namespace ProxylessMesh.Manifests.Reading;

/// <summary>Reads Istio's <c>WorkloadEntry</c>, also where it stands as an endpoint of a ServiceEntry.</summary>
internal static class WorkloadEntryReader
{
    private const string UnixPrefix = "unix://";

    public static WorkloadEntryManifest? Read(YamlMap document, ManifestHeader header)
        => document.Required("spec", "Write 'spec:' with 'address:' below it")?.Map() is { } spec
            ? new WorkloadEntryManifest { Name = header.Name, Endpoint = ReadEndpoint(spec) }
            : null;

    public static EntryEndpoint ReadEndpoint(YamlMap map)
    {
        var network = map.Text("network", TextRules.NotEmpty);
        var endpoint = new EntryEndpoint
        {
            Address = ReadAddress(map, network),
            Ports = map.TextMap("ports", TextRules.NotEmpty, field => field.Integer(1, 65535) ?? 0),
            Labels = map.TextMap("labels", TextRules.LabelKey, TextRules.LabelValue),
            Locality = map.Text("locality", Locality) ?? "",
            Weight = map.Integer("weight", 0, 65535) is > 0 and { } weight ? weight : 1,
            ServiceAccount = map.Text("serviceAccount", TextRules.DnsName) ?? "",
        };
        map.End();
        return endpoint;
    }

    private static string ReadAddress(YamlMap map, string? network)
    {
        var field = map.Field("address");
        if (field is null)
        {
            if (network is null)
            {
                map.Fail("it has no address", "Write 'address:' with an IP address or a DNS name");
            }
            else
            {
                map.Field("network")?.Warn("there are no gateways between networks, so nothing without an address is called", "Write its address");
            }

            return "";
        }

        var address = field.Value.Text(Address) ?? "";
        if (!address.StartsWith(UnixPrefix, StringComparison.Ordinal))
        {
            return address;
        }

        field.Value.Fail("the mesh calls over TCP only", "Write an IP address or a DNS name");
        return "";
    }

    private static Mistake? Address(string text)
        => text.StartsWith(UnixPrefix, StringComparison.Ordinal) || IPAddress.TryParse(text, out _) || TextRules.Host(text) is null
            ? null
            : new("it is neither an IP address nor a DNS name", "Write an address such as 10.0.0.1, or a name such as 'vm1.example.com'");

    private static Mistake? Locality(string text)
        => text.Length > 0 && text.Split('/').Length <= 3 && !text.Contains('*', StringComparison.Ordinal) ? null : new("it is no place", "Write 'region/zone/subzone'; the last parts may be left out");
}
