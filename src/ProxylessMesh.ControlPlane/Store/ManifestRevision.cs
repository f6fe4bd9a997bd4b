using System.Collections.Immutable;
using ProxylessMesh.Manifests;

namespace ProxylessMesh.ControlPlane.Store;

/// <summary>The manifests in force, their number, and what is wrong with what is not in force.</summary>
/// <param name="Number">Grows by one with each accepted change, over restarts; 0 before the first.</param>
/// <param name="Manifests">Valid as a whole.</param>
internal sealed record ManifestRevision(long Number, ManifestSet Manifests)
{
    /// <summary>The files that the manifests stand in.</summary>
    public ImmutableArray<ManifestFile> Files { get; init; } = [];

    /// <summary>Every mistake in the folder as it is now.</summary>
    public ImmutableArray<ManifestError> Errors { get; init; } = [];
}
