namespace ProxylessMesh.Manifests.Reading;

/// <summary>What the routes of a VirtualService need to know of the whole.</summary>
/// <param name="Namespace">For short names.</param>
/// <param name="IsDelegate">It has no hosts.</param>
/// <param name="IsForMesh">It is for calls inside the mesh, and not for gateways alone.</param>
internal sealed record VirtualServiceScope(string Namespace, bool IsDelegate, bool IsForMesh);
