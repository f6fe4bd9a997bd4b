using System.Collections.Immutable;
using Envoy.Config.Route.V3;
using Envoy.Type.Matcher.V3;
using WireHeader = Envoy.Config.Route.V3.HeaderMatcher;
using WireQuery = Envoy.Config.Route.V3.QueryParameterMatcher;
using WireString = Envoy.Type.Matcher.V3.StringMatcher;

namespace ProxylessMesh.Xds.Resources;

/// <summary>Builds the matchers of routes, RBAC and TLS; every regex is compiled here. Null: bad, and reported.</summary>
internal static class MatcherDecoder
{
    private const int MaxPatternLength = 8 * 1024;

    public static Matching.StringMatcher? String(WireString? matcher, string field, DecodeErrors errors)
    {
        if (matcher is null)
        {
            errors.AddMissing(field);
            return null;
        }

        var ignoreCase = matcher.IgnoreCase;
        switch (matcher.MatchPatternCase)
        {
            case WireString.MatchPatternOneofCase.Exact:
                return Matching.StringMatcher.Exact(matcher.Exact, ignoreCase);
            case WireString.MatchPatternOneofCase.Prefix when NotEmpty(matcher.Prefix, field + ".prefix", errors):
                return Matching.StringMatcher.Prefix(matcher.Prefix, ignoreCase);
            case WireString.MatchPatternOneofCase.Suffix when NotEmpty(matcher.Suffix, field + ".suffix", errors):
                return Matching.StringMatcher.Suffix(matcher.Suffix, ignoreCase);
            case WireString.MatchPatternOneofCase.Contains when NotEmpty(matcher.Contains, field + ".contains", errors):
                return Matching.StringMatcher.Contains(matcher.Contains, ignoreCase);
            case WireString.MatchPatternOneofCase.SafeRegex:
                return Regex(matcher.SafeRegex, field + ".safe_regex", errors);
            case WireString.MatchPatternOneofCase.None:
                errors.Add(field, "unset", "must be exact, prefix, suffix, contains or safe_regex");
                return null;
            default:
                return null;
        }
    }

    public static Matching.StringMatcher? Regex(RegexMatcher matcher, string field, DecodeErrors errors)
    {
        var pattern = matcher.Regex;
        if (pattern.Length > MaxPatternLength)
        {
            errors.Add(field + ".regex", pattern, $"is longer than {MaxPatternLength} characters");
            return null;
        }

        try
        {
            return Matching.StringMatcher.Regex(pattern);
        }
        catch (Exception unusable) when (unusable is ArgumentException or NotSupportedException)
        {
            errors.Add(field + ".regex", pattern, "does not compile: " + DecodeErrors.Printable(unusable.Message));
            return null;
        }
    }

    /// <summary>One header matcher, in both the old and the new form of its value (gRFC A28, A63).</summary>
    public static Matching.HeaderMatcher? Header(WireHeader matcher, DecodeErrors errors)
    {
        if (matcher.Name.Length == 0)
        {
            errors.AddMissing("name");
            return null;
        }

        var header = new Matching.HeaderMatcher
        {
            Name = matcher.Name.ToLowerInvariant(),
            Invert = matcher.InvertMatch,
            TreatMissingAsEmpty = matcher.TreatMissingHeaderAsEmpty,
        };
        switch (matcher.HeaderMatchSpecifierCase)
        {
            case WireHeader.HeaderMatchSpecifierOneofCase.PresentMatch:
                return header with { Present = matcher.PresentMatch };
            case WireHeader.HeaderMatchSpecifierOneofCase.RangeMatch:
                if (matcher.RangeMatch.End <= matcher.RangeMatch.Start)
                {
                    errors.Add("range_match.end", matcher.RangeMatch.End, $"must be greater than the start, {matcher.RangeMatch.Start}");
                    return null;
                }

                return header with { Range = (matcher.RangeMatch.Start, matcher.RangeMatch.End) };
            case WireHeader.HeaderMatchSpecifierOneofCase.None:
                errors.Add($"'{DecodeErrors.Printable(matcher.Name)}' has no header_match_specifier that this version knows");
                return null;
            default:
                return HeaderValue(matcher, errors) is { } value ? header with { Value = value } : null;
        }
    }

    public static ImmutableArray<Matching.HeaderMatcher> Headers(IReadOnlyList<WireHeader> matchers, string field, DecodeErrors errors)
    {
        if (matchers.Count == 0)
        {
            return [];
        }

        var headers = ImmutableArray.CreateBuilder<Matching.HeaderMatcher>(matchers.Count);
        for (var i = 0; i < matchers.Count; i++)
        {
            using (errors.In(field, i))
            {
                if (Header(matchers[i], errors) is { } header)
                {
                    headers.Add(header);
                }
            }
        }

        return headers.ToImmutable();
    }

    public static Matching.QueryParameterMatcher? Query(WireQuery matcher, DecodeErrors errors)
    {
        if (matcher.Name.Length == 0)
        {
            errors.AddMissing("name");
            return null;
        }

        if (matcher.QueryParameterMatchSpecifierCase != WireQuery.QueryParameterMatchSpecifierOneofCase.StringMatch)
        {
            return new Matching.QueryParameterMatcher
            {
                Name = matcher.Name,
                Present = matcher.QueryParameterMatchSpecifierCase == WireQuery.QueryParameterMatchSpecifierOneofCase.None || matcher.PresentMatch,
            };
        }

        var value = String(matcher.StringMatch, "string_match", errors);
        return value is null ? null : new Matching.QueryParameterMatcher { Name = matcher.Name, Value = value };
    }

    public static Matching.PathMatcher? Path(RouteMatch match, DecodeErrors errors)
    {
        var ignoreCase = match.CaseSensitive == false;
        switch (match.PathSpecifierCase)
        {
            case RouteMatch.PathSpecifierOneofCase.Prefix:
                return Matching.PathMatcher.Prefix(match.Prefix, ignoreCase);
            case RouteMatch.PathSpecifierOneofCase.Path:
                return Matching.PathMatcher.Exact(match.Path, ignoreCase);
            case RouteMatch.PathSpecifierOneofCase.PathSeparatedPrefix:
                var prefix = match.PathSeparatedPrefix;
                if (!prefix.StartsWith('/') || prefix.Length < 2 || prefix.EndsWith('/') || prefix.AsSpan().ContainsAny('?', '#'))
                {
                    errors.Add("path_separated_prefix", prefix, "must begin with '/', not end with '/' and have neither '?' nor '#'");
                    return null;
                }

                return Matching.PathMatcher.SeparatedPrefix(prefix, ignoreCase);
            case RouteMatch.PathSpecifierOneofCase.SafeRegex:
                return Regex(match.SafeRegex, "safe_regex", errors) is { } regex ? Matching.PathMatcher.Text(regex) : null;
            default:
                errors.Add("has no path_specifier that this version knows (prefix, path, safe_regex or path_separated_prefix)");
                return null;
        }
    }

    private static Matching.StringMatcher? HeaderValue(WireHeader matcher, DecodeErrors errors)
        => matcher.HeaderMatchSpecifierCase switch
        {
            WireHeader.HeaderMatchSpecifierOneofCase.ExactMatch => Matching.StringMatcher.Exact(matcher.ExactMatch),
            WireHeader.HeaderMatchSpecifierOneofCase.PrefixMatch when NotEmpty(matcher.PrefixMatch, "prefix_match", errors)
                => Matching.StringMatcher.Prefix(matcher.PrefixMatch),
            WireHeader.HeaderMatchSpecifierOneofCase.SuffixMatch when NotEmpty(matcher.SuffixMatch, "suffix_match", errors)
                => Matching.StringMatcher.Suffix(matcher.SuffixMatch),
            WireHeader.HeaderMatchSpecifierOneofCase.ContainsMatch when NotEmpty(matcher.ContainsMatch, "contains_match", errors)
                => Matching.StringMatcher.Contains(matcher.ContainsMatch),
            WireHeader.HeaderMatchSpecifierOneofCase.SafeRegexMatch => Regex(matcher.SafeRegexMatch, "safe_regex_match", errors),
            WireHeader.HeaderMatchSpecifierOneofCase.StringMatch => String(matcher.StringMatch, "string_match", errors),
            _ => null,
        };

    private static bool NotEmpty(string text, string field, DecodeErrors errors)
    {
        if (text.Length == 0)
        {
            errors.Add(field, "\"\"", "must not be empty");
        }

        return text.Length > 0;
    }
}
