using System.Text.Json;
using Envoy.Config.Core.V3;
using Google.Protobuf.WellKnownTypes;

namespace ProxylessMesh.Client;

/// <summary>The standard bootstrap of xDS clients (gRFC A27), as far as a client needs it: another xDS server instead of the mesh's own.</summary>
/// <param name="Server">The first server: http (credentials <c>insecure</c>), https (<c>tls</c>) or a UNIX socket.</param>
/// <param name="Node">Who asks, as the file says.</param>
/// <param name="IgnoreResourceDeletion">The server feature of that name (gRFC A53).</param>
internal sealed record XdsBootstrap(Uri Server, Node Node, bool IgnoreResourceDeletion)
{
    /// <exception cref="FormatException">The file or variable cannot be used: what is wrong with it.</exception>
    public static XdsBootstrap Load()
    {
        var file = Environment.GetEnvironmentVariable(XdsBootstrapVariables.File);
        var (name, json) = string.IsNullOrEmpty(file)
            ? (XdsBootstrapVariables.Inline, Environment.GetEnvironmentVariable(XdsBootstrapVariables.Inline) ?? "")
            : ($"{XdsBootstrapVariables.File} ({file})", ReadFile(file));
        try
        {
            return Parse(json);
        }
        catch (Exception e) when (e is JsonException or FormatException or InvalidOperationException or KeyNotFoundException)
        {
            throw new FormatException($"The xDS bootstrap in {name} cannot be used: {e.Message}", e);
        }
    }

    public static XdsBootstrap Parse(string json)
    {
        using var document = JsonDocument.Parse(json);
        var root = document.RootElement;
        if (!root.TryGetProperty("xds_servers", out var servers) || servers.GetArrayLength() == 0)
        {
            throw new FormatException("xds_servers is empty; name one server.");
        }

        var server = servers[0];
        var features = server.TryGetProperty("server_features", out var list) ? list.EnumerateArray().Select(static feature => feature.GetString()).ToList() : [];
        return new XdsBootstrap(
            Address(server.GetProperty("server_uri").GetString() ?? "", Credentials(server)),
            root.TryGetProperty("node", out var node) ? ReadNode(node) : new Node { UserAgentName = "proxylessmesh" },
            features.Contains("ignore_resource_deletion"));
    }

    private static string ReadFile(string file)
    {
        try
        {
            return File.ReadAllText(file);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new FormatException($"The xDS bootstrap file '{file}' named by {XdsBootstrapVariables.File} cannot be read: {e.Message}", e);
        }
    }

    // The first kind of credentials that is understood (gRFC A27).
    private static string Credentials(JsonElement server)
    {
        foreach (var credentials in server.GetProperty("channel_creds").EnumerateArray())
        {
            var type = credentials.GetProperty("type").GetString();
            if (type is "insecure" or "tls")
            {
                return type;
            }
        }

        throw new FormatException("channel_creds has neither 'insecure' nor 'tls', the two that are understood.");
    }

    private static Uri Address(string target, string credentials)
    {
        if (target.StartsWith("unix:", StringComparison.Ordinal))
        {
            return new Uri(target);
        }

        var authority = target.StartsWith("dns:///", StringComparison.Ordinal) ? target[7..] : target.StartsWith("dns:", StringComparison.Ordinal) ? target[4..] : target;
        return Uri.TryCreate($"{(credentials == "tls" ? "https" : "http")}://{authority}", UriKind.Absolute, out var address)
            ? address
            : throw new FormatException($"server_uri '{target}' is not host:port or unix:path.");
    }

    private static Node ReadNode(JsonElement json)
    {
        var node = new Node
        {
            Id = Text(json, "id"),
            Cluster = Text(json, "cluster"),
            UserAgentName = "proxylessmesh",
            UserAgentVersion = Workloads.MeshNode.LibraryVersion,
            ClientFeatures = { "envoy.lb.does_not_support_overprovisioning", "xds.config.resource-in-sotw" },
        };
        if (json.TryGetProperty("locality", out var locality))
        {
            node.Locality = new Locality { Region = Text(locality, "region"), Zone = Text(locality, "zone"), SubZone = Text(locality, "sub_zone") };
        }

        if (json.TryGetProperty("metadata", out var metadata))
        {
            node.Metadata = ReadValue(metadata).StructValue;
        }

        return node;
    }

    private static string Text(JsonElement json, string name) => json.TryGetProperty(name, out var value) ? value.GetString() ?? "" : "";

    private static Value ReadValue(JsonElement json)
    {
        switch (json.ValueKind)
        {
            case JsonValueKind.Object:
                var fields = new Struct();
                foreach (var property in json.EnumerateObject())
                {
                    fields.Fields[property.Name] = ReadValue(property.Value);
                }

                return Value.ForStruct(fields);
            case JsonValueKind.Array:
                return Value.ForList([.. json.EnumerateArray().Select(ReadValue)]);
            case JsonValueKind.Number:
                return Value.ForNumber(json.GetDouble());
            case JsonValueKind.String:
                return Value.ForString(json.GetString() ?? "");
            case JsonValueKind.True or JsonValueKind.False:
                return Value.ForBool(json.GetBoolean());
            default:
                return Value.ForNull();
        }
    }
}
