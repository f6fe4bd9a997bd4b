namespace ProxylessMesh.ControlPlane.Translation;

/// <summary>Hosts of manifests: full names, <c>*.shop.svc.cluster.local</c>, or <c>*</c>.</summary>
internal static class HostPatterns
{
    /// <summary>Of the patterns that match the host, the exact one, else the longest; null where none does.</summary>
    public static string? MostSpecific(IEnumerable<string> patterns, string host)
        => patterns.Where(pattern => IsSubset(host, pattern)).MaxBy(Specificity);

    /// <summary>Greater for what matches fewer hosts: a name before all wildcards, a longer wildcard before a shorter one.</summary>
    public static int Specificity(string pattern) => pattern.StartsWith('*') ? pattern.Length : int.MaxValue;

    /// <summary>A wildcard matches every host, and every longer wildcard, that ends as it does.</summary>
    public static bool Matches(string pattern, string host) => IsSubset(host, pattern);

    /// <summary>Whether everything that <paramref name="pattern"/> matches, or is, the other matches too. The star stands for any text, also none, as in Istio.</summary>
    public static bool IsSubset(string pattern, string of)
        => of.StartsWith('*') ? pattern.AsSpan(pattern.StartsWith('*') ? 1 : 0).EndsWith(of.AsSpan(1), StringComparison.Ordinal) : pattern == of;

    /// <summary>Whether there is a host that both match.</summary>
    public static bool Overlap(string left, string right) => IsSubset(left, right) || IsSubset(right, left);
}
