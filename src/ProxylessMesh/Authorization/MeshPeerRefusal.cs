using Microsoft.AspNetCore.Authorization;
using Microsoft.AspNetCore.Authorization.Policy;
using Microsoft.AspNetCore.Http;

namespace ProxylessMesh.Authorization;

/// <summary>
/// A caller that is not the workload that an endpoint asks for is refused as the mesh refuses: 403, or PERMISSION_DENIED. It is not asked to sign in:
/// that would not make it another workload, and there may be no scheme to ask by.
/// </summary>
internal sealed class MeshPeerRefusal : IAuthorizationMiddlewareResultHandler
{
    private readonly AuthorizationMiddlewareResultHandler _otherwise = new();

    // Asked again, of refused calls alone: for a caller who is not signed in ASP.NET does not say which requirement failed.
    public Task HandleAsync(RequestDelegate next, HttpContext context, AuthorizationPolicy policy, PolicyAuthorizationResult authorizeResult)
        => !authorizeResult.Succeeded && policy.Requirements.OfType<MeshPeerRequirement>().Any(requirement => !requirement.IsMetBy(context))
            ? RefusalResponse.Denied.WriteAsync(context)
            : _otherwise.HandleAsync(next, context, policy, authorizeResult);
}
