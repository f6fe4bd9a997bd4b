namespace ProxylessMesh.Xds.Matching;

/// <summary>One <c>QueryParameterMatcher</c>: the first parameter of that name decides, its value percent-decoded.</summary>
internal sealed record QueryParameterMatcher
{
    public required string Name { get; init; }

    /// <summary>What the value must be; null asks only that the parameter is there.</summary>
    public StringMatcher? Value { get; init; }

    /// <summary>For a presence test: what is asked for.</summary>
    public bool Present { get; init; } = true;

    public bool Matches(ReadOnlySpan<char> query)
    {
        foreach (var range in query.Split('&'))
        {
            var pair = query[range];
            var equals = pair.IndexOf('=');
            var name = equals < 0 ? pair : pair[..equals];
            if (!name.SequenceEqual(Name))
            {
                continue;
            }

            var value = equals < 0 ? default : pair[(equals + 1)..];
            return Value is null ? Present : Value.Matches(value.Contains('%') ? Uri.UnescapeDataString(value) : value);
        }

        return Value is null && !Present;
    }
}
