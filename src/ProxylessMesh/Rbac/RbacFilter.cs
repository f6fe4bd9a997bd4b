using ProxylessMesh.Xds.Resources;

namespace ProxylessMesh.Rbac;

/// <summary>The policies of one RBAC filter in the order Envoy evaluates them, and what a match means.</summary>
internal sealed class RbacFilter(RbacAction action, RbacPolicy[] policies)
{
    public RbacDecision Decide(in RbacInput input)
    {
        foreach (var policy in policies)
        {
            if (policy.Matches(input))
            {
                return new RbacDecision(Allowed: action != RbacAction.Deny, policy.Name);
            }
        }

        // An ALLOW filter that nothing matches keeps the request out, one without any policy every request.
        return new RbacDecision(Allowed: action != RbacAction.Allow, Policy: null);
    }
}
