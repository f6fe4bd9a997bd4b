using System.Text.Json;
using System.Text.Json.Nodes;
using ProxylessMesh.Xds.Bootstrap;

namespace ProxylessMesh.Tool.Checks;

/// <summary><c>mesh check bootstrap</c>: whether a process can start with this <c>bootstrap</c>, and what it understands by it.</summary>
internal static class BootstrapCheck
{
    public static JsonObject Answer(JsonElement testCase)
    {
        try
        {
            var bootstrap = XdsBootstrapReader.Parse(testCase.Text("bootstrap"), "the case");
            var server = bootstrap.Servers[0];
            return new JsonObject
            {
                ["accepted"] = true,
                ["server"] = server.Address.ToString(),
                ["tls"] = server.Tls is not null,
                ["features"] = new JsonArray([.. server.Features.Order(StringComparer.Ordinal).Select(static feature => JsonValue.Create(feature))]),
                ["clientListenerTemplate"] = bootstrap.ClientListenerTemplate,
                ["serverListenerTemplate"] = bootstrap.ServerListenerTemplate,
            };
        }
        catch (FormatException refused)
        {
            return new JsonObject { ["accepted"] = false, ["error"] = refused.Message };
        }
    }
}
