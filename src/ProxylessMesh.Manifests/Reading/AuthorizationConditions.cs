using System.Collections.Immutable;
using ProxylessMesh.Manifests.Kinds;

namespace ProxylessMesh.Manifests.Reading;

/// <summary>Reads one of an AuthorizationPolicy's <c>when</c> entries.</summary>
internal static class AuthorizationConditions
{
    private const string Headers = "request.headers[";
    private const string Claims = "request.auth.claims[";
    private const string Filters = "experimental.envoy.filters.";

    // Those that write something here.
    private static readonly string[] KnownFilters = ["envoy.filters.http.jwt_authn", "envoy.filters.http.rbac", "envoy.filters.http.ext_authz"];

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
        ("request.auth.principal", AuthorizationKey.RequestPrincipal, AuthorizationValues.Pattern),
        ("request.auth.audiences", AuthorizationKey.RequestAudiences, AuthorizationValues.Pattern),
        ("request.auth.presenter", AuthorizationKey.RequestPresenter, AuthorizationValues.Pattern),
    ];

    public static AuthorizationCondition? Read(YamlMap map, AuthorizationAction action, string ns)
    {
        var key = map.RequiredText("key", Key, "Write an attribute, such as 'source.ip' or 'request.headers[x-token]'");
        if (!map.Has("values") && !map.Has("notValues"))
        {
            map.Fail("it compares with nothing", "Write 'values:' or 'notValues:'");
        }

        var (empty, rule) = Find(key);
        var values = map.Texts("values", rule);
        var notValues = map.Texts("notValues", rule);
        map.End();
        if (key.Length == 0)
        {
            return null;
        }

        if (empty.Key == AuthorizationKey.FilterMetadata && !KnownFilters.Contains(empty.Name))
        {
            map.Field("key")?.Warn(
                action == AuthorizationAction.Allow ? $"no filter here is called {empty.Name}, so it never holds" : $"no filter here is called {empty.Name}, so it is taken to hold",
                $"Write one of {string.Join(", ", KnownFilters)}, or remove the condition");
        }

        return empty.Key == AuthorizationKey.SourceServiceAccount
            ? empty with { Values = [.. values.Select(value => AuthorizationValues.FullAccount(value, ns))], NotValues = [.. notValues.Select(value => AuthorizationValues.FullAccount(value, ns))] }
            : empty with { Values = values, NotValues = notValues };
    }

    private static (AuthorizationCondition Empty, TextRule Rule) Find(string key)
    {
        var known = Array.Find(Keys, known => known.Key == key);
        if (known.Key is not null)
        {
            return (new(known.Attribute, "", [], []), known.Rule);
        }

        if (key.StartsWith(Claims, StringComparison.Ordinal))
        {
            return (new(AuthorizationKey.RequestClaim, "", [], []) { Path = Brackets(key[(Claims.Length - 1)..]) ?? [] }, AuthorizationValues.Pattern);
        }

        if (key.StartsWith(Filters, StringComparison.Ordinal))
        {
            var bracket = key.IndexOf('[', StringComparison.Ordinal);
            return (new(AuthorizationKey.FilterMetadata, key["experimental.".Length..bracket], [], []) { Path = Brackets(key[bracket..]) ?? [] }, TextRules.NotEmpty);
        }

        return (new(AuthorizationKey.RequestHeader, key.Length == 0 ? "" : HeaderNames.Lower(key[Headers.Length..^1]), [], []), AuthorizationValues.Pattern);
    }

    // "[a][b]" is a and b; null: it has another form.
    private static ImmutableArray<string>? Brackets(string text)
        => text.Length > 2 && text[0] == '[' && text[^1] == ']' && text[1..^1].Split("][") is { } names && !names.Any(static name => name.Length == 0 || name.AsSpan().ContainsAny('[', ']'))
            ? [.. names]
            : null;

    private static Mistake? Key(string text)
    {
        if (text.StartsWith(Claims, StringComparison.Ordinal))
        {
            return Brackets(text[(Claims.Length - 1)..]) is null ? new("it names no claim", "Write 'request.auth.claims[groups]', or 'request.auth.claims[outer][inner]'") : null;
        }

        if (text.StartsWith(Filters, StringComparison.Ordinal))
        {
            return text.IndexOf('[', StringComparison.Ordinal) is > 0 and var bracket && Brackets(text[bracket..]) is { Length: 1 }
                ? null
                : new("it does not say what the filter wrote", "Write 'experimental.envoy.filters.http.jwt_authn[payload]'");
        }

        if (text.StartsWith(Headers, StringComparison.Ordinal) && text.EndsWith(']'))
        {
            var name = text[Headers.Length..^1];
            return name is ":authority" or ":method" or ":path" ? null : TextRules.HeaderName(name);
        }

        string[] known = [.. Keys.Select(key => key.Key)];
        return known.Contains(text)
            ? null
            : new("it is not an attribute", NearestWord.To(text, known) is { } nearest ? $"Write '{nearest}'" : $"Write one of {string.Join(", ", known)}, {Headers}NAME], {Claims}NAME]");
    }
}
