using System.Collections.Immutable;

namespace ProxylessMesh.Manifests.Reading;

/// <summary>Istio's <c>WorkloadSelector</c>.</summary>
internal static class Selectors
{
    /// <summary>Reads <c>matchLabels</c> of <paramref name="field"/>; empty where there is none.</summary>
    public static ImmutableSortedDictionary<string, string> Read(YamlMap spec, string field = "selector")
    {
        if (spec.Map(field) is not { } selector)
        {
            return LabelSet.Empty;
        }

        var labels = selector.TextMap("matchLabels", TextRules.LabelKey, TextRules.LabelValue);
        if (labels.IsEmpty)
        {
            selector.Errors.Add(
                selector.Node.At, selector.Path, null, "it names no labels and so selects every workload", "Write 'matchLabels', or remove the selector", ManifestErrorSeverity.Warning);
        }

        selector.End();
        return labels;
    }
}
