using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.Extensions.Primitives;
using ProxylessMesh.Xds.Resources;

namespace ProxylessMesh.Jwt;

/// <summary>
/// Where one provider's tokens stand in a request. All values of a place count, not the first alone: an application might look at another
/// one than was checked.
/// </summary>
internal sealed class JwtPlaces
{
    private const string DefaultParameter = "access_token";

    private static readonly JwtHeaderConfig DefaultHeader = new("Authorization", "Bearer ");

    private readonly JwtHeaderConfig[] _headers;
    private readonly string[] _parameters;
    private readonly string[] _cookies;

    public JwtPlaces(JwtProviderConfig config)
    {
        var isDefault = config.FromHeaders.IsEmpty && config.FromParams.IsEmpty && config.FromCookies.IsEmpty;
        _headers = isDefault ? [DefaultHeader] : [.. config.FromHeaders];
        _parameters = isDefault ? [DefaultParameter] : [.. config.FromParams];
        _cookies = [.. config.FromCookies];
    }

    /// <summary>The tokens in the order of the places: headers, parameters, cookies. Null: none.</summary>
    public List<string>? Find(HttpRequest request)
    {
        List<string>? tokens = null;
        foreach (var place in _headers)
        {
            if (request.Headers.TryGetValue(place.Name, out var values))
            {
                foreach (var value in values)
                {
                    if (value is not null && Behind(value, place.Prefix) is { } token)
                    {
                        (tokens ??= []).Add(token);
                    }
                }
            }
        }

        if (_parameters.Length > 0 && request.QueryString.HasValue)
        {
            foreach (var parameter in _parameters)
            {
                if (request.Query.TryGetValue(parameter, out var values))
                {
                    (tokens ??= []).AddRange(values.OfType<string>());
                }
            }
        }

        if (_cookies.Length > 0 && request.Headers.Cookie.Count > 0)
        {
            foreach (var (name, value) in Cookies(request.Headers.Cookie))
            {
                if (Array.IndexOf(_cookies, name) >= 0)
                {
                    (tokens ??= []).Add(value.Trim('"'));
                }
            }
        }

        return tokens;
    }

    /// <summary>Takes the tokens out of the request, and leaves what else stands in the query and among the cookies.</summary>
    public void Remove(HttpRequest request)
    {
        foreach (var place in _headers)
        {
            if (request.Headers.TryGetValue(place.Name, out var values) && values.Any(value => value is not null && Behind(value, place.Prefix) is not null))
            {
                request.Headers.Remove(place.Name);
            }
        }

        if (_parameters.Any(request.Query.ContainsKey))
        {
            var left = string.Join('&', request.QueryString.Value!.TrimStart('?').Split('&').Where(part => Array.IndexOf(_parameters, Name(part)) < 0));
            request.QueryString = left.Length == 0 ? QueryString.Empty : new QueryString("?" + left);

            // What the caller wrote is kept there as it came.
            if (request.HttpContext.Features.Get<IHttpRequestFeature>() is { } feature && feature.RawTarget.IndexOf('?', StringComparison.Ordinal) is >= 0 and var mark)
            {
                feature.RawTarget = feature.RawTarget[..mark] + request.QueryString.Value;
            }
        }

        if (_cookies.Length > 0 && Cookies(request.Headers.Cookie).Any(cookie => Array.IndexOf(_cookies, cookie.Name) >= 0))
        {
            var left = Cookies(request.Headers.Cookie).Where(cookie => Array.IndexOf(_cookies, cookie.Name) < 0).Select(static cookie => $"{cookie.Name}={cookie.Value}");
            request.Headers.Cookie = string.Join("; ", left) is { Length: > 0 } rest ? rest : StringValues.Empty;
        }
    }

    // The name of an authentication scheme has no case (RFC 9110 §11.1), and blanks may stand behind it.
    private static string? Behind(string value, string prefix)
        => value.StartsWith(prefix, StringComparison.OrdinalIgnoreCase) ? value[prefix.Length..].Trim(' ') : null;

    private static string Name(string parameter)
        => Uri.UnescapeDataString(parameter.Split('=', 2)[0].Replace('+', ' '));

    // RFC 6265 §4.2.1. Read here, because the framework's own collection has one value of each name.
    private static IEnumerable<(string Name, string Value)> Cookies(StringValues lines)
        => from line in lines
           from pair in (line ?? "").Split(';', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries)
           let parts = pair.Split('=', 2)
           where parts.Length == 2
           select (parts[0].Trim(), parts[1].Trim());
}
