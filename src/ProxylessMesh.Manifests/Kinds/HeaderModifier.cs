using System.Collections.Immutable;

namespace ProxylessMesh.Manifests.Kinds;

/// <summary>Headers to change: first removed, then set, then added.</summary>
public sealed record HeaderModifier
{
    /// <summary>Changes nothing.</summary>
    public static readonly HeaderModifier None = new();

    /// <summary>Replaces the values of a header.</summary>
    public ImmutableArray<HeaderValue> Set { get; init; } = [];

    /// <summary>Adds a value beside those there.</summary>
    public ImmutableArray<HeaderValue> Add { get; init; } = [];

    /// <summary>Names of headers to drop.</summary>
    public ImmutableArray<string> Remove { get; init; } = [];

    /// <summary>Nothing to do.</summary>
    public bool IsEmpty => Set.IsEmpty && Add.IsEmpty && Remove.IsEmpty;

    /// <summary>Every header that is changed.</summary>
    internal IEnumerable<string> Names => Set.Concat(Add).Select(header => header.Name).Concat(Remove);

    /// <summary>These changes and then <paramref name="later"/>, as one.</summary>
    internal HeaderModifier Then(HeaderModifier later)
    {
        var final = later.Set.Select(header => header.Name).Concat(later.Remove).ToHashSet(StringComparer.OrdinalIgnoreCase);
        return new HeaderModifier
        {
            Set = [.. Set.Where(header => !final.Contains(header.Name)), .. later.Set],
            Add = [.. Add.Where(header => !final.Contains(header.Name)), .. later.Add],
            Remove = [.. Remove.Union(later.Remove, StringComparer.OrdinalIgnoreCase)],
        };
    }
}

/// <summary>A header and a value.</summary>
public sealed record HeaderValue(string Name, string Value)
{
    /// <summary>The name is one of the two that mean the authority of a call: <c>:authority</c> or <c>host</c>.</summary>
    public bool IsAuthority => Name.Equals(":authority", StringComparison.OrdinalIgnoreCase) || Name.Equals("host", StringComparison.OrdinalIgnoreCase);
}
