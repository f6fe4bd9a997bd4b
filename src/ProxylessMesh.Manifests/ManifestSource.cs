namespace ProxylessMesh.Manifests;

/// <summary>Where a manifest was written. Two sources are always equal: the same content in another place is the same manifest.</summary>
public sealed record ManifestSource(string File, int Line)
{
    /// <inheritdoc/>
    public bool Equals(ManifestSource? other) => other is not null;

    /// <inheritdoc/>
    public override int GetHashCode() => 0;

    /// <summary><c>file:line</c>.</summary>
    public override string ToString() => $"{File}:{Line}";
}
