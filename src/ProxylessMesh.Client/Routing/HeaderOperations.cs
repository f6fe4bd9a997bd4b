using System.Collections.Immutable;
using System.Net.Http.Headers;
using ProxylessMesh.Xds.Resources;

namespace ProxylessMesh.Client.Routing;

/// <summary>Header changes of a weighted cluster, its route and its virtual host, in this order (Envoy); each: remove, set, add.</summary>
internal sealed class HeaderOperations
{
    private readonly HeaderOperationsConfig[] _steps;

    private HeaderOperations(HeaderOperationsConfig[] steps) => _steps = steps;

    /// <returns>Null where nothing changes.</returns>
    public static HeaderOperations? Compile(params ReadOnlySpan<HeaderOperationsConfig> steps)
    {
        List<HeaderOperationsConfig> changes = [];
        foreach (var step in steps)
        {
            if (!step.IsEmpty)
            {
                changes.Add(step with { RequestSet = WithHost(step.RequestSet), RequestAdd = WithHost(step.RequestAdd) });
            }
        }

        return changes.Count == 0 ? null : new HeaderOperations([.. changes]);
    }

    // The authority of a call is what its Host header says; a request has one.
    private static ImmutableArray<KeyValuePair<string, string>> WithHost(ImmutableArray<KeyValuePair<string, string>> changes)
        => [.. changes.Select(static change => change.Key == ":authority" ? new("Host", change.Value) : change)];

    /// <summary>Changes a request and notes what was there before, so that it can be put back.</summary>
    public void Apply(HttpRequestMessage request, HeaderRestore restore)
    {
        foreach (var step in _steps)
        {
            foreach (var name in step.RequestRemove)
            {
                restore.Note(request, name);
                request.Headers.Remove(name);
            }

            foreach (var (name, value) in step.RequestSet)
            {
                restore.Note(request, name);
                request.Headers.Remove(name);
                request.Headers.TryAddWithoutValidation(name, value);
            }

            foreach (var (name, value) in step.RequestAdd)
            {
                restore.Note(request, name);
                if (name.Equals("Host", StringComparison.OrdinalIgnoreCase))
                {
                    request.Headers.Remove(name);
                }

                Append(request, name, value);
            }
        }
    }

    public void Apply(HttpResponseMessage response)
    {
        foreach (var step in _steps)
        {
            foreach (var name in step.ResponseRemove)
            {
                Remove(response, name);
            }

            foreach (var (name, value) in step.ResponseSet)
            {
                Remove(response, name);
                Add(response, name, value);
            }

            foreach (var (name, value) in step.ResponseAdd)
            {
                Add(response, name, value);
            }
        }
    }

    // One value for all, as Envoy's users compare them: HttpClient would put ", " between several. Cookies have a form of their own (RFC 6265 §4.2.1).
    private static void Append(HttpRequestMessage request, string name, string value)
    {
        if (request.Headers.NonValidated.TryGetValues(name, out var before) && !name.Equals("Cookie", StringComparison.OrdinalIgnoreCase))
        {
            value = $"{string.Join(',', before.AsEnumerable())},{value}";
            request.Headers.Remove(name);
        }

        request.Headers.TryAddWithoutValidation(name, value);
    }

    private static void Remove(HttpResponseMessage response, string name)
    {
        if (!TryRemove(response.Headers, name))
        {
            TryRemove(response.Content.Headers, name);
        }
    }

    private static void Add(HttpResponseMessage response, string name, string value)
    {
        if (!response.Headers.TryAddWithoutValidation(name, value))
        {
            response.Content.Headers.TryAddWithoutValidation(name, value);
        }
    }

    // Headers throw where a name belongs to the content's collection.
    private static bool TryRemove(HttpHeaders headers, string name) => headers.NonValidated.Contains(name) && headers.Remove(name);
}
