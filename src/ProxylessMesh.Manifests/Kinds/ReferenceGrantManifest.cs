using System.Collections.Immutable;

namespace ProxylessMesh.Manifests.Kinds;

/// <summary>
/// Leave for other namespaces to refer to objects of this one (Gateway API <c>ReferenceGrant</c>). Routes of Services need none (GEP-1294),
/// and nothing else here refers across namespaces: a grant changes nothing, and is read so that the same files work everywhere.
/// </summary>
public sealed record ReferenceGrantManifest : Manifest
{
    /// <inheritdoc/>
    public override ManifestKind Kind => ManifestKind.ReferenceGrant;

    /// <summary>Who may refer.</summary>
    public ImmutableArray<ReferenceGrantFrom> From { get; init; } = [];

    /// <summary>To what.</summary>
    public ImmutableArray<ReferenceGrantTo> To { get; init; } = [];
}

/// <summary>Objects of a kind in a namespace that may refer.</summary>
/// <param name="Group">API group.</param>
/// <param name="Kind">The kind.</param>
/// <param name="Namespace">The namespace.</param>
public sealed record ReferenceGrantFrom(string Group, string Kind, string Namespace);

/// <summary>What may be referred to.</summary>
/// <param name="Group">API group; empty: core.</param>
/// <param name="Kind">The kind.</param>
/// <param name="Name">Null: every object of the kind.</param>
public sealed record ReferenceGrantTo(string Group, string Kind, string? Name);
