using System.Collections.Immutable;
using Envoy.Config.Rbac.V3;
using ProxylessMesh.ControlPlane.Workloads;
using ProxylessMesh.Manifests.Kinds;

namespace ProxylessMesh.ControlPlane.Translation;

/// <summary>The rules of AuthorizationPolicies as RBAC policies, one for each rule, for one workload.</summary>
internal sealed class RuleTranslator(MeshConfigManifest mesh, Workload workload, RuleAudience audience)
{
    private readonly TrustDomainNames _trustDomains = new(workload.Id.TrustDomain, mesh.TrustDomainAliases);

    public RuleAudience Audience { get; } = audience;

    /// <param name="action">What a match means.</param>
    /// <param name="policies">Those whose rules become policies.</param>
    /// <param name="before">Stands before the name of each.</param>
    public RBAC Rules(RBAC.Types.Action action, ImmutableArray<AuthorizationPolicyManifest> policies, string before = "")
    {
        var rules = new RBAC { Action = action };
        foreach (var policy in policies)
        {
            for (var index = 0; index < policy.Rules.Length; index++)
            {
                if (Policy(policy.Action, policy.Rules[index]) is { } translated)
                {
                    rules.Policies.Add($"{before}ns[{policy.Namespace}]-policy[{policy.Name}]-rule[{index}]", translated);
                }
            }
        }

        return rules;
    }

    // Null: an ALLOW rule that cannot be asked here.
    private Policy? Policy(AuthorizationAction action, AuthorizationRule rule)
    {
        var scope = new RuleScope(action, Audience, _trustDomains, mesh.TrustedProxies);
        var policy = new Policy();
        var permissions = rule.To.IsEmpty ? [new Permission { Any = true }] : rule.To.Select(operation => PermissionTranslator.Translate(operation, scope));
        var principals = rule.From.IsEmpty ? [new Principal { Any = true }] : rule.From.Select(source => PrincipalTranslator.Translate(source, scope));
        policy.Permissions.AddRange(permissions.Select(permission => ConditionTranslator.And(permission, rule.When, scope)));
        policy.Principals.AddRange(principals.Select(principal => ConditionTranslator.And(principal, rule.When, scope)));
        return scope.IsUseless ? null : policy;
    }
}
