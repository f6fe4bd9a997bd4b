using System.Collections.Immutable;

namespace ProxylessMesh.Manifests;

/// <summary>One thing that a person wrote: a Kubernetes-style YAML document, read and valid. Immutable.</summary>
public abstract record Manifest
{
    /// <summary>Which of the known kinds this is.</summary>
    public abstract ManifestKind Kind { get; }

    /// <summary><c>metadata.name</c>, unique among the manifests of a kind in a namespace.</summary>
    public required string Name { get; init; }

    /// <summary><c>metadata.namespace</c>; <c>default</c> where the document names none; empty for a Namespace.</summary>
    public string Namespace { get; init; } = HostNames.DefaultNamespace;

    /// <summary><c>metadata.labels</c>.</summary>
    public ImmutableSortedDictionary<string, string> Labels { get; init; } = LabelSet.Empty;

    /// <summary><c>metadata.annotations</c>.</summary>
    public ImmutableSortedDictionary<string, string> Annotations { get; init; } = LabelSet.Empty;

    /// <summary>
    /// Place by age, from 0: by <c>metadata.creationTimestamp</c> where a Kubernetes API server wrote it, then in reading order (files by
    /// name, documents from top to bottom). Of two routes or policies that are equal otherwise the lower number wins.
    /// </summary>
    public int Order { get; init; }

    /// <summary>Where the document was read; null for a manifest made in code.</summary>
    public ManifestSource? Source { get; init; }

    /// <summary>Kind, namespace and name as messages show them: <c>HTTPRoute shop/catalog</c>.</summary>
    public string DisplayName => Namespace.Length == 0 ? $"{Kind.Name} {Name}" : $"{Kind.Name} {Namespace}/{Name}";
}
