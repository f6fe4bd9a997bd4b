using System.Diagnostics.CodeAnalysis;
using System.Text;
using System.Text.RegularExpressions;

namespace ProxylessMesh.Xds.Matching;

/// <summary>
/// Envoy's URI template: <c>*</c> and <c>{name}</c> stand for one segment, <c>**</c> for any number, also inside a variable
/// (<c>{name=**}</c>); literal text elsewhere, and a suffix after the last of them. Istio writes the first two <c>{*}</c> and <c>{**}</c>.
/// </summary>
internal sealed partial class UriTemplate
{
    private const int MaxVariables = 5;
    private const int MaxNameLength = 16;

    // RFC 3986 pchar, without the two characters that have a meaning here.
    private const string Letters = "a-zA-Z0-9._~%!$&'()+,;:@-";

    // Of a path whose escapes are decoded, a segment may hold anything but what divides segments.
    private const string DecodedLetters = @"^/";

    private readonly Regex _expression;

    private UriTemplate(string text, Regex expression) => (Text, _expression) = (text, expression);

    /// <summary>As it was written.</summary>
    public string Text { get; }

    /// <param name="pattern">The template; it begins with a slash.</param>
    /// <param name="template">The result.</param>
    /// <param name="error">What is wrong with it.</param>
    public static bool TryParse(string pattern, [NotNullWhen(true)] out UriTemplate? template, [NotNullWhen(false)] out string? error)
        => TryParse(pattern, ofDecodedPaths: false, out template, out error);

    /// <param name="pattern">The template; it begins with a slash.</param>
    /// <param name="ofDecodedPaths">The paths have no escapes any more, as the server decoded them.</param>
    /// <param name="template">The result.</param>
    /// <param name="error">What is wrong with it.</param>
    public static bool TryParse(string pattern, bool ofDecodedPaths, [NotNullWhen(true)] out UriTemplate? template, [NotNullWhen(false)] out string? error)
    {
        template = null;
        var expression = new StringBuilder(@"\A");
        error = new Reader(pattern, ofDecodedPaths).Read(expression);
        if (error is null)
        {
            template = new UriTemplate(pattern, new Regex(expression.Append(@"\z").ToString(), RegexOptions.NonBacktracking | RegexOptions.CultureInvariant));
        }

        return error is null;
    }

    /// <summary>The same, without regard to case.</summary>
    public UriTemplate IgnoringCase() => new(Text, new Regex(_expression.ToString(), _expression.Options | RegexOptions.IgnoreCase));

    /// <param name="path">Without its query.</param>
    public bool Matches(ReadOnlySpan<char> path) => _expression.IsMatch(path);

    [GeneratedRegex($@"\G[{Letters}]+")]
    private static partial Regex Literal();

    [GeneratedRegex(@"\G\{([a-zA-Z][a-zA-Z0-9_]*)(?:=([^}]+))?\}")]
    private static partial Regex Variable();

    /// <summary>Reads one template from left to right.</summary>
    private sealed class Reader(string pattern, bool ofDecodedPaths)
    {
        private readonly HashSet<string> _names = new(StringComparer.Ordinal);
        private bool _seenTextGlob;

        public string? Read(StringBuilder expression)
        {
            if (!pattern.StartsWith('/'))
            {
                return "a template begins with '/'";
            }

            expression.Append('/');
            var at = 1;
            while (at < pattern.Length)
            {
                if (Part(expression, ref at) is { } error)
                {
                    return error;
                }

                if (at == pattern.Length)
                {
                    break;
                }

                if (pattern[at] != '/')
                {
                    return Suffix(expression, at);
                }

                expression.Append('/');
                at++;
            }

            return null;
        }

        private string? Part(StringBuilder expression, ref int at)
        {
            if (pattern[at] == '*')
            {
                return Glob(pattern, expression, ref at);
            }

            if (pattern[at] != '{')
            {
                return Text(pattern, expression, ref at);
            }

            var variable = Variable().Match(pattern, at);
            if (!variable.Success)
            {
                return "a variable is written {name} or {name=segments}";
            }

            at += variable.Length;
            var name = variable.Groups[1].Value;
            if (name.Length > MaxNameLength || !_names.Add(name) || _names.Count > MaxVariables)
            {
                return $"there are at most {MaxVariables} variables, each with a name of its own of at most {MaxNameLength} letters";
            }

            return Inner(variable.Groups[2].Success ? variable.Groups[2].Value : "*", expression);
        }

        private string? Inner(string segments, StringBuilder expression)
        {
            var at = 0;
            while (at < segments.Length)
            {
                var error = segments[at] == '*' ? Glob(segments, expression, ref at) : Text(segments, expression, ref at);
                if (error is not null)
                {
                    return error;
                }

                if (at < segments.Length)
                {
                    if (segments[at] != '/' || at == segments.Length - 1)
                    {
                        return "the segments of a variable are divided by '/'";
                    }

                    expression.Append('/');
                    at++;
                }
            }

            return null;
        }

        private string? Glob(string text, StringBuilder expression, ref int at)
        {
            if (_seenTextGlob)
            {
                return "'**' must be the last wildcard";
            }

            _seenTextGlob = at + 1 < text.Length && text[at + 1] == '*';
            at += _seenTextGlob ? 2 : 1;
            if (ofDecodedPaths)
            {
                expression.Append(_seenTextGlob ? @"[\s\S]*" : $"[{DecodedLetters}]+");
            }
            else
            {
                expression.Append(_seenTextGlob ? "[/" : "[").Append(Letters).Append(_seenTextGlob ? "]*" : "]+");
            }

            return null;
        }

        private static string? Text(string text, StringBuilder expression, ref int at)
        {
            var literal = Literal().Match(text, at);
            if (!literal.Success)
            {
                return $"'{text[at]}' cannot stand here";
            }

            at += literal.Length;
            expression.Append(Regex.Escape(literal.Value));
            return null;
        }

        private string? Suffix(StringBuilder expression, int at)
        {
            var error = Text(pattern, expression, ref at);
            return error ?? (at < pattern.Length ? "nothing follows a suffix" : null);
        }
    }
}
