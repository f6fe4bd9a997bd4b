using System.Text.RegularExpressions;
using Envoy.Config.Route.V3;
using Envoy.Type.Matcher.V3;

namespace ProxylessMesh.Xds.Resources;

/// <summary>Changes of path and authority: <c>prefix_rewrite</c>, <c>regex_rewrite</c>, <c>host_rewrite_literal</c>, <c>auto_host_rewrite</c> (gRFC A81).</summary>
internal static class RewriteDecoder
{
    private const int MaxPatternLength = 8 * 1024;

    /// <summary>Null: the path stays, or the rewrite is bad and reported.</summary>
    public static PathRewriteConfig? Path(RouteAction action, DecodeErrors errors)
    {
        if (action.PrefixRewrite.Length > 0 && action.RegexRewrite is not null)
        {
            errors.Add("prefix_rewrite", action.PrefixRewrite, "excludes regex_rewrite; write one of them");
        }

        if (action.PrefixRewrite.Length > 0)
        {
            return Prefix(action.PrefixRewrite, errors);
        }

        return action.RegexRewrite is { } regex ? Regex(regex, "regex_rewrite", errors) : null;
    }

    /// <summary><c>path_redirect</c>, <c>prefix_rewrite</c> or <c>regex_rewrite</c> of a redirect.</summary>
    public static PathRewriteConfig? Path(RedirectAction redirect, DecodeErrors errors)
    {
        switch (redirect.PathRewriteSpecifierCase)
        {
            case RedirectAction.PathRewriteSpecifierOneofCase.PathRedirect when redirect.PathRedirect.Length > 0:
                CheckText(redirect.PathRedirect, "path_redirect", errors);
                return new FullPathRewriteConfig(redirect.PathRedirect);
            case RedirectAction.PathRewriteSpecifierOneofCase.PrefixRewrite when redirect.PrefixRewrite.Length > 0:
                return Prefix(redirect.PrefixRewrite, errors);
            case RedirectAction.PathRewriteSpecifierOneofCase.RegexRewrite:
                return Regex(redirect.RegexRewrite, "regex_rewrite", errors);
            default:
                return null;
        }
    }

    /// <summary>Null: the authority stays.</summary>
    public static HostRewriteConfig? Host(RouteAction action, DecodeErrors errors)
        => action.HostRewriteSpecifierCase switch
        {
            RouteAction.HostRewriteSpecifierOneofCase.HostRewriteLiteral => Literal(action.HostRewriteLiteral, errors),
            RouteAction.HostRewriteSpecifierOneofCase.AutoHostRewrite when action.AutoHostRewrite == true => new HostRewriteConfig(null),
            _ => null,
        };

    /// <summary>Null: empty, which leaves the authority as it is (Envoy), or bad and reported.</summary>
    public static HostRewriteConfig? Literal(string host, DecodeErrors errors)
    {
        if (host.Length == 0)
        {
            return null;
        }

        CheckText(host, "host_rewrite_literal", errors);
        if (host.AsSpan().ContainsAny("/?#@"))
        {
            errors.Add("host_rewrite_literal", host, "must be a host name, with a port or without");
        }

        return new HostRewriteConfig(host);
    }

    /// <summary>A pattern with its substitution (<c>RegexMatchAndSubstitute</c>). A back-reference to a group that the pattern lacks is refused, as RE2 does.</summary>
    public static RegexRewriteConfig? Regex(RegexMatchAndSubstitute wire, string field, DecodeErrors errors)
    {
        using (errors.In(field))
        {
            var pattern = wire.Pattern?.Regex ?? "";
            if (pattern.Length is 0 or > MaxPatternLength)
            {
                errors.Add("pattern.regex", pattern, $"must have 1 to {MaxPatternLength} characters");
                return null;
            }

            Regex regex;
            try
            {
                regex = new Regex(pattern, RegexOptions.NonBacktracking | RegexOptions.CultureInvariant);
            }
            catch (Exception unusable) when (unusable is ArgumentException or NotSupportedException)
            {
                errors.Add("pattern.regex", pattern, "does not compile: " + DecodeErrors.Printable(unusable.Message));
                return null;
            }

            CheckText(wire.Substitution, "substitution", errors);
            CheckSubstitution(wire.Substitution, regex.GetGroupNumbers().Length - 1, errors);
            return new RegexRewriteConfig(regex, wire.Substitution);
        }
    }

    private static PrefixRewriteConfig Prefix(string replacement, DecodeErrors errors)
    {
        CheckText(replacement, "prefix_rewrite", errors);
        return new PrefixRewriteConfig(replacement);
    }

    private static void CheckSubstitution(string substitution, int groups, DecodeErrors errors)
    {
        for (var i = 0; i < substitution.Length; i++)
        {
            if (substitution[i] != '\\')
            {
                continue;
            }

            i++;
            var next = i < substitution.Length ? substitution[i] : ' ';
            if (next != '\\' && !(char.IsAsciiDigit(next) && next - '0' <= groups))
            {
                errors.Add("substitution", substitution, $"may have \\\\ and \\0 to \\{groups} behind a backslash, nothing else");
                return;
            }
        }
    }

    private static void CheckText(string text, string field, DecodeErrors errors)
    {
        if (text.AsSpan().ContainsAnyInRange('\0', ' ') || text.Contains('\x7f', StringComparison.Ordinal))
        {
            errors.Add(field, text, "must have neither spaces nor control characters");
        }
    }
}
