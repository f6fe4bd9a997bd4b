using System.Collections.Immutable;
using System.Net;
using ProxylessMesh.Manifests.Kinds;

namespace ProxylessMesh.Manifests.Reading;

/// <summary>Reads Istio's <c>AuthorizationPolicy</c>.</summary>
internal static class AuthorizationPolicyReader
{
    private const string DryRunAnnotation = "istio.io/dry-run";

    public static AuthorizationPolicyManifest? Read(YamlMap document, ManifestHeader header)
    {
        if (document.Required("spec", "Write 'spec:'; '{}' after it lets nobody in")?.Map() is not { } spec)
        {
            return null;
        }

        var action = spec.Field("action")?.Choice<AuthorizationAction>([("ALLOW", AuthorizationAction.Allow), ("DENY", AuthorizationAction.Deny)], "AUDIT", "CUSTOM");
        var policy = new AuthorizationPolicyManifest
        {
            Name = header.Name,
            Selector = Selectors.Read(spec),
            Action = action ?? AuthorizationAction.Allow,
            Rules = spec.List("rules", ReadRule),
        };
        if (policy.Action == AuthorizationAction.Deny && policy.Rules.IsEmpty)
        {
            spec.Fail("a DENY policy without rules never denies anything", "Add 'rules'; '- {}' among them denies every call");
        }

        if (header.Annotations.TryGetValue(DryRunAnnotation, out var dryRun) && dryRun != "false")
        {
            document.Fail($"the annotation {DryRunAnnotation} is not supported yet: the policy would be enforced", "Remove the annotation to enforce the policy, or remove the policy");
        }

        spec.NotYet("targetRef", "targetRefs", "provider");
        spec.End();
        return policy;
    }

    private static AuthorizationRule ReadRule(YamlMap map)
    {
        var rule = new AuthorizationRule
        {
            From = ReadParts(map, "from", "source", ReadSource),
            To = ReadParts(map, "to", "operation", ReadOperation),
        };
        map.NotYet("when");
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

    private static AuthorizationSource ReadSource(YamlMap map)
    {
        var source = new AuthorizationSource
        {
            Principals = Values(map, "principals"),
            NotPrincipals = Values(map, "notPrincipals"),
            Namespaces = Values(map, "namespaces"),
            NotNamespaces = Values(map, "notNamespaces"),
            IpBlocks = Networks(map, "ipBlocks"),
            NotIpBlocks = Networks(map, "notIpBlocks"),
        };
        map.NotYet("requestPrincipals", "notRequestPrincipals", "remoteIpBlocks", "notRemoteIpBlocks", "serviceAccounts", "notServiceAccounts");
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
            Paths = Values(map, "paths", PathValue),
            NotPaths = Values(map, "notPaths", PathValue),
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

        return map.Texts(key, rule ?? Value);
    }

    private static Mistake? Value(string text)
    {
        if (text.Length == 0)
        {
            return TextRules.NotEmpty(text);
        }

        // Istio compares such a value letter by letter, the star included, which never does what its writer hopes.
        return text.Length > 2 && text.AsSpan(1, text.Length - 2).Contains('*') || text.Length > 1 && text[0] == '*' && text[^1] == '*'
            ? new("a '*' stands in the middle or at both ends", "Put one '*' at the beginning or at the end")
            : null;
    }

    private static Mistake? PathValue(string text)
    {
        if (text.AsSpan().ContainsAny('{', '}'))
        {
            return new("path templates are not supported yet", "Use an exact path, 'prefix*' or '*suffix'");
        }

        return text.Contains('?', StringComparison.Ordinal)
            ? new("it has a query, and paths are compared without", "Remove everything from '?' on")
            : Value(text);
    }

    private static ImmutableArray<int> Ports(YamlMap map, string key)
        => [.. Values(map, key, static text => PortNumbers.Parse(text) is null ? new("it is not a port", "Write a number from 1 to 65535 in quotes") : null)
            .Select(text => PortNumbers.Parse(text) ?? 0)];

    private static ImmutableArray<IPNetwork> Networks(YamlMap map, string key)
        => [.. Values(map, key, static text => ParseNetwork(text) is null ? new("it is not an address or network", "Write '10.0.0.1' or '10.0.0.0/8'") : null)
            .Select(ParseNetwork).OfType<IPNetwork>()];

    private static IPNetwork? ParseNetwork(string text)
    {
        var slash = text.IndexOf('/', StringComparison.Ordinal);
        if (!IPAddress.TryParse(slash < 0 ? text : text[..slash], out var address))
        {
            return null;
        }

        var bits = address.GetAddressBytes().Length * 8;
        var length = slash < 0 ? bits : int.TryParse(text.AsSpan(slash + 1), out var written) ? written : -1;
        return length < 0 || length > bits ? null : new IPNetwork(Masked(address, length), length);
    }

    // '10.1.2.3/8' is '10.0.0.0/8', as Envoy reads it; IPNetwork refuses the former.
    private static IPAddress Masked(IPAddress address, int length)
    {
        var bytes = address.GetAddressBytes();
        for (var i = 0; i < bytes.Length; i++)
        {
            var kept = Math.Clamp(length - (i * 8), 0, 8);
            bytes[i] &= (byte)(0xFF00 >> kept);
        }

        return new IPAddress(bytes);
    }
}
