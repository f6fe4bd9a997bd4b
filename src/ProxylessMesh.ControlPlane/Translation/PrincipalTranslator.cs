using System.Collections.Immutable;
using System.Net;
using System.Text.RegularExpressions;
using Envoy.Config.Core.V3;
using Envoy.Config.Rbac.V3;
using Envoy.Type.Matcher.V3;
using ProxylessMesh.Manifests.Kinds;
using ProxylessMesh.Spiffe;

namespace ProxylessMesh.ControlPlane.Translation;

/// <summary>One <c>from.source</c>: all of its fields must match, and of a field's values one.</summary>
internal static class PrincipalTranslator
{
    private const string Scheme = "spiffe://";

    // Istio: "cluster.local" in a policy points to the mesh's own trust domain, whatever it is called.
    private const string OwnTrustDomainAlias = "cluster.local/";

    public static Principal Translate(AuthorizationSource source, TrustDomain trustDomain)
    {
        var ids = new Principal.Types.Set();
        Add(ids, source.Principals, source.NotPrincipals, value => Identity(value, trustDomain));
        Add(ids, source.Namespaces, source.NotNamespaces, Namespace);
        Add(ids, source.IpBlocks, source.NotIpBlocks, Address);
        Add(ids, source.RemoteIpBlocks, source.NotRemoteIpBlocks, RemoteAddress);
        Add(ids, source.ServiceAccounts, source.NotServiceAccounts, ServiceAccount);
        return ids.Ids.Count == 0 ? new Principal { Any = true } : new Principal { AndIds = ids };
    }

    /// <summary>One of the values, and none of the others, added to what must hold.</summary>
    public static void Add<T>(Principal.Types.Set ids, ImmutableArray<T> values, ImmutableArray<T> notValues, Func<T, Principal> translate)
    {
        if (!values.IsEmpty)
        {
            ids.Ids.Add(AnyOf(values, translate));
        }

        if (!notValues.IsEmpty)
        {
            ids.Ids.Add(new Principal { NotId = AnyOf(notValues, translate) });
        }
    }

    private static Principal AnyOf<T>(ImmutableArray<T> values, Func<T, Principal> translate)
        => new() { OrIds = new Principal.Types.Set { Ids = { values.Select(translate) } } };

    public static Principal Identity(string value, TrustDomain trustDomain) => Authenticated(IdentityMatcher(value, trustDomain));

    /// <summary>What a principal in a policy matches of SPIFFE IDs.</summary>
    public static StringMatcher IdentityMatcher(string value, TrustDomain trustDomain)
    {
        if (value == "*")
        {
            return new StringMatcher { Prefix = Scheme };
        }

        var identity = value.StartsWith(OwnTrustDomainAlias, StringComparison.Ordinal) ? $"{trustDomain}/{value[OwnTrustDomainAlias.Length..]}" : value;
        return TextPattern.Matcher(identity, Scheme);
    }

    // As Istio: the namespace of the identity in whatever trust domain.
    public static Principal Namespace(string value)
        => Authenticated(value.Contains('*', StringComparison.Ordinal)
            ? new StringMatcher { SafeRegex = new RegexMatcher { Regex = $".*/ns/{Regex.Escape(value).Replace(@"\*", "[^/]*", StringComparison.Ordinal)}/.*" } }
            : new StringMatcher { Contains = $"/ns/{value}/" });

    /// <summary><c>namespace/name</c> in whatever trust domain, as Istio: parts may stand around the two, but none may follow the name without a slash.</summary>
    public static Principal ServiceAccount(string value)
    {
        var slash = value.IndexOf('/', StringComparison.Ordinal);
        var expression = $"{Scheme}.+/ns/{Regex.Escape(value[..slash])}/(.+/)?sa/{Regex.Escape(value[(slash + 1)..])}(/.+)?";
        return Authenticated(new StringMatcher { SafeRegex = new RegexMatcher { Regex = expression } });
    }

    /// <summary>The trust domain alone; <c>cluster.local</c> is the mesh's own.</summary>
    public static Principal Domain(string value, TrustDomain trustDomain)
    {
        var name = value + "/" == OwnTrustDomainAlias ? trustDomain.ToString() : value;
        var expression = Regex.Escape(name).Replace(@"\*", "[^/]*", StringComparison.Ordinal);
        return Authenticated(new StringMatcher { SafeRegex = new RegexMatcher { Regex = $"{Scheme}{expression}/.*" } });
    }

    public static Principal Address(IPNetwork network) => new() { DirectRemoteIp = Range(network) };

    public static Principal RemoteAddress(IPNetwork network) => new() { RemoteIp = Range(network) };

    public static CidrRange Range(IPNetwork network) => new() { AddressPrefix = network.BaseAddress.ToString(), PrefixLen = (uint)network.PrefixLength };

    private static Principal Authenticated(StringMatcher name) => new() { Authenticated = new Principal.Types.Authenticated { PrincipalName = name } };
}
