using System.Text.Json;
using System.Text.Json.Nodes;
using ProxylessMesh.ControlPlane.Translation;

namespace ProxylessMesh.Tool.Checks;

/// <summary><c>mesh check selection</c>: which of the AuthorizationPolicies in <c>policies</c> are for a workload (<c>workload</c>), by action.</summary>
internal static class SelectionCheck
{
    private static readonly string[] Actions = ["DENY", "ALLOW", "AUDIT", "CUSTOM"];

    public static JsonObject Answer(JsonElement testCase)
    {
        var policies = new CasePolicies(testCase);
        var workload = policies.Workload(testCase);

        var selecting = policies.Manifests.AuthorizationPolicies.Where(policy => AuthorizationTranslator.Selects(policy, workload, policies.Manifests))
            .ToLookup(static policy => policy.Action.ToString().ToUpperInvariant(), policies.NameOf);
        return new JsonObject(Actions.Select(action => KeyValuePair.Create<string, JsonNode?>(action, new JsonArray([.. selecting[action].Select(static name => JsonValue.Create(name))]))));
    }
}
