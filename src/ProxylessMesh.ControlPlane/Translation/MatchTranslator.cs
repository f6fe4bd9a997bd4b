using Envoy.Config.Route.V3;
using Envoy.Type.Matcher.V3;
using ProxylessMesh.Manifests.Kinds;

namespace ProxylessMesh.ControlPlane.Translation;

/// <summary>
/// Conditions on headers and query parameters. Headers use the old fields (<c>exact_match</c> and its like): every client reads
/// them, and C-core up to 1.51 refuses <c>string_match</c>.
/// </summary>
internal static class MatchTranslator
{
    public const string Method = ":method";
    public const string Authority = ":authority";
    public const string Scheme = ":scheme";

    /// <param name="name">Name of the header in lower case.</param>
    /// <param name="match">Null: the header is there.</param>
    public static HeaderMatcher Header(string name, StringMatch? match)
    {
        var header = new HeaderMatcher { Name = name };
        switch (match)
        {
            case null:
                header.PresentMatch = true;
                break;
            case { Kind: StringMatchKind.Prefix }:
                header.PrefixMatch = match.Value;
                break;
            case { Kind: StringMatchKind.Regex }:
                header.SafeRegexMatch = Regex(match.Value);
                break;
            default:
                header.ExactMatch = match.Value;
                break;
        }

        return header;
    }

    /// <summary>The header does not match; one that is absent does not.</summary>
    public static HeaderMatcher WithoutHeader(string name, StringMatch? match)
    {
        var header = Header(name, match);
        header.InvertMatch = true;
        header.TreatMissingHeaderAsEmpty = match is not null;
        return header;
    }

    public static QueryParameterMatcher Query(string name, StringMatch? match)
        => match is null ? new QueryParameterMatcher { Name = name, PresentMatch = true } : new QueryParameterMatcher { Name = name, StringMatch = Text(match) };

    public static RegexMatcher Regex(string expression) => new() { Regex = expression };

    public static StringMatcher Text(StringMatch match) => match.Kind switch
    {
        StringMatchKind.Prefix => new StringMatcher { Prefix = match.Value },
        StringMatchKind.Regex => new StringMatcher { SafeRegex = Regex(match.Value) },
        _ => new StringMatcher { Exact = match.Value },
    };
}
