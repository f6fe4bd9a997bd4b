using System.Globalization;
using System.Text;

namespace ProxylessMesh.Xds.Matching;

/// <summary>
/// Brings the paths of requests into one form before rules look at them, as Envoy does (<c>normalize_path</c>, <c>merge_slashes</c>,
/// <c>path_with_escaped_slashes_action</c>). What follows the first <c>?</c> is never changed.
/// </summary>
internal static class PathNormalization
{
    /// <summary>
    /// Resolves dot segments, written plainly or as <c>%2e</c>, makes slashes of backslashes, decodes unreserved characters and encodes
    /// those that a path cannot hold (RFC 3986 §6.2.2). Other escapes stay as written. Null: the path holds <c>%00</c>, refuse the request.
    /// </summary>
    public static string? Normalize(string pathAndQuery)
    {
        var (path, query) = SplitQuery(pathAndQuery);
        var segments = new List<string>();
        var parts = path.Replace('\\', '/').Split('/');
        for (var i = path.StartsWith('/') || path.StartsWith('\\') ? 1 : 0; i < parts.Length; i++)
        {
            if (Segment(parts[i]) is not { } segment)
            {
                return null;
            }

            var isLast = i == parts.Length - 1;
            if (segment is "..")
            {
                segments.RemoveRange(Math.Max(0, segments.Count - 1), Math.Min(1, segments.Count));
            }

            if (segment is not ("." or ".."))
            {
                segments.Add(segment);
            }
            else if (isLast)
            {
                segments.Add("");
            }
        }

        return string.Concat("/", string.Join('/', segments), query);
    }

    /// <summary>Neighbouring slashes become one.</summary>
    public static string MergeSlashes(string pathAndQuery)
    {
        var (path, query) = SplitQuery(pathAndQuery);
        if (!path.Contains("//", StringComparison.Ordinal))
        {
            return pathAndQuery;
        }

        var merged = new StringBuilder(path.Length);
        foreach (var letter in path)
        {
            if (letter != '/' || merged.Length == 0 || merged[^1] != '/')
            {
                merged.Append(letter);
            }
        }

        return merged.Append(query).ToString();
    }

    /// <summary><c>%2F</c> becomes <c>/</c>, <c>%5C</c> becomes <c>\</c>.</summary>
    public static string UnescapeSlashes(string pathAndQuery)
    {
        var (path, query) = SplitQuery(pathAndQuery);
        return path.Contains('%', StringComparison.Ordinal)
            ? path.Replace("%2f", "/", StringComparison.OrdinalIgnoreCase).Replace("%5c", "\\", StringComparison.OrdinalIgnoreCase) + query
            : pathAndQuery;
    }

    /// <summary>The path alone.</summary>
    public static string RemoveQueryAndFragment(string path)
        => path.AsSpan().IndexOfAny('?', '#') is var end and >= 0 ? path[..end] : path;

    private static (string Path, string Query) SplitQuery(string text)
        => text.IndexOf('?', StringComparison.Ordinal) is var start and >= 0 ? (text[..start], text[start..]) : (text, "");

    private static string? Segment(string text)
    {
        var segment = new StringBuilder(text.Length);
        for (var i = 0; i < text.Length; i++)
        {
            if (text[i] == '%' && i + 2 < text.Length && byte.TryParse(text.AsSpan(i + 1, 2), NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out var escaped))
            {
                if (escaped == 0)
                {
                    return null;
                }

                if (IsUnreserved((char)escaped) && !(char.IsAsciiHexDigit((char)escaped) && EndsInHalfEscape(segment)))
                {
                    segment.Append((char)escaped);
                }
                else
                {
                    segment.Append(text, i, 3);
                }

                i += 2;
            }
            else if (text[i] == '\0')
            {
                return null;
            }
            else
            {
                AppendEncoded(segment, text, ref i);
            }
        }

        return segment.ToString();
    }

    private static void AppendEncoded(StringBuilder segment, string text, ref int index)
    {
        var letter = text[index];
        if (letter is > ' ' and < '\u007f' and not ('"' or '#' or '<' or '>' or '^' or '`' or '{' or '|' or '}'))
        {
            segment.Append(letter);
            return;
        }

        Rune.DecodeFromUtf16(text.AsSpan(index), out var rune, out var length);
        Span<byte> bytes = stackalloc byte[4];
        foreach (var part in bytes[..rune.EncodeToUtf8(bytes)])
        {
            segment.Append('%').Append(part.ToString("X2", CultureInfo.InvariantCulture));
        }

        index += length - 1;
    }

    // '%4%61' must not become '%4a': whoever decodes later would see another letter than the rules saw.
    private static bool EndsInHalfEscape(StringBuilder segment)
        => segment.Length > 0 && (segment[^1] == '%' || (segment.Length > 1 && segment[^2] == '%'));

    // RFC 3986 §2.3.
    private static bool IsUnreserved(char letter) => char.IsAsciiLetterOrDigit(letter) || letter is '-' or '.' or '_' or '~';
}
