using Envoy.Config.Rbac.V3;
using Envoy.Extensions.Filters.Network.HttpConnectionManager.V3;
using Envoy.Type.Matcher.V3;
using RbacFilter = Envoy.Extensions.Filters.Http.Rbac.V3.RBAC;

namespace ProxylessMesh.ControlPlane.Translation;

/// <summary>
/// The filter by which every server denies revoked identities, whatever policies there are: their certificates stay valid until they
/// expire, and open connections live on, so each call is judged.
/// </summary>
internal static class RevokedTranslator
{
    public const string FilterName = "proxylessmesh.revoked";

    /// <summary>None where nobody is revoked.</summary>
    public static IEnumerable<HttpFilter> Filters(IReadOnlyList<string> revoked)
    {
        if (revoked.Count == 0)
        {
            yield break;
        }

        var policy = new Policy { Permissions = { new Permission { Any = true } } };
        policy.Principals.AddRange(revoked.Select(static id => new Principal { Authenticated = new Principal.Types.Authenticated { PrincipalName = new StringMatcher { Exact = id } } }));
        yield return ListenerTranslator.Filter(FilterName, new RbacFilter { Rules = new RBAC { Action = RBAC.Types.Action.Deny, Policies = { ["revoked"] = policy } } });
    }
}
