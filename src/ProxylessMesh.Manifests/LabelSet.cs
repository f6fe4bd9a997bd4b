using System.Collections.Immutable;

namespace ProxylessMesh.Manifests;

/// <summary>Labels of workloads and the selectors over them.</summary>
public static class LabelSet
{
    /// <summary>No labels; as a selector: everything. Compares keys by ordinal.</summary>
    public static readonly ImmutableSortedDictionary<string, string> Empty = ImmutableSortedDictionary.Create<string, string>(StringComparer.Ordinal);

    /// <summary>Whether every label of <paramref name="selector"/> is among <paramref name="labels"/> with the same value.</summary>
    public static bool Selects(this ImmutableSortedDictionary<string, string> selector, IReadOnlyDictionary<string, string> labels)
    {
        ArgumentNullException.ThrowIfNull(selector);
        ArgumentNullException.ThrowIfNull(labels);
        foreach (var (key, value) in selector)
        {
            if (!labels.TryGetValue(key, out var actual) || actual != value)
            {
                return false;
            }
        }

        return true;
    }
}
