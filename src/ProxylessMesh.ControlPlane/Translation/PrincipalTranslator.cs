using System.Net;
using System.Text.RegularExpressions;
using Envoy.Config.Core.V3;
using Envoy.Config.Rbac.V3;
using Envoy.Type.Matcher.V3;
using ProxylessMesh.Manifests.Kinds;

namespace ProxylessMesh.ControlPlane.Translation;

/// <summary>One <c>from.source</c>: all of its fields must match, and of a field's values one.</summary>
internal static class PrincipalTranslator
{
    private const string Scheme = "spiffe://";

    public static Principal Translate(AuthorizationSource source, RuleScope scope)
    {
        var ids = new Principal.Types.Set();
        scope.Add(ids, source.Principals, source.NotPrincipals, value => Identity(value, scope));
        scope.Add(ids, source.RequestPrincipals, source.NotRequestPrincipals, value => TokenTranslator.Principal(value, scope));
        scope.Add(ids, source.Namespaces, source.NotNamespaces, Namespace);
        scope.Add(ids, source.TrustDomains, source.NotTrustDomains, value => Domain(value, scope));
        scope.Add(ids, source.IpBlocks, source.NotIpBlocks, Address);
        scope.Add(ids, source.RemoteIpBlocks, source.NotRemoteIpBlocks, value => RemoteAddress(value, scope));
        scope.Add(ids, source.ServiceAccounts, source.NotServiceAccounts, ServiceAccount);
        return ids.Ids.Count == 0 ? new Principal { Any = true } : new Principal { AndIds = ids };
    }

    public static Principal Identity(string value, RuleScope scope) => AnyOf(IdentityMatchers(value, scope.TrustDomains));

    /// <summary>What a principal in a policy matches of SPIFFE IDs: one matcher for each name of the trust domain.</summary>
    public static IEnumerable<StringMatcher> IdentityMatchers(string value, TrustDomainNames trustDomains)
    {
        if (value == "*")
        {
            return [new StringMatcher { Prefix = Scheme }];
        }

        // "*/ns/shop/sa/a" begins with what may be anything: there is no trust domain in it.
        var slash = value.IndexOf('/', StringComparison.Ordinal);
        return value.StartsWith('*') || slash < 0
            ? [TextPattern.Matcher(value, Scheme)]
            : trustDomains.Meant(value[..slash]).Select(name => TextPattern.Matcher(name + value[slash..], Scheme));
    }

    // As Istio: the namespace of the identity in whatever trust domain.
    public static Principal Namespace(string value)
        => Authenticated(value.Contains('*', StringComparison.Ordinal)
            ? Expression($".*/ns/{Regex.Escape(value).Replace(@"\*", "[^/]*", StringComparison.Ordinal)}/.*")
            : new StringMatcher { Contains = $"/ns/{value}/" });

    /// <summary><c>namespace/name</c> in whatever trust domain, as Istio: parts may stand around the two, but none may follow the name without a slash.</summary>
    public static Principal ServiceAccount(string value)
    {
        var slash = value.IndexOf('/', StringComparison.Ordinal);
        return Authenticated(Expression($"{Scheme}.+/ns/{Regex.Escape(value[..slash])}/(.+/)?sa/{Regex.Escape(value[(slash + 1)..])}(/.+)?"));
    }

    /// <summary>The trust domain alone.</summary>
    public static Principal Domain(string value, RuleScope scope)
        => AnyOf(scope.TrustDomains.Meant(value).Select(static name => Expression($"{Scheme}{Regex.Escape(name).Replace(@"\*", "[^/]*", StringComparison.Ordinal)}/.*")));

    public static Principal Address(IPNetwork network) => new() { DirectRemoteIp = Range(network) };

    public static Principal? RemoteAddress(IPNetwork network, RuleScope scope) => scope.KnowsCallerAddress ? new() { RemoteIp = Range(network) } : null;

    public static CidrRange Range(IPNetwork network) => new() { AddressPrefix = network.BaseAddress.ToString(), PrefixLen = (uint)network.PrefixLength };

    private static Principal AnyOf(IEnumerable<StringMatcher> names)
        => names.Select(Authenticated).ToList() is { Count: > 1 } several ? new Principal { OrIds = new Principal.Types.Set { Ids = { several } } } : Authenticated(names.First());

    private static Principal Authenticated(StringMatcher name) => new() { Authenticated = new Principal.Types.Authenticated { PrincipalName = name } };

    private static StringMatcher Expression(string regex) => new() { SafeRegex = new RegexMatcher { Regex = regex } };
}
