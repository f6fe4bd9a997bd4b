using ProxylessMesh.Manifests;

namespace ProxylessMesh.ControlPlane.Store;

/// <summary>The manifests in force.</summary>
internal sealed class ManifestStore
{
    private ManifestRevision _current = new(0, ManifestSet.Empty);

    /// <summary>Raised after <see cref="Current"/> changed. Return quickly.</summary>
    public event Action? Changed;

    public ManifestRevision Current => Volatile.Read(ref _current);

    /// <summary>Puts a revision in force.</summary>
    public void Publish(ManifestRevision revision)
    {
        Volatile.Write(ref _current, revision);
        Changed?.Invoke();
    }
}
