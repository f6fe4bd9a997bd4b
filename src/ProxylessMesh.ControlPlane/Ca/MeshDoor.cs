using ProxylessMesh.Spiffe;

namespace ProxylessMesh.ControlPlane.Ca;

/// <summary>Marks a connection whose client certificate, if any, was verified by the mesh's roots: one accepted by <see cref="ControlPlaneTls"/>.</summary>
/// <param name="revoked">Who is no caller any more, whatever certificate it has.</param>
internal sealed class MeshDoor(RevokedIdentities revoked)
{
    public bool IsRevoked(SpiffeId caller) => revoked.Contains(caller);
}
