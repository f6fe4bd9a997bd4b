using System.Text.Json;
using System.Text.Json.Nodes;
using ProxylessMesh.Xds.Matching;

namespace ProxylessMesh.Tool.Checks;

/// <summary><c>mesh check path</c>: what becomes of a path (<c>input</c>) by one operation (<c>op</c>), or whether a template matches it. Null: refused.</summary>
internal static class PathCheck
{
    public static JsonObject Answer(JsonElement testCase)
    {
        var path = testCase.Text("input");
        JsonNode? result = testCase.Text("op") switch
        {
            "normalize" => PathNormalization.Normalize(path),
            "merge_slashes" => PathNormalization.MergeSlashes(path),
            "unescape_slashes" => PathNormalization.UnescapeSlashes(path),
            "remove_query_and_fragment" => PathNormalization.RemoveQueryAndFragment(path),
            "uri_template_match" => UriTemplate.TryParse(testCase.Text("pattern"), out var template, out _) ? template.Matches(path) : null,
            var op => throw new FormatException($"There is no operation '{op}'. Use normalize, merge_slashes, unescape_slashes, remove_query_and_fragment or uri_template_match."),
        };
        return new JsonObject { ["result"] = result };
    }
}
