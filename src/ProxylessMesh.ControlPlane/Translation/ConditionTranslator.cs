using System.Collections.Immutable;
using System.Globalization;
using Envoy.Config.Rbac.V3;
using Envoy.Config.Route.V3;
using Envoy.Type.Matcher.V3;
using ProxylessMesh.Manifests;
using ProxylessMesh.Manifests.Kinds;

namespace ProxylessMesh.ControlPlane.Translation;

/// <summary>
/// The <c>when</c> of a rule: what is asked of the connection joins each permission, what is asked of the caller and of headers joins each
/// principal, as in Istio. All conditions must hold.
/// </summary>
internal static class ConditionTranslator
{
    public static Permission And(Permission permission, ImmutableArray<AuthorizationCondition> conditions, RuleScope scope)
    {
        var rules = new Permission.Types.Set();
        foreach (var condition in conditions)
        {
            if (PermissionOf(condition, scope) is { } translate)
            {
                scope.Add(rules, condition.Values, condition.NotValues, translate);
            }
        }

        if (rules.Rules.Count == 0)
        {
            return permission;
        }

        rules.Rules.Insert(0, permission);
        return new Permission { AndRules = rules };
    }

    public static Principal And(Principal principal, ImmutableArray<AuthorizationCondition> conditions, RuleScope scope)
    {
        var ids = new Principal.Types.Set();
        foreach (var condition in conditions)
        {
            if (PermissionOf(condition, scope) is null)
            {
                scope.Add(ids, condition.Values, condition.NotValues, value => Translate(condition, value, scope));
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
    private static Func<string, Permission?>? PermissionOf(AuthorizationCondition condition, RuleScope scope) => condition.Key switch
    {
        AuthorizationKey.DestinationIp => static value => new Permission { DestinationIp = PrincipalTranslator.Range(Addresses.ParseNetwork(value)!.Value) },
        AuthorizationKey.DestinationPort => static value => new Permission { DestinationPort = uint.Parse(value, CultureInfo.InvariantCulture) },
        AuthorizationKey.ConnectionSni => static value => value == "*" ? new Permission { Any = true } : new Permission { RequestedServerName = TextPattern.Matcher(value) },
        AuthorizationKey.FilterMetadata => value => Metadata(condition, value, scope),
        _ => null,
    };

    private static Principal? Translate(AuthorizationCondition condition, string value, RuleScope scope) => condition.Key switch
    {
        AuthorizationKey.SourceIp => PrincipalTranslator.Address(Addresses.ParseNetwork(value)!.Value),
        AuthorizationKey.RemoteIp => PrincipalTranslator.RemoteAddress(Addresses.ParseNetwork(value)!.Value, scope),
        AuthorizationKey.SourceNamespace => PrincipalTranslator.Namespace(value),
        AuthorizationKey.SourceServiceAccount => PrincipalTranslator.ServiceAccount(value),
        AuthorizationKey.SourceTrustDomain => PrincipalTranslator.Domain(value, scope),
        AuthorizationKey.SourcePrincipal => PrincipalTranslator.Identity(value, scope),
        AuthorizationKey.RequestPrincipal => TokenTranslator.Principal(value, scope),
        AuthorizationKey.RequestAudiences => TokenTranslator.Claim(["aud"], value, scope),
        AuthorizationKey.RequestPresenter => TokenTranslator.Claim(["azp"], value, scope),
        AuthorizationKey.RequestClaim => TokenTranslator.Claim(condition.Path, value, scope),
        _ => scope.KnowsHttp ? Header(condition.Name, value) : null,
    };

    // A value in brackets is one of a list (Istio's form).
    private static Permission? Metadata(AuthorizationCondition condition, string value, RuleScope scope)
    {
        if (!scope.KnowsMetadata || !FilterNames.Writing.Contains(condition.Name))
        {
            return null;
        }

        var text = value is ['[', .., ']'] ? value[1..^1] : value;
        var one = new ValueMatcher { StringMatch = text == "*" ? new StringMatcher { SafeRegex = new RegexMatcher { Regex = ".+" } } : TextPattern.Matcher(text) };
        return new Permission
        {
            Metadata = new MetadataMatcher
            {
                Filter = condition.Name,
                Path = { condition.Path.Select(static key => new MetadataMatcher.Types.PathSegment { Key = key }) },
                Value = text.Length == value.Length ? one : new ValueMatcher { ListMatch = new ListMatcher { OneOf = one } },
            },
        };
    }

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
