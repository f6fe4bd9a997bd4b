namespace ProxylessMesh.ControlPlane.Ca;

/// <summary>Marks a connection whose client certificate, if any, was verified by the mesh's roots: one accepted by <see cref="ControlPlaneTls"/>.</summary>
internal sealed class MeshDoor
{
    public static MeshDoor Instance { get; } = new();
}
