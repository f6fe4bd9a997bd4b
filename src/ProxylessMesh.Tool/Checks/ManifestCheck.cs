using System.Text.Json;
using System.Text.Json.Nodes;
using ProxylessMesh.Manifests;

namespace ProxylessMesh.Tool.Checks;

/// <summary><c>mesh check manifest</c>: whether one manifest (<c>resource</c>) is taken, by the reader that the control plane uses.</summary>
internal static class ManifestCheck
{
    public static JsonObject Answer(JsonElement testCase)
    {
        var reading = ManifestReader.Read(testCase.Required("resource").GetRawText(), "case");
        return new JsonObject
        {
            ["valid"] = reading.IsValid,
            ["errors"] = Messages(reading.Errors),
            ["warnings"] = Messages(reading.Warnings),
        };
    }

    internal static JsonArray Messages(IEnumerable<ManifestError> errors) => [.. errors.Select(static error => JsonValue.Create(error.Message))];
}
