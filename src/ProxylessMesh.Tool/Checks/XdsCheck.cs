using System.Collections.Frozen;
using System.Text.Json;
using System.Text.Json.Nodes;
using Google.Protobuf;
using ProxylessMesh.Xds.Client;

namespace ProxylessMesh.Tool.Checks;

/// <summary>
/// <c>mesh check xds</c>: whether a client of ours takes a resource (<c>typeUrl</c>, <c>value_b64</c>) or refuses it. The certificate
/// providers of its bootstrap are <c>certificateProviders</c>; where that is missing, it has any that the resource names.
/// </summary>
internal static class XdsCheck
{
    public static JsonObject Answer(JsonElement testCase)
    {
        var typeUrl = testCase.Text("typeUrl");
        var type = ResourceType.Find(typeUrl) ?? throw new FormatException($"'{typeUrl}' is no type of resource that a client asks for.");
        var providers = testCase.TryGetProperty("certificateProviders", out var named)
            ? named.EnumerateArray().Select(static name => name.GetString() ?? "").ToFrozenSet(StringComparer.Ordinal)
            : null;
        var decoded = type.Decode(ByteString.FromBase64(testCase.Text("value_b64")), providers);
        return decoded.Error is null
            ? new JsonObject { ["accepted"] = true }
            : new JsonObject { ["accepted"] = false, ["error"] = decoded.Error };
    }
}
