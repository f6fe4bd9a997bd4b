namespace ProxylessMesh.ControlPlane.Translation;

/// <summary>Hosts of manifests: full names, <c>*.shop.svc.cluster.local</c>, or <c>*</c>.</summary>
internal static class HostPatterns
{
    /// <summary>Of the patterns that match the host, the exact one, else the longest; null where none does.</summary>
    public static string? MostSpecific(IEnumerable<string> patterns, string host)
        => patterns.Where(pattern => Matches(pattern, host)).MaxBy(Specificity);

    /// <summary>Greater for what matches fewer hosts: a name before all wildcards, a longer wildcard before a shorter one.</summary>
    public static int Specificity(string pattern) => pattern.StartsWith('*') ? pattern.Length : int.MaxValue;

    /// <summary>A wildcard matches every host, and every longer wildcard, that ends as it does.</summary>
    public static bool Matches(string pattern, string host)
        => pattern.StartsWith('*') ? host.Length >= pattern.Length && host.EndsWith(pattern[1..], StringComparison.Ordinal) : pattern == host;
}
