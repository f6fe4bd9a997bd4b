using Envoy.Config.Rbac.V3;
using Envoy.Extensions.Filters.Network.HttpConnectionManager.V3;
using ProxylessMesh.ControlPlane.Workloads;
using ProxylessMesh.Manifests;
using ProxylessMesh.Manifests.Kinds;
using RbacFilter = Envoy.Extensions.Filters.Http.Rbac.V3.RBAC;

namespace ProxylessMesh.ControlPlane.Translation;

/// <summary>
/// The RBAC filters of a workload: DENY first, then ALLOW, each only where a policy with that action selects the workload. No ALLOW
/// filter lets everything in; an ALLOW filter without a policy that matches lets nothing in, and that is what an empty spec means.
/// </summary>
internal static class AuthorizationTranslator
{
    private const string DenyFilter = "envoy.filters.http.rbac.deny";
    private const string AllowFilter = "envoy.filters.http.rbac.allow";

    public static IEnumerable<HttpFilter> Filters(ManifestSet manifests, Workload workload)
    {
        var selecting = manifests.AuthorizationPolicies.Where(policy => Selects(policy, workload)).ToLookup(policy => policy.Action);

        // DENY policies without rules match nothing: a filter would only cost time.
        if (selecting[AuthorizationAction.Deny].Any(policy => !policy.Rules.IsEmpty))
        {
            yield return Filter(DenyFilter, RBAC.Types.Action.Deny, selecting[AuthorizationAction.Deny], workload);
        }

        if (selecting[AuthorizationAction.Allow].Any())
        {
            yield return Filter(AllowFilter, RBAC.Types.Action.Allow, selecting[AuthorizationAction.Allow], workload);
        }
    }

    /// <summary>Whether the policy is for the workload: its namespace or the root namespace, and the labels.</summary>
    public static bool Selects(AuthorizationPolicyManifest policy, Workload workload)
        => policy.IsForMesh && (policy.Namespace == workload.Namespace || policy.Namespace == HostNames.RootNamespace) && policy.Selector.Selects(workload.Labels);

    private static HttpFilter Filter(string name, RBAC.Types.Action action, IEnumerable<AuthorizationPolicyManifest> policies, Workload workload)
    {
        var rules = new RBAC { Action = action };
        foreach (var policy in policies)
        {
            for (var index = 0; index < policy.Rules.Length; index++)
            {
                rules.Policies.Add($"ns[{policy.Namespace}]-policy[{policy.Name}]-rule[{index}]", Policy(policy.Rules[index], workload));
            }
        }

        return ListenerTranslator.Filter(name, new RbacFilter { Rules = rules });
    }

    private static Policy Policy(AuthorizationRule rule, Workload workload)
    {
        var policy = new Policy();
        var permissions = rule.To.IsEmpty ? [new Permission { Any = true }] : rule.To.Select(PermissionTranslator.Translate);
        var principals = rule.From.IsEmpty ? [new Principal { Any = true }] : rule.From.Select(source => PrincipalTranslator.Translate(source, workload.Id.TrustDomain));
        policy.Permissions.AddRange(permissions.Select(permission => ConditionTranslator.And(permission, rule.When)));
        policy.Principals.AddRange(principals.Select(principal => ConditionTranslator.And(principal, rule.When, workload.Id.TrustDomain)));
        return policy;
    }
}
