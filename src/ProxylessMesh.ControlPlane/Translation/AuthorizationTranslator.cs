using System.Collections.Immutable;
using Envoy.Config.Rbac.V3;
using Envoy.Extensions.Filters.Network.HttpConnectionManager.V3;
using ProxylessMesh.ControlPlane.Workloads;
using ProxylessMesh.Manifests;
using ProxylessMesh.Manifests.Kinds;
using RbacFilter = Envoy.Extensions.Filters.Http.Rbac.V3.RBAC;

namespace ProxylessMesh.ControlPlane.Translation;

/// <summary>
/// The RBAC filters of a workload in Istio's order: what AUDIT records, DENY, then ALLOW, each only where a policy with that action selects
/// the workload; CUSTOM stands before them. No ALLOW filter lets everything in; an ALLOW filter without a policy that matches lets nothing
/// in, and that is what an empty spec means. Policies in dry run are the filter's shadow rules.
/// </summary>
internal static class AuthorizationTranslator
{
    private const string DryRunPrefix = "istio_dry_run_";

    private static readonly (AuthorizationAction Action, RBAC.Types.Action Wire, string Name)[] Actions =
    [
        (AuthorizationAction.Audit, RBAC.Types.Action.Log, "audit"),
        (AuthorizationAction.Deny, RBAC.Types.Action.Deny, "deny"),
        (AuthorizationAction.Allow, RBAC.Types.Action.Allow, "allow"),
    ];

    public static IEnumerable<HttpFilter> Filters(ManifestSet manifests, Workload workload, RuleAudience audience = RuleAudience.Mesh)
    {
        var selecting = manifests.AuthorizationPolicies.Where(policy => Selects(policy, workload, manifests)).ToLookup(static policy => policy.Action);
        var translator = new RuleTranslator(manifests.MeshConfig, workload, audience);
        return [.. CustomTranslator.Filters(selecting[AuthorizationAction.Custom], manifests, translator), .. Actions.SelectMany(action => Filter(action, [.. selecting[action.Action]], translator))];
    }

    /// <summary>Whether the policy is for the workload: its namespace or the root namespace, and the labels, or the services that it names.</summary>
    public static bool Selects(AuthorizationPolicyManifest policy, Workload workload, ManifestSet manifests)
        => policy.IsForMesh && PolicySelection.Selects(policy, policy.Selector, policy.Targets, workload, manifests);

    private static IEnumerable<HttpFilter> Filter((AuthorizationAction Action, RBAC.Types.Action Wire, string Name) action, ImmutableArray<AuthorizationPolicyManifest> policies, RuleTranslator translator)
    {
        // Policies without rules match nothing: only an ALLOW filter means something by being there.
        var matter = policies.Where(policy => action.Action == AuthorizationAction.Allow || !policy.Rules.IsEmpty).ToList();
        if (matter.Count > 0)
        {
            var filter = new RbacFilter { Rules = Rules(action.Wire, [.. matter.Where(static policy => !policy.IsDryRun)], translator) };
            if (matter.Exists(static policy => policy.IsDryRun))
            {
                filter.ShadowRules = Rules(action.Wire, [.. matter.Where(static policy => policy.IsDryRun)], translator);
                filter.ShadowRulesStatPrefix = $"{DryRunPrefix}{action.Name}_";
            }

            yield return ListenerTranslator.Filter($"{FilterNames.Rbac}.{action.Name}", filter);
        }
    }

    private static RBAC? Rules(RBAC.Types.Action action, ImmutableArray<AuthorizationPolicyManifest> policies, RuleTranslator translator)
        => policies.IsEmpty ? null : translator.Rules(action, policies);
}
