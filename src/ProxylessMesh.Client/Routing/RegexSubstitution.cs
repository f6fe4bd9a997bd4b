using System.Text;
using ProxylessMesh.Xds.Resources;

namespace ProxylessMesh.Client.Routing;

/// <summary>A <c>regex_rewrite</c>, its substitution turned from RE2's way of writing (<c>\1</c>) into .NET's (<c>${1}</c>).</summary>
internal sealed class RegexSubstitution(RegexRewriteConfig config)
{
    private readonly string _replacement = Replacement(config.Substitution);

    /// <summary>Every match is replaced.</summary>
    public string Apply(string text) => config.Pattern.Replace(text, _replacement);

    // RE2: \0 is the whole match, \1 to \9 are groups, \\ is a backslash; a dollar is nothing special.
    private static string Replacement(string substitution)
    {
        var replacement = new StringBuilder(substitution.Length + 8);
        for (var i = 0; i < substitution.Length; i++)
        {
            var c = substitution[i];
            if (c == '$')
            {
                replacement.Append("$$");
            }
            else if (c == '\\' && i + 1 < substitution.Length && char.IsAsciiDigit(substitution[i + 1]))
            {
                replacement.Append("${").Append(substitution[++i]).Append('}');
            }
            else if (c == '\\' && i + 1 < substitution.Length && substitution[i + 1] == '\\')
            {
                i++;
                replacement.Append('\\');
            }
            else
            {
                replacement.Append(c);
            }
        }

        return replacement.ToString();
    }
}
