using System.Collections.Immutable;
using Envoy.Config.Rbac.V3;
using Envoy.Extensions.Filters.Network.HttpConnectionManager.V3;
using ProxylessMesh.Manifests;
using ProxylessMesh.Manifests.Kinds;
using RbacFilter = Envoy.Extensions.Filters.Http.Rbac.V3.RBAC;

namespace ProxylessMesh.ControlPlane.Translation;

/// <summary>
/// Policies with action CUSTOM, in Istio's form: for each authorizer an RBAC filter whose shadow rules say which calls it is asked about,
/// and the filter that asks it. Where it cannot be asked, those calls are denied.
/// </summary>
internal static class CustomTranslator
{
    /// <summary>Stands before what the shadow rules write.</summary>
    public const string ShadowPrefix = "istio_ext_authz_";

    public static IEnumerable<HttpFilter> Filters(IEnumerable<AuthorizationPolicyManifest> policies, ManifestSet manifests, RuleTranslator translator)
    {
        foreach (var provider in policies.GroupBy(static policy => policy.Provider).OrderBy(static provider => provider.Key, StringComparer.Ordinal))
        {
            ImmutableArray<AuthorizationPolicyManifest> asking = [.. provider];
            yield return ListenerTranslator.Filter($"{FilterNames.Rbac}.custom.{provider.Key}", new RbacFilter { Rules = translator.Rules(RBAC.Types.Action.Deny, asking) });
        }
    }
}
