namespace ProxylessMesh.Client.Routing;

/// <summary>What a request's headers were before the mesh changed them: outer handlers may send the same message again.</summary>
internal sealed class HeaderRestore
{
    private readonly List<(string Name, string[] Values)> _before = [];

    public void Note(HttpRequestMessage request, string name)
    {
        foreach (var (noted, _) in _before)
        {
            if (string.Equals(noted, name, StringComparison.OrdinalIgnoreCase))
            {
                return;
            }
        }

        _before.Add((name, request.Headers.NonValidated.TryGetValues(name, out var values) ? [.. values] : []));
    }

    public void Set(HttpRequestMessage request, string name, string value)
    {
        Note(request, name);
        request.Headers.Remove(name);
        request.Headers.TryAddWithoutValidation(name, value);
    }

    public void Undo(HttpRequestMessage request)
    {
        foreach (var (name, values) in _before)
        {
            request.Headers.Remove(name);
            if (values.Length > 0)
            {
                request.Headers.TryAddWithoutValidation(name, values);
            }
        }

        _before.Clear();
    }
}
