namespace ProxylessMesh.Client.Routing;

/// <summary>Parameters of a query, as they are written: nothing is decoded (Envoy).</summary>
internal static class QueryText
{
    /// <param name="query">With or without its <c>?</c>.</param>
    /// <param name="name">The parameter's name.</param>
    /// <param name="value">The first value; empty where the parameter has none.</param>
    public static bool First(ReadOnlySpan<char> query, ReadOnlySpan<char> name, out ReadOnlySpan<char> value)
    {
        if (query is ['?', ..])
        {
            query = query[1..];
        }

        foreach (var range in query.Split('&'))
        {
            var parameter = query[range];
            var equals = parameter.IndexOf('=');
            if ((equals < 0 ? parameter : parameter[..equals]).SequenceEqual(name))
            {
                value = equals < 0 ? default : parameter[(equals + 1)..];
                return parameter.Length > 0;
            }
        }

        value = default;
        return false;
    }
}
