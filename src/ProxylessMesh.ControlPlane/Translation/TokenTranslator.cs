using Envoy.Config.Rbac.V3;
using Envoy.Type.Matcher.V3;

namespace ProxylessMesh.ControlPlane.Translation;

/// <summary>
/// What a rule asks of an end user's token: matchers on what the filter that checks tokens wrote about the request, in the form in which
/// istiod writes them.
/// </summary>
internal static class TokenTranslator
{
    /// <summary>Writes the token's payload as metadata under its own name.</summary>
    public const string Filter = "envoy.filters.http.jwt_authn";

    /// <summary>The key of the payload there.</summary>
    public const string Payload = "payload";

    private static StringMatcher Present => new() { SafeRegex = new RegexMatcher { Regex = ".+" } };

    /// <summary><c>issuer/subject</c>. The last slash divides them: an issuer may be a URL.</summary>
    public static Principal? Principal(string value, RuleScope scope)
    {
        if (!scope.KnowsTokens)
        {
            return null;
        }

        var slash = value.LastIndexOf('/');
        var (issuer, subject) = (slash < 0, value) switch
        {
            (_, "*") => (Present, Present),
            (true, ['*', ..]) => (Present, TextPattern.Matcher(value)),
            (true, [.., '*']) => (TextPattern.Matcher(value), Present),
            (true, _) => (TextPattern.Matcher(value), new StringMatcher { Exact = "" }),
            _ => (Part(value[..slash]), Part(value[(slash + 1)..])),
        };
        return new Principal { AndIds = new Principal.Types.Set { Ids = { Text("iss", issuer), Text("sub", subject) } } };
    }

    /// <summary>A claim, by the names that lead to it: a text, or a list of which one does.</summary>
    public static Principal? Claim(IEnumerable<string> path, string value, RuleScope scope)
        => scope.KnowsTokens ? new Principal { Metadata = Matcher([Payload, .. path], ListOrText(value == "*" ? Present : TextPattern.Matcher(value))) } : null;

    private static StringMatcher Part(string text) => text == "*" ? Present : TextPattern.Matcher(text);

    private static Principal Text(string claim, StringMatcher value) => new() { Metadata = Matcher([Payload, claim], new ValueMatcher { StringMatch = value }) };

    private static ValueMatcher ListOrText(StringMatcher value) => new()
    {
        OrMatch = new OrMatcher
        {
            ValueMatchers = { new ValueMatcher { StringMatch = value }, new ValueMatcher { ListMatch = new ListMatcher { OneOf = new ValueMatcher { StringMatch = value.Clone() } } } },
        },
    };

    private static MetadataMatcher Matcher(IEnumerable<string> path, ValueMatcher value)
        => new() { Filter = Filter, Path = { path.Select(static key => new MetadataMatcher.Types.PathSegment { Key = key }) }, Value = value };
}
