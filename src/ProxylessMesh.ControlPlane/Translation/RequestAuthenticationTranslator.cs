using System.Globalization;
using Envoy.Config.Core.V3;
using Envoy.Config.Route.V3;
using Envoy.Extensions.Filters.Http.JwtAuthn.V3;
using Envoy.Extensions.Filters.Network.HttpConnectionManager.V3;
using Google.Protobuf.WellKnownTypes;
using ProxylessMesh.ControlPlane.Workloads;
using ProxylessMesh.Manifests;
using ProxylessMesh.Manifests.Kinds;
using JwtHeader = Envoy.Extensions.Filters.Http.JwtAuthn.V3.JwtHeader;

namespace ProxylessMesh.ControlPlane.Translation;

/// <summary>
/// The JWT filter of a workload, in the form that istiod gives it: the rules of all policies that select the workload together, each a
/// provider. A token must be valid for its provider; a request without one passes, for RBAC to decide.
/// </summary>
/// <remarks>
/// Keys come inline: where a policy names an address, <see cref="Keys.KeySetSource"/> has put in what was found there. As long as nothing
/// was found the set is empty and no token of that issuer is valid.
/// </remarks>
internal static class RequestAuthenticationTranslator
{
    private const string FilterName = "envoy.filters.http.jwt_authn";

    // Istio's: policies find the payload under this name, and compare the items of these claims.
    private const string PayloadKey = "payload";

    private static readonly string[] ListClaims = ["scope", "permission"];

    public static IEnumerable<HttpFilter> Filters(ManifestSet manifests, Workload workload)
    {
        // In the order of the issuers, as istiod has them, so that the result does not depend on the age of policies.
        var rules = manifests.RequestAuthentications.Where(policy => Selects(policy, workload, manifests)).SelectMany(policy => policy.Rules)
            .OrderBy(rule => rule.Issuer, StringComparer.Ordinal).ToArray();
        if (rules.Length == 0)
        {
            yield break;
        }

        var filter = new JwtAuthentication { BypassCorsPreflight = true };
        var requirements = new List<(JwtRequirement Token, JwtRequirement TokenOrNone)>(rules.Length);
        for (var i = 0; i < rules.Length; i++)
        {
            var name = string.Create(CultureInfo.InvariantCulture, $"origins-{i}");
            filter.Providers.Add(name, Provider(rules[i]));
            requirements.Add((new JwtRequirement { ProviderName = name }, Any(new JwtRequirement { ProviderName = name }, new JwtRequirement { AllowMissing = new Empty() })));
        }

        filter.Rules.Add(new RequirementRule
        {
            Match = new RouteMatch { Prefix = "/" },
            Requires = requirements is [var only] ? only.TokenOrNone : OneOrAll(requirements),
        });
        yield return ListenerTranslator.Filter(FilterName, filter);
    }

    /// <summary>Whether the policy is for the workload: its namespace or the root namespace, and the labels.</summary>
    public static bool Selects(RequestAuthenticationManifest policy, Workload workload, ManifestSet manifests)
        => policy.IsForMesh && PolicySelection.Selects(policy, policy.Selector, policy.Targets, workload, manifests);

    // Istio: valid for one of the providers, which is how issuers share a place; or valid for each that finds a token in its places.
    private static JwtRequirement OneOrAll(List<(JwtRequirement Token, JwtRequirement TokenOrNone)> requirements)
        => Any([
            .. requirements.Select(requirement => requirement.Token),
            new JwtRequirement { RequiresAll = new JwtRequirementAndList { Requirements = { requirements.Select(requirement => requirement.TokenOrNone) } } },
        ]);

    private static JwtRequirement Any(params IEnumerable<JwtRequirement> requirements) => new() { RequiresAny = new JwtRequirementOrList { Requirements = { requirements } } };

    private static JwtProvider Provider(JwtRule rule) => new()
    {
        Issuer = rule.Issuer,
        Audiences = { rule.Audiences },
        LocalJwks = new DataSource { InlineString = PublicKeys.Of(rule.Jwks) },
        Forward = rule.ForwardOriginalToken,
        FromHeaders = { rule.FromHeaders.Select(header => new JwtHeader { Name = header.Name, ValuePrefix = header.Prefix }) },
        FromParams = { rule.FromParams },
        FromCookies = { rule.FromCookies },
        ForwardPayloadHeader = rule.OutputPayloadToHeader ?? "",
        PayloadInMetadata = PayloadKey,
        NormalizePayloadInMetadata = new JwtProvider.Types.NormalizePayload { SpaceDelimitedClaims = { ListClaims.Union(rule.SpaceDelimitedClaims) } },
        ClaimToHeaders = { rule.OutputClaimToHeaders.Select(output => new JwtClaimToHeader { HeaderName = output.Header, ClaimName = output.Claim }) },
    };
}
