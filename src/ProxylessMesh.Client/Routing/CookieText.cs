using System.Diagnostics.CodeAnalysis;
using System.Globalization;
using System.Security.Cryptography;

namespace ProxylessMesh.Client.Routing;

/// <summary>Cookies as they stand in headers (RFC 6265).</summary>
internal static class CookieText
{
    /// <summary>Finds the first cookie of a name among a request's <c>Cookie</c> headers; quotes around the value are taken off.</summary>
    public static bool TryFind(HttpRequestMessage request, string name, [NotNullWhen(true)] out string? value)
    {
        value = null;
        if (!request.Headers.NonValidated.TryGetValues("Cookie", out var headers))
        {
            return false;
        }

        foreach (var header in headers)
        {
            foreach (var range in header.AsSpan().Split(';'))
            {
                var cookie = header.AsSpan(range).Trim();
                var equals = cookie.IndexOf('=');
                if (equals > 0 && cookie[..equals].TrimEnd().SequenceEqual(name))
                {
                    var text = cookie[(equals + 1)..].TrimStart();
                    value = (text is ['"', .., '"'] ? text[1..^1] : text).ToString();
                    return true;
                }
            }
        }

        return false;
    }

    /// <summary>A value that nobody else has.</summary>
    public static string NewValue() => RandomNumberGenerator.GetHexString(16, lowercase: true);

    /// <param name="name">The cookie's name.</param>
    /// <param name="value">Its value.</param>
    /// <param name="ttl">Zero: it lasts as long as the browser's session.</param>
    /// <param name="path">Empty: the path of the request, as the browser sees it.</param>
    public static string SetCookie(string name, string value, TimeSpan ttl, string path)
    {
        var age = ttl > TimeSpan.Zero ? string.Create(CultureInfo.InvariantCulture, $"; Max-Age={(long)ttl.TotalSeconds}") : "";
        return $"{name}={value}{age}{(path.Length > 0 ? "; Path=" + path : "")}; HttpOnly";
    }

    /// <summary>RFC 6265 §5.1.4. An empty cookie path matches every path.</summary>
    public static bool PathMatches(string cookiePath, string path)
        => cookiePath.Length == 0
            || (path.StartsWith(cookiePath, StringComparison.Ordinal)
                && (path.Length == cookiePath.Length || cookiePath[^1] == '/' || path[cookiePath.Length] == '/'));
}
