using ProxylessMesh.Spiffe;

namespace ProxylessMesh.ControlPlane.Ca;

/// <summary>The control plane's own SVID, issued and rotated in this process; Kestrel reads it at each handshake. There is one from the start.</summary>
internal sealed class ControlPlaneIdentitySource : IdentitySource;
