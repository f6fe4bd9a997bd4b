namespace ProxylessMesh;

/// <summary>The claims that the mesh adds to <c>HttpContext.User</c>.</summary>
public static class MeshClaimTypes
{
    /// <summary>
    /// The caller's SPIFFE ID, for example <c>spiffe://mesh.local/ns/shop/sa/storefront</c>. Ask for it with
    /// <c>policy.RequireClaim(MeshClaimTypes.SpiffeId, …)</c>.
    /// </summary>
    public const string SpiffeId = "urn:proxylessmesh:spiffe-id";
}
