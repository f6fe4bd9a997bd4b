using System.Collections.Immutable;
using ProxylessMesh.Manifests.Kinds;

namespace ProxylessMesh.ControlPlane.Translation;

/// <summary>
/// The conditions of a root's route and of a delegate's route together. Each of the delegate's is joined with every one of the root's that
/// it lies within; one that lies within none takes its whole route out.
/// </summary>
internal static class DelegateMatches
{
    /// <summary>Null: they contradict each other.</summary>
    public static ImmutableArray<VirtualServiceMatch>? Merge(ImmutableArray<VirtualServiceMatch> root, ImmutableArray<VirtualServiceMatch> child)
    {
        if (root.IsEmpty || child.IsEmpty)
        {
            return root.IsEmpty ? child : root;
        }

        var merged = child.Select(narrow => root.Where(wide => !Contradict(wide, narrow)).Select(wide => Merge(wide, narrow)).ToList()).ToList();
        return merged.Any(joined => joined.Count == 0) ? null : [.. merged.SelectMany(joined => joined)];
    }

    /// <summary>Two names in one.</summary>
    public static string Join(string root, string child) => root.Length == 0 || child.Length == 0 ? root + child : $"{root}-{child}";

    private static VirtualServiceMatch Merge(VirtualServiceMatch root, VirtualServiceMatch child) => child with
    {
        Name = Join(root.Name, child.Name),
        Uri = child.Uri ?? root.Uri,
        Scheme = child.Scheme ?? root.Scheme,
        Method = child.Method ?? root.Method,
        Authority = child.Authority ?? root.Authority,
        Headers = root.Headers.SetItems(child.Headers),
        WithoutHeaders = root.WithoutHeaders.SetItems(child.WithoutHeaders),
        QueryParameters = root.QueryParameters.SetItems(child.QueryParameters),
        Port = child.Port ?? root.Port,
        SourceLabels = root.SourceLabels.SetItems(child.SourceLabels),
        SourceNamespace = child.SourceNamespace ?? root.SourceNamespace,
        Gateways = child.Gateways.IsEmpty ? root.Gateways : child.Gateways,
        StatPrefix = child.StatPrefix.Length == 0 ? root.StatPrefix : child.StatPrefix,
    };

    private static bool Contradict(VirtualServiceMatch root, VirtualServiceMatch child)
        => Contradict(root.Uri, child.Uri)
            || Contradict(root.Scheme, child.Scheme)
            || Contradict(root.Method, child.Method)
            || Contradict(root.Authority, child.Authority)
            || Contradict(root.Headers, child.Headers)
            || Contradict(root.WithoutHeaders, child.WithoutHeaders)
            || Contradict(root.QueryParameters, child.QueryParameters)
            || root.IgnoreUriCase != child.IgnoreUriCase
            || (root.Port ?? child.Port) != (child.Port ?? root.Port)
            || (root.SourceNamespace is not null && root.SourceNamespace != child.SourceNamespace)
            || child.SourceLabels.Any(label => root.SourceLabels.TryGetValue(label.Key, out var value) && value != label.Value)
            || (!root.Gateways.IsEmpty && child.Gateways.Any(gateway => !root.Gateways.Contains(gateway)));

    // A header that the root only wants to be there contradicts every condition of the delegate on it, as in Istio.
    private static bool Contradict(ImmutableSortedDictionary<string, StringMatch?> root, ImmutableSortedDictionary<string, StringMatch?> child)
        => child.Any(condition => root.TryGetValue(condition.Key, out var wide) && (wide is null || condition.Value is null || Contradict(wide, condition.Value)));

    // The delegate's must lie within the root's. Of two expressions, or of an expression and a text, nobody can say.
    private static bool Contradict(StringMatch? root, StringMatch? child)
    {
        if (root is null || child is null)
        {
            return false;
        }

        return (root.Kind, child.Kind) switch
        {
            (StringMatchKind.Exact, StringMatchKind.Exact) => root.Value != child.Value,
            (StringMatchKind.Prefix, StringMatchKind.Exact or StringMatchKind.Prefix) => !child.Value.StartsWith(root.Value, StringComparison.Ordinal),
            _ => true,
        };
    }
}
