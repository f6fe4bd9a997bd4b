using System.Collections.Immutable;
using Envoy.Config.Rbac.V3;
using Envoy.Config.Route.V3;
using ProxylessMesh.Manifests;
using ProxylessMesh.Manifests.Kinds;
using ProxylessMesh.Spiffe;

namespace ProxylessMesh.ControlPlane.Translation;

/// <summary>
/// The <c>when</c> of a rule: what is asked of the connection joins each permission, what is asked of the caller and of headers joins each
/// principal, as in Istio. All conditions must hold.
/// </summary>
internal static class ConditionTranslator
{
    public static Permission And(Permission permission, ImmutableArray<AuthorizationCondition> conditions)
    {
        var rules = new Permission.Types.Set();
        foreach (var condition in conditions)
        {
            if (PermissionOf(condition) is { } translate)
            {
                PermissionTranslator.Add(rules, condition.Values, condition.NotValues, translate);
            }
        }

        if (rules.Rules.Count == 0)
        {
            return permission;
        }

        rules.Rules.Insert(0, permission);
        return new Permission { AndRules = rules };
    }

    public static Principal And(Principal principal, ImmutableArray<AuthorizationCondition> conditions, TrustDomain trustDomain)
    {
        var ids = new Principal.Types.Set();
        foreach (var condition in conditions)
        {
            if (PermissionOf(condition) is null)
            {
                PrincipalTranslator.Add(ids, condition.Values, condition.NotValues, value => Translate(condition, value, trustDomain));
            }
        }

        if (ids.Ids.Count == 0)
        {
            return principal;
        }

        ids.Ids.Insert(0, principal);
        return new Principal { AndIds = ids };
    }

    // Null: the condition is on the caller.
    private static Func<string, Permission>? PermissionOf(AuthorizationCondition condition) => condition.Key switch
    {
        AuthorizationKey.DestinationIp => static value => new Permission { DestinationIp = PrincipalTranslator.Range(Addresses.ParseNetwork(value)!.Value) },
        AuthorizationKey.DestinationPort => static value => new Permission { DestinationPort = uint.Parse(value, System.Globalization.CultureInfo.InvariantCulture) },
        AuthorizationKey.ConnectionSni => static value => value == "*" ? new Permission { Any = true } : new Permission { RequestedServerName = TextPattern.Matcher(value) },
        _ => null,
    };

    private static Principal Translate(AuthorizationCondition condition, string value, TrustDomain trustDomain) => condition.Key switch
    {
        AuthorizationKey.SourceIp => PrincipalTranslator.Address(Addresses.ParseNetwork(value)!.Value),
        AuthorizationKey.RemoteIp => PrincipalTranslator.RemoteAddress(Addresses.ParseNetwork(value)!.Value),
        AuthorizationKey.SourceNamespace => PrincipalTranslator.Namespace(value),
        AuthorizationKey.SourceServiceAccount => PrincipalTranslator.ServiceAccount(value),
        AuthorizationKey.SourceTrustDomain => PrincipalTranslator.Domain(value, trustDomain),
        AuthorizationKey.SourcePrincipal => PrincipalTranslator.Identity(value, trustDomain),
        _ => Header(condition.Name, value),
    };

    private static Principal Header(string name, string value)
    {
        var header = new HeaderMatcher { Name = name };
        if (value == "*")
        {
            header.PresentMatch = true;
        }
        else
        {
            header.StringMatch = TextPattern.Matcher(value);
        }

        return new Principal { Header = header };
    }
}
