using System.Globalization;
using System.Text.Json;
using System.Text.Json.Nodes;
using ProxylessMesh.ControlPlane.Translation;

namespace ProxylessMesh.Tool.Checks;

/// <summary><c>mesh check mtls</c>: which connections a workload (<c>workload</c>) takes by the PeerAuthentications in <c>policies</c>.</summary>
internal static class MtlsCheck
{
    public static JsonObject Answer(JsonElement testCase)
    {
        var policies = new CasePolicies(testCase);
        var modes = MtlsModes.Of(policies.Manifests, policies.Workload(testCase));
        var answer = new JsonObject { ["mode"] = Word(modes.Mode) };
        if (!modes.PerPort.IsEmpty)
        {
            answer["perPort"] = new JsonObject(modes.PerPort.Select(static port => KeyValuePair.Create<string, JsonNode?>(port.Key.ToString(CultureInfo.InvariantCulture), Word(port.Value))));
        }

        return answer;
    }

    private static string Word(Manifests.Kinds.MtlsMode mode) => mode.ToString().ToUpperInvariant();
}
