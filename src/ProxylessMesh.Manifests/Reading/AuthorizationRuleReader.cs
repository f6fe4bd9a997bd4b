using System.Collections.Immutable;
using System.Net;
using ProxylessMesh.Manifests.Kinds;

namespace ProxylessMesh.Manifests.Reading;

/// <summary>Reads one of an AuthorizationPolicy's <c>rules</c>.</summary>
internal static class AuthorizationRuleReader
{
    // What Istio compares by namespace may not stand beside what it compares by account.
    private static readonly string[] NotBesideAccounts = ["principals", "notPrincipals", "namespaces", "notNamespaces"];

    public static AuthorizationRule Read(YamlMap map, AuthorizationAction action, string ns)
    {
        var rule = new AuthorizationRule
        {
            From = ReadParts(map, "from", "source", source => ReadSource(source, ns)),
            To = ReadParts(map, "to", "operation", ReadOperation),
            When = [.. map.List("when", condition => AuthorizationConditions.Read(condition, action, ns)).OfType<AuthorizationCondition>()],
        };
        map.End();
        return rule;
    }

    // An empty list or an empty item would match every caller, which nobody means: Istio refuses both.
    private static ImmutableArray<T> ReadParts<T>(YamlMap rule, string list, string item, Func<YamlMap, T> read)
        where T : class
    {
        if (rule.Field(list) is { Node: ListNode { Items.IsEmpty: true } } empty)
        {
            empty.Fail("the list is empty", $"Add '- {item}:' to it, or remove it to mean everything");
        }

        return [.. rule.List(list, part =>
        {
            var content = part.Required(item, $"Write '{item}:' with fields below it")?.Map();
            if (content is { IsEmpty: true })
            {
                content.Fail("it is empty", $"Write a field, or remove '{list}' to mean everything");
            }

            part.End();
            return content is null ? null : read(content);
        }).OfType<T>()];
    }

    private static AuthorizationSource ReadSource(YamlMap map, string ns)
    {
        var source = new AuthorizationSource
        {
            Principals = Values(map, "principals"),
            NotPrincipals = Values(map, "notPrincipals"),
            RequestPrincipals = Values(map, "requestPrincipals"),
            NotRequestPrincipals = Values(map, "notRequestPrincipals"),
            Namespaces = Values(map, "namespaces"),
            NotNamespaces = Values(map, "notNamespaces"),
            TrustDomains = Values(map, "trustDomains"),
            NotTrustDomains = Values(map, "notTrustDomains"),
            IpBlocks = Networks(map, "ipBlocks"),
            NotIpBlocks = Networks(map, "notIpBlocks"),
            RemoteIpBlocks = Networks(map, "remoteIpBlocks"),
            NotRemoteIpBlocks = Networks(map, "notRemoteIpBlocks"),
            ServiceAccounts = Accounts(map, "serviceAccounts", ns),
            NotServiceAccounts = Accounts(map, "notServiceAccounts", ns),
        };
        if ((map.Has("serviceAccounts") || map.Has("notServiceAccounts")) && Array.Find(NotBesideAccounts, map.Has) is { } other)
        {
            map.Field(other)?.Fail("it stands beside service accounts", "Put the two into two entries of 'from'");
        }

        map.End();
        return source;
    }

    private static AuthorizationOperation ReadOperation(YamlMap map)
    {
        var operation = new AuthorizationOperation
        {
            Hosts = Values(map, "hosts"),
            NotHosts = Values(map, "notHosts"),
            Ports = Ports(map, "ports"),
            NotPorts = Ports(map, "notPorts"),
            Methods = Values(map, "methods"),
            NotMethods = Values(map, "notMethods"),
            Paths = Values(map, "paths", AuthorizationValues.Path),
            NotPaths = Values(map, "notPaths", AuthorizationValues.Path),
        };
        map.End();
        return operation;
    }

    private static ImmutableArray<string> Values(YamlMap map, string key, TextRule? rule = null)
    {
        if (map.Field(key) is { Node: ListNode { Items.IsEmpty: true } } empty)
        {
            empty.Fail("the list is empty", "Write a value, or remove the field");
        }

        return map.Texts(key, rule ?? AuthorizationValues.Pattern);
    }

    private static ImmutableArray<string> Accounts(YamlMap map, string key, string ns)
        => [.. Values(map, key, AuthorizationValues.Account).Select(text => AuthorizationValues.FullAccount(text, ns))];

    private static ImmutableArray<int> Ports(YamlMap map, string key)
        => [.. Values(map, key, AuthorizationValues.Port).Select(text => PortNumbers.Parse(text) ?? 0)];

    private static ImmutableArray<IPNetwork> Networks(YamlMap map, string key)
        => [.. Values(map, key, AuthorizationValues.Network).Select(Addresses.ParseNetwork).OfType<IPNetwork>()];
}
