using System.Security.Claims;
using Microsoft.AspNetCore.Http.Features.Authentication;

namespace ProxylessMesh.Authentication;

/// <summary>
/// <c>HttpContext.User</c> of one request: the application's own identities first, then the workload's. Made only when somebody
/// looks, and anew for each request, because an application may add claims to what it is given.
/// </summary>
/// <remarks>
/// The workload's identity has the claim but is not "authenticated": an <c>[Authorize]</c> that means a signed-in person must not be
/// satisfied by the gateway that passed an anonymous person's request on.
/// </remarks>
internal sealed class PeerUserFeature(MeshPeer peer) : IHttpAuthenticationFeature
{
    private ClaimsPrincipal? _user;

    public ClaimsPrincipal? User
    {
        get => _user ??= new ClaimsPrincipal(Workload());
        set => _user = With(value);
    }

    private ClaimsPrincipal? With(ClaimsPrincipal? principal)
    {
        // A derived type means something of its own (WindowsPrincipal), and a principal that already names the workload came from here.
        if (principal is null || principal.GetType() != typeof(ClaimsPrincipal) || principal.Identities.Any(static identity => identity is WorkloadClaimsIdentity))
        {
            return principal;
        }

        // A copy: the application may use one principal for many requests, of different callers.
        return new ClaimsPrincipal([.. principal.Identities, Workload()]);
    }

    private WorkloadClaimsIdentity Workload() => new(peer.IdText!);

    private sealed class WorkloadClaimsIdentity(string id) : ClaimsIdentity(
        [new Claim(MeshClaimTypes.SpiffeId, id, ClaimValueTypes.String, issuer: "mesh")],
        authenticationType: null,
        nameType: MeshClaimTypes.SpiffeId,
        roleType: null);
}
