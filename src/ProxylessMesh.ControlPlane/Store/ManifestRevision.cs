using ProxylessMesh.Manifests;

namespace ProxylessMesh.ControlPlane.Store;

/// <summary>The manifests in force and their number.</summary>
/// <param name="Number">Grows by one with each accepted change, over restarts; 0 before the first.</param>
/// <param name="Manifests">Valid as a whole.</param>
internal sealed record ManifestRevision(long Number, ManifestSet Manifests);
