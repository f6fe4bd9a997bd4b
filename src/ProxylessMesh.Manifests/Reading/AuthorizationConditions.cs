using ProxylessMesh.Manifests.Kinds;

namespace ProxylessMesh.Manifests.Reading;

/// <summary>Reads one of an AuthorizationPolicy's <c>when</c> entries.</summary>
internal static class AuthorizationConditions
{
    private const string Headers = "request.headers[";

    private static readonly (string Key, AuthorizationKey Attribute, TextRule Rule)[] Keys =
    [
        ("source.ip", AuthorizationKey.SourceIp, AuthorizationValues.Network),
        ("remote.ip", AuthorizationKey.RemoteIp, AuthorizationValues.Network),
        ("source.namespace", AuthorizationKey.SourceNamespace, AuthorizationValues.Pattern),
        ("source.principal", AuthorizationKey.SourcePrincipal, AuthorizationValues.Pattern),
        ("source.serviceAccount", AuthorizationKey.SourceServiceAccount, AuthorizationValues.Account),
        ("source.trustDomain", AuthorizationKey.SourceTrustDomain, AuthorizationValues.Pattern),
        ("destination.ip", AuthorizationKey.DestinationIp, AuthorizationValues.Network),
        ("destination.port", AuthorizationKey.DestinationPort, AuthorizationValues.Port),
        ("connection.sni", AuthorizationKey.ConnectionSni, AuthorizationValues.Pattern),
    ];

    public static AuthorizationCondition? Read(YamlMap map, string ns)
    {
        var key = map.RequiredText("key", Key, "Write an attribute, such as 'source.ip' or 'request.headers[x-token]'");
        if (!map.Has("values") && !map.Has("notValues"))
        {
            map.Fail("it compares with nothing", "Write 'values:' or 'notValues:'");
        }

        var (attribute, name, rule) = Find(key);
        var values = map.Texts("values", rule);
        var notValues = map.Texts("notValues", rule);
        map.End();
        return key.Length == 0
            ? null
            : attribute == AuthorizationKey.SourceServiceAccount
                ? new AuthorizationCondition(attribute, name, [.. values.Select(value => AuthorizationValues.FullAccount(value, ns))], [.. notValues.Select(value => AuthorizationValues.FullAccount(value, ns))])
                : new AuthorizationCondition(attribute, name, values, notValues);
    }

    private static (AuthorizationKey Attribute, string Name, TextRule Rule) Find(string key)
    {
        var known = Array.Find(Keys, known => known.Key == key);
        return known.Key is not null
            ? (known.Attribute, "", known.Rule)
            : (AuthorizationKey.RequestHeader, key.Length == 0 ? "" : HeaderNames.Lower(key[Headers.Length..^1]), AuthorizationValues.Pattern);
    }

    private static Mistake? Key(string text)
    {
        if (text.StartsWith("request.auth.", StringComparison.Ordinal))
        {
            return new("tokens of end users are not supported yet", "Remove the condition; nothing here would carry it out");
        }

        if (text.StartsWith("experimental.envoy.filters.", StringComparison.Ordinal))
        {
            return new("it asks for what a filter of Envoy says, and there is no Envoy", "Remove the condition");
        }

        if (text.StartsWith(Headers, StringComparison.Ordinal) && text.EndsWith(']'))
        {
            var name = text[Headers.Length..^1];
            return name is ":authority" or ":method" or ":path" ? null : TextRules.HeaderName(name);
        }

        string[] known = [.. Keys.Select(key => key.Key)];
        return known.Contains(text) ? null : new("it is not an attribute", NearestWord.To(text, known) is { } nearest ? $"Write '{nearest}'" : $"Write one of {string.Join(", ", known)}, {Headers}NAME]");
    }
}
