using System.Collections.Immutable;
using System.Globalization;

namespace ProxylessMesh.Manifests.Reading;

/// <summary>What every manifest has: <c>metadata</c>.</summary>
internal sealed record ManifestHeader
{
    public required string Name { get; init; }

    public required string Namespace { get; init; }

    public ImmutableSortedDictionary<string, string> Labels { get; init; } = LabelSet.Empty;

    public ImmutableSortedDictionary<string, string> Annotations { get; init; } = LabelSet.Empty;

    /// <summary><c>creationTimestamp</c>, which a Kubernetes API server writes; null elsewhere.</summary>
    public DateTimeOffset? CreatedAt { get; init; }

    /// <summary>Reads <c>metadata</c>; null where there is none or it has no name.</summary>
    public static ManifestHeader? Read(YamlMap document, ManifestKind kind)
    {
        document.Errors.Subject = kind.Name;
        if (document.Required("metadata", "Write 'metadata:' with a 'name:' below it")?.Map() is not { } metadata)
        {
            return null;
        }

        // First, so that all other messages name the manifest.
        var name = metadata.RequiredText("name", kind == ManifestKind.Service ? TextRules.DnsLabel : TextRules.DnsName, "Write a name, unique among manifests of this kind");
        var ns = metadata.Text("namespace", TextRules.DnsLabel) ?? HostNames.DefaultNamespace;
        document.Errors.Subject = $"{kind.Name} {(kind == ManifestKind.Namespace ? "" : ns + "/")}{(name.Length == 0 ? "?" : name)}";
        var header = new ManifestHeader
        {
            Name = name,
            Namespace = kind == ManifestKind.Namespace ? "" : ns,
            Labels = metadata.TextMap("labels", TextRules.LabelKey, TextRules.LabelValue),
            Annotations = metadata.TextMap("annotations", TextRules.LabelKey),
            CreatedAt = Time(metadata.Aside("creationTimestamp")),
        };
        metadata.Ignore("uid", "resourceVersion", "generation", "managedFields", "selfLink", "ownerReferences", "finalizers");
        metadata.NotYet("generateName");
        metadata.End();
        return name.Length == 0 ? null : header;
    }

    // A server writes it, not a person: one that is no time (kubectl prints null) counts as not written.
    private static DateTimeOffset? Time(YamlField? field)
        => field?.Node is ScalarNode scalar && DateTimeOffset.TryParse(scalar.Text, CultureInfo.InvariantCulture, DateTimeStyles.AssumeUniversal, out var time) ? time : null;
}
