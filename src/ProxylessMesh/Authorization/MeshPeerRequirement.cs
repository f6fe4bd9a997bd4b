using System.Collections.Frozen;
using Microsoft.AspNetCore.Authorization;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.DependencyInjection;
using ProxylessMesh.Spiffe;

namespace ProxylessMesh.Authorization;

/// <summary>One of these workloads must have called, as the TLS session proves it; no claim that an application adds stands in for that.</summary>
internal sealed class MeshPeerRequirement : AuthorizationHandler<MeshPeerRequirement>, IAuthorizationRequirement
{
    private readonly FrozenSet<SpiffeId> _ids;
    private readonly FrozenSet<string> _accounts;

    /// <param name="peers">SPIFFE IDs, or <c>namespace/service-account</c> in the trust domain of this process.</param>
    /// <exception cref="ArgumentException">There is none, or one is neither.</exception>
    public MeshPeerRequirement(IReadOnlyCollection<string> peers)
    {
        if (peers.Count == 0)
        {
            throw new ArgumentException("Name at least one workload: namespace/service-account, or a SPIFFE ID.", nameof(peers));
        }

        var ids = peers.Where(static peer => peer.StartsWith("spiffe:", StringComparison.Ordinal)).ToList();
        _ids = ids.Select(SpiffeId.Parse).ToFrozenSet();
        _accounts = peers.Except(ids, StringComparer.Ordinal).Select(Path).ToFrozenSet(StringComparer.Ordinal);
    }

    /// <summary>Whether one of them made this call.</summary>
    public bool IsMetBy(HttpContext http) => http.Features.Get<IMeshPeerFeature>()?.Id is { } peer && (_ids.Contains(peer) || IsAccount(peer, http));

    protected override Task HandleRequirementAsync(AuthorizationHandlerContext context, MeshPeerRequirement requirement)
    {
        if (context.Resource is HttpContext http && IsMetBy(http))
        {
            context.Succeed(requirement);
        }

        return Task.CompletedTask;
    }

    public override string ToString() => $"The caller must be one of these workloads: {string.Join(", ", _ids.Select(static id => id.ToString()).Concat(_accounts))}.";

    private bool IsAccount(SpiffeId peer, HttpContext http)
        => _accounts.Contains(peer.Path) && http.RequestServices.GetService<IdentitySource>()?.Current?.Id.TrustDomain == peer.TrustDomain;

    private static string Path(string account)
        => account.Split('/') is [var space, var name] && SpiffeIdSyntax.IsSegment(space) && SpiffeIdSyntax.IsSegment(name)
            ? $"/ns/{space}/sa/{name}"
            : throw new ArgumentException($"'{account}' is no workload. Write namespace/service-account, for example 'shop/storefront', or a SPIFFE ID.");
}
