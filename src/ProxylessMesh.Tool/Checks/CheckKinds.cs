using System.Text.Json;
using System.Text.Json.Nodes;

namespace ProxylessMesh.Tool.Checks;

/// <summary>Answers one case. What it throws is the case's error.</summary>
internal delegate JsonObject Check(JsonElement testCase);

/// <summary>What <c>mesh check</c> can be asked: each kind goes through the code that a mesh runs.</summary>
internal static class CheckKinds
{
    private static readonly Dictionary<string, Check> Kinds = new(StringComparer.Ordinal)
    {
        ["authz"] = AuthzCheck.Answer,
        ["bootstrap"] = BootstrapCheck.Answer,
        ["manifest"] = ManifestCheck.Answer,
        ["match"] = MatchCheck.Answer,
        ["mtls"] = MtlsCheck.Answer,
        ["path"] = PathCheck.Answer,
        ["rbac"] = RbacCheck.Answer,
        ["route"] = RouteCheck.Answer,
        ["selection"] = SelectionCheck.Answer,
        ["spiffe"] = SpiffeCheck.Answer,
        ["xds"] = XdsCheck.Answer,
    };

    public static IEnumerable<string> Names => Kinds.Keys;

    public static Check Find(string name) => Kinds[name];
}
