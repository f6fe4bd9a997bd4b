using System.Collections.Immutable;
using System.Text.Json;
using Microsoft.AspNetCore.Http;
using ProxylessMesh.Authentication;
using ProxylessMesh.Rbac;
using ProxylessMesh.Xds.Resources;

namespace ProxylessMesh.External;

/// <summary>
/// Which requests of a route external authorizers are asked about: in the order of the filters, RBAC filters whose shadow rules write what
/// matched, and <c>ext_authz</c> filters that are on for what is written (Istio's form of CUSTOM).
/// </summary>
internal sealed class ExternalAuthorization
{
    private const string RbacMetadata = "envoy.filters.http.rbac";

    private readonly Step[] _steps;

    private ExternalAuthorization(Step[] steps) => _steps = steps;

    /// <summary>Null: nobody is asked.</summary>
    public static ExternalAuthorization? Compile(IEnumerable<HttpFilterConfig> filters)
    {
        Step[] steps =
        [
            .. filters.Select(static filter => filter switch
            {
                ExtAuthzFilterConfig external => new Step(external.Authorizer, null, ""),
                RbacFilterConfig rbac when RbacCompiler.IsCustom(rbac) => new Step(null, RbacCompiler.Compile(rbac.ShadowRules!), rbac.ShadowPrefix),
                _ => null,
            }).OfType<Step>(),
        ];
        return Array.Exists(steps, static step => step.Authorizer is not null) ? new ExternalAuthorization(steps) : null;
    }

    /// <summary>Who is asked about a request; empty: nobody.</summary>
    public ImmutableArray<ExtAuthzConfig> Asked(HttpContext context, in RbacInput input)
    {
        ImmutableArray<ExtAuthzConfig> asked = [];
        foreach (var step in _steps)
        {
            if (step.Shadow?.Find(input) is { } policy)
            {
                RequestMetadata.Of(context).Set(RbacMetadata, Matched(step.Prefix, policy.Name));
            }
            else if (step.Authorizer is { } authorizer && (authorizer.EnabledBy is not { } enabled || enabled.Matches(context.Features.Get<RequestMetadata>()?.Get(enabled.Filter))))
            {
                asked = asked.Add(authorizer);
            }
        }

        return asked;
    }

    private static JsonElement Matched(string prefix, string policy)
        => JsonElement.Parse($$"""{"{{JsonEncodedText.Encode(prefix)}}shadow_effective_policy_id":"{{JsonEncodedText.Encode(policy)}}","{{JsonEncodedText.Encode(prefix)}}shadow_engine_result":"denied"}""");

    private sealed record Step(ExtAuthzConfig? Authorizer, RbacFilter? Shadow, string Prefix);
}
