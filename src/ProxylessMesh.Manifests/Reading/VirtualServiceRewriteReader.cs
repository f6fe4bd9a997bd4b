using System.Text.RegularExpressions;
using ProxylessMesh.Manifests.Kinds;

namespace ProxylessMesh.Manifests.Reading;

/// <summary>Reads <c>rewrite</c> of a VirtualService's route.</summary>
internal static class VirtualServiceRewriteReader
{
    public static VirtualServiceRewrite? Read(YamlMap? map)
    {
        if (map is null)
        {
            return null;
        }

        if (!map.Has("uri") && !map.Has("uriRegexRewrite") && !map.Has("authority"))
        {
            map.Fail("it changes nothing", "Write uri, uriRegexRewrite or authority");
        }
        else if (map.Has("uri") && map.Has("uriRegexRewrite"))
        {
            map.Field("uriRegexRewrite")?.Fail("it stands beside 'uri'", "Keep one of the two");
        }

        var rewrite = new VirtualServiceRewrite
        {
            Uri = map.Text("uri", HeaderText),
            Regex = ReadRegex(map.Map("uriRegexRewrite")),
            Authority = map.Text("authority", HeaderText),
        };
        map.End();
        return rewrite;
    }

    private static UriRegexRewrite? ReadRegex(YamlMap? map)
    {
        if (map is null)
        {
            return null;
        }

        var match = map.RequiredText("match", TextRules.Expression, "Write an RE2 expression");
        var substitution = map.RequiredText("rewrite", text => TextRules.NotEmpty(text) ?? Substitution(text, match), @"Write what each match becomes; '\1' is the first group");
        map.End();
        return match.Length == 0 || substitution.Length == 0 ? null : new UriRegexRewrite(match, substitution);
    }

    // RE2: a backslash stands before a digit, for a group, or before another backslash.
    private static Mistake? Substitution(string text, string match)
    {
        var groups = match.Length == 0 ? 9 : new Regex(match, RegexOptions.NonBacktracking | RegexOptions.CultureInvariant).GetGroupNumbers().Length - 1;
        for (var i = text.IndexOf('\\', StringComparison.Ordinal); i >= 0; i = i + 2 <= text.Length ? text.IndexOf('\\', i + 2) : -1)
        {
            if (i + 1 == text.Length || (text[i + 1] != '\\' && !char.IsAsciiDigit(text[i + 1])))
            {
                return new(@"a '\' stands before neither a digit nor another '\'", @"Write '\1' for the first group, '\\' for a backslash");
            }

            if (char.IsAsciiDigit(text[i + 1]) && text[i + 1] - '0' > groups)
            {
                return new($@"'\{text[i + 1]}' is no group: the expression has {groups}", "Put the part to keep in parentheses, or name another group");
            }
        }

        return TextRules.HeaderValue(text);
    }

    private static Mistake? HeaderText(string text) => TextRules.NotEmpty(text) ?? TextRules.HeaderValue(text);
}
