using Microsoft.AspNetCore.Builder;
using ProxylessMesh.Authorization;

namespace Microsoft.AspNetCore.Authorization;

/// <summary>Lets ASP.NET's own policies and endpoints ask which workload calls. They come on top of the mesh's policies, which are asked first.</summary>
public static class MeshPeerAuthorizationExtensions
{
    /// <summary>
    /// Requires that one of these workloads calls, as it proved over mTLS. Combines with everything else that the policy asks, a signed-in
    /// user for example.
    /// </summary>
    /// <param name="policy">The policy.</param>
    /// <param name="peers">One or more: <c>namespace/service-account</c> in the trust domain of this process, or a SPIFFE ID of any.</param>
    /// <returns><paramref name="policy"/>.</returns>
    /// <exception cref="ArgumentException">There is none, or one is neither form.</exception>
    /// <exception cref="FormatException">A SPIFFE ID is malformed.</exception>
    public static AuthorizationPolicyBuilder RequireMeshPeer(this AuthorizationPolicyBuilder policy, params string[] peers)
    {
        ArgumentNullException.ThrowIfNull(policy);
        ArgumentNullException.ThrowIfNull(peers);
        return policy.AddRequirements(new MeshPeerRequirement(peers));
    }

    /// <summary>Lets only these workloads call the endpoint; others get 403, or PERMISSION_DENIED. The application needs <c>AddAuthorization()</c>.</summary>
    /// <typeparam name="TBuilder">The kind of endpoint.</typeparam>
    /// <param name="endpoint">The endpoint, or group of endpoints.</param>
    /// <param name="peers">One or more: <c>namespace/service-account</c> in the trust domain of this process, or a SPIFFE ID of any.</param>
    /// <returns><paramref name="endpoint"/>.</returns>
    /// <exception cref="ArgumentException">There is none, or one is neither form.</exception>
    /// <exception cref="FormatException">A SPIFFE ID is malformed.</exception>
    public static TBuilder RequireMeshPeer<TBuilder>(this TBuilder endpoint, params string[] peers)
        where TBuilder : IEndpointConventionBuilder
        => endpoint.RequireAuthorization(new AuthorizationPolicyBuilder().RequireMeshPeer(peers).Build());
}
