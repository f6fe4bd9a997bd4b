using System.Diagnostics.CodeAnalysis;
using System.Text.Json;
using ProxylessMesh.Xds.Matching;

namespace ProxylessMesh.Tool.Checks;

/// <summary>The request of a case as matchers see it: a path and headers, each with a list of values.</summary>
internal readonly struct CaseInput(string path, JsonElement headers) : IMatchInput
{
    public ReadOnlySpan<char> Path => PathNormalization.RemoveQueryAndFragment(path);

    public ReadOnlySpan<char> Query => path.IndexOf('?', StringComparison.Ordinal) is var start and >= 0 ? path.AsSpan(start + 1) : default;

    public string Method => TryGetHeader(":method", out var method) ? method : "GET";

    public string Scheme => TryGetHeader(":scheme", out var scheme) ? scheme : "";

    public string Authority => TryGetHeader(":authority", out var authority) ? authority : "";

    public bool TryGetHeader(string name, [NotNullWhen(true)] out string? value)
    {
        value = null;
        if (headers.ValueKind == JsonValueKind.Object)
        {
            foreach (var header in headers.EnumerateObject().Where(header => header.Name.Equals(name, StringComparison.OrdinalIgnoreCase)))
            {
                value = header.Value.ValueKind == JsonValueKind.Array
                    ? string.Join(',', header.Value.EnumerateArray().Select(static part => part.GetString()))
                    : header.Value.GetString();
            }
        }

        return value is not null;
    }
}
