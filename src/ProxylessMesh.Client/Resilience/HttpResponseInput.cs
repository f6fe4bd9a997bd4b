using System.Diagnostics.CodeAnalysis;
using ProxylessMesh.Xds.Matching;

namespace ProxylessMesh.Client.Resilience;

/// <summary>The headers of an answer as matchers see them; of what only requests have, it has nothing.</summary>
internal readonly struct HttpResponseInput(HttpResponseMessage response) : IMatchInput
{
    public ReadOnlySpan<char> Path => default;

    public ReadOnlySpan<char> Query => default;

    public string Method => "";

    public string Scheme => "";

    public string Authority => "";

    public bool TryGetHeader(string name, [NotNullWhen(true)] out string? value)
    {
        if (!response.Headers.NonValidated.TryGetValues(name, out var values) && !response.Content.Headers.NonValidated.TryGetValues(name, out values))
        {
            value = null;
            return false;
        }

        value = string.Join(',', (IEnumerable<string>)values);
        return true;
    }
}
