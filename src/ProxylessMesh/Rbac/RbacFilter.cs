using ProxylessMesh.Xds.Resources;

namespace ProxylessMesh.Rbac;

/// <summary>The policies of one RBAC filter in the order Envoy evaluates them, and what a match means.</summary>
/// <param name="action">What a match means.</param>
/// <param name="policies">In their order.</param>
/// <param name="auditsAllowed">Calls that it lets in are recorded each.</param>
internal sealed class RbacFilter(RbacAction action, RbacPolicy[] policies, bool auditsAllowed = false)
{
    public RbacDecision Decide(in RbacInput input)
    {
        // An ALLOW filter that nothing matches keeps the request out, one without any policy every request.
        return Find(input) is { } policy
            ? new RbacDecision(Allowed: action != RbacAction.Deny, policy.Name, auditsAllowed)
            : new RbacDecision(Allowed: action != RbacAction.Allow, Policy: null, auditsAllowed);
    }

    /// <summary>The first policy that matches, whatever that means.</summary>
    public RbacPolicy? Find(in RbacInput input)
    {
        foreach (var policy in policies)
        {
            if (policy.Matches(input))
            {
                return policy;
            }
        }

        return null;
    }
}
