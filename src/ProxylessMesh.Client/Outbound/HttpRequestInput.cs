using System.Diagnostics.CodeAnalysis;
using System.Net.Http.Headers;
using ProxylessMesh.Xds.Matching;

namespace ProxylessMesh.Client.Outbound;

/// <summary>An outgoing request as matchers see it.</summary>
internal readonly struct HttpRequestInput(HttpRequestMessage request, Uri uri, string authority) : IMatchInput
{
    public ReadOnlySpan<char> Path => uri.AbsolutePath;

    public ReadOnlySpan<char> Query => uri.Query is { Length: > 0 } query ? query.AsSpan(1) : default;

    public string Method => request.Method.Method;

    public string Scheme => uri.Scheme;

    public string Authority => request.Headers.Host ?? authority;

    public bool TryGetHeader(string name, [NotNullWhen(true)] out string? value)
    {
        if (!request.Headers.NonValidated.TryGetValues(name, out var values)
            && (request.Content is not { } content || !content.Headers.NonValidated.TryGetValues(name, out values)))
        {
            value = null;
            return false;
        }

        value = values.Count == 1 ? values.ToString() : Join(values);
        return true;
    }

    private static string Join(HeaderStringValues values) => string.Join(',', (IEnumerable<string>)values);
}
