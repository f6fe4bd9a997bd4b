using System.Collections.Immutable;
using ProxylessMesh.Admission;
using ProxylessMesh.External;
using ProxylessMesh.Jwt;
using ProxylessMesh.Rbac;
using ProxylessMesh.Xds.Matching;
using ProxylessMesh.Xds.Resources;

namespace ProxylessMesh.Snapshots;

/// <summary>
/// One filter chain: which route a request takes, and that route's authorization. Nearly always there is one route for everything,
/// which is then found without looking.
/// </summary>
/// <param name="hosts">As configured, for the choice of the virtual host.</param>
/// <param name="routes">The routes of each host, in order.</param>
internal sealed class InboundChain(ImmutableArray<VirtualHostConfig> hosts, ImmutableArray<InboundRoute>[] routes)
{
    private readonly InboundRoute? _only = hosts is [{ Domains: ["*"] }] && routes is [[{ TakesEverything: true } route, ..]] ? route : null;

    /// <summary>What is done to the paths of requests before rules look at them.</summary>
    public PathOptions Paths { get; init; }

    /// <summary>How many proxies before this process are trusted to append to <c>x-forwarded-for</c>.</summary>
    public int TrustedHops { get; init; }

    /// <summary>Null: no route lets the request into this process (gRFC A36).</summary>
    public InboundRoute? Find(in RbacInput request)
    {
        if (_only is not null)
        {
            return _only;
        }

        var host = VirtualHostMatcher.Find(hosts, request.Authority);
        for (var i = 0; host is not null && i < hosts.Length; i++)
        {
            if (!ReferenceEquals(hosts[i], host))
            {
                continue;
            }

            foreach (var route in routes[i])
            {
                if (route.Match.Matches(request))
                {
                    return route.Engine is null ? null : route;
                }
            }
        }

        return null;
    }
}

/// <summary>One route of a server.</summary>
/// <param name="Match">Which requests take it, if none before did.</param>
/// <param name="Engine">Its authorization; null: its action is not for a server, and requests that take it fail (gRFC A36).</param>
/// <param name="Cors">Its cross-origin policy, or null.</param>
/// <param name="Admission">What it asks of a call besides, or null.</param>
/// <param name="Jwt">Which end-user tokens it takes, or null.</param>
/// <param name="External">What external authorizers are asked about, or null.</param>
internal sealed record InboundRoute(RequestMatcher Match, RbacEngine? Engine, CorsPolicy? Cors = null, CallAdmission? Admission = null, JwtAuthentication? Jwt = null, ExternalAuthorization? External = null)
{
    private static readonly PathMatcher AnyPath = PathMatcher.Prefix("/");

    /// <summary>Nothing is asked that a request could fail.</summary>
    public bool TakesEverything => Engine is not null && Match.Path == AnyPath && Match is { Headers: [], QueryParameters: [], Fraction: null };
}
