using System.Collections.Immutable;
using System.Globalization;
using Envoy.Config.Core.V3;
using Envoy.Config.Rbac.V3;
using Envoy.Extensions.Filters.Http.ExtAuthz.V3;
using Envoy.Extensions.Filters.Network.HttpConnectionManager.V3;
using Envoy.Type.Matcher.V3;
using Envoy.Type.V3;
using Google.Protobuf.WellKnownTypes;
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
            if (translator.Audience != RuleAudience.Mesh || manifests.MeshConfig.ExtensionProviders.FirstOrDefault(known => known.Name == provider.Key) is not { } extension)
            {
                // Nobody there could ask: what would be asked about is denied.
                yield return ListenerTranslator.Filter($"{FilterNames.Rbac}.custom.{provider.Key}", new RbacFilter { Rules = translator.Rules(RBAC.Types.Action.Deny, asking) });
                continue;
            }

            var policyPrefix = $"istio-ext-authz-{provider.Key}-";
            yield return ListenerTranslator.Filter(
                $"{FilterNames.Rbac}.custom.{provider.Key}",
                new RbacFilter { ShadowRules = translator.Rules(RBAC.Types.Action.Deny, asking, policyPrefix), ShadowRulesStatPrefix = ShadowPrefix });
            yield return ListenerTranslator.Filter($"envoy.filters.http.ext_authz.{provider.Key}", Authorizer(extension.ExtAuthz, policyPrefix + "ns["));
        }
    }

    // As istiod writes it. The authorizer's cluster is a name that the workload's own client calls.
    private static ExtAuthz Authorizer(ExtAuthzProvider provider, string policyPrefix) => new()
    {
        StatPrefix = "ext_authz",
        TransportApiVersion = ApiVersion.V3,
        GrpcService = new GrpcService
        {
            EnvoyGrpc = new GrpcService.Types.EnvoyGrpc { ClusterName = string.Create(CultureInfo.InvariantCulture, $"outbound|{provider.Port}||{provider.Host}"), Authority = provider.Host },
            Timeout = provider.Timeout.ToDuration(),
        },
        FailureModeAllow = provider.FailOpen,
        StatusOnError = new HttpStatus { Code = (StatusCode)provider.StatusOnError },
        WithRequestBody = provider.Body is { } body
            ? new BufferSettings { MaxRequestBytes = (uint)body.MaxRequestBytes, AllowPartialMessage = body.AllowPartialMessage, PackAsBytes = body.PackAsBytes }
            : null,
        FilterEnabledMetadata = new MetadataMatcher
        {
            Filter = FilterNames.Rbac,
            Path = { new MetadataMatcher.Types.PathSegment { Key = ShadowPrefix + "shadow_effective_policy_id" } },
            Value = new ValueMatcher { StringMatch = new StringMatcher { Prefix = policyPrefix } },
        },
    };
}
