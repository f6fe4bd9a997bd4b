namespace ProxylessMesh.Manifests.Kinds;

/// <summary>A namespace and its labels. Namespaces exist without a manifest.</summary>
public sealed record NamespaceManifest : Manifest
{
    /// <inheritdoc/>
    public override ManifestKind Kind => ManifestKind.Namespace;
}
