using System.Text.Json;
using Envoy.Config.Core.V3;
using Google.Protobuf.WellKnownTypes;

namespace ProxylessMesh.Xds.Bootstrap;

/// <summary>The node of a bootstrap, with what this client says of itself.</summary>
internal static class BootstrapNodeReader
{
    private static readonly string Version = typeof(BootstrapNodeReader).Assembly.GetName().Version?.ToString(3) ?? "0.0.0";

    public static Node Read(BootstrapField? field)
    {
        var node = new Node
        {
            UserAgentName = "proxylessmesh",
            UserAgentVersion = Version,
            ClientFeatures = { "envoy.lb.does_not_support_overprovisioning", "xds.config.resource-in-sotw" },
        };
        if (field is null)
        {
            return node;
        }

        node.Id = field.Text("id") ?? "";
        node.Cluster = field.Text("cluster") ?? "";
        if (field.Object("locality") is { } locality)
        {
            node.Locality = new Locality
            {
                Region = locality.Text("region") ?? "",
                Zone = locality.Text("zone") ?? "",
                SubZone = locality.Text("sub_zone") ?? "",
            };
        }

        if (field.Any("metadata") is { ValueKind: JsonValueKind.Object } metadata)
        {
            node.Metadata = ReadValue(metadata).StructValue;
        }

        return node;
    }

    // JsonDocument itself stops at a depth of 64.
    private static Value ReadValue(JsonElement json) => json.ValueKind switch
    {
        JsonValueKind.Object => Value.ForStruct(ReadStruct(json)),
        JsonValueKind.Array => Value.ForList([.. json.EnumerateArray().Select(ReadValue)]),
        JsonValueKind.Number => Value.ForNumber(json.GetDouble()),
        JsonValueKind.String => Value.ForString(json.GetString() ?? ""),
        JsonValueKind.True or JsonValueKind.False => Value.ForBool(json.GetBoolean()),
        _ => Value.ForNull(),
    };

    private static Struct ReadStruct(JsonElement json)
    {
        var fields = new Struct();
        foreach (var member in json.EnumerateObject())
        {
            fields.Fields[member.Name] = ReadValue(member.Value);
        }

        return fields;
    }
}
