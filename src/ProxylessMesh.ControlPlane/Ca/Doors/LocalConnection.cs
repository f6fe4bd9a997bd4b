namespace ProxylessMesh.ControlPlane.Ca.Doors;

/// <summary>Marks a connection of the Workload API's socket, with who opened it.</summary>
/// <param name="process">Null where the kernel does not say.</param>
internal sealed class LocalConnection(PeerProcess? process)
{
    /// <summary>What the caller is now; null when that is not known for sure.</summary>
    public ProcessFacts? Look() => process?.Look();
}
