using System.Globalization;
using ProxylessMesh.Xds.Matching;
using ProxylessMesh.Xds.Resources;

namespace ProxylessMesh.Client.Routing;

/// <summary>What a route answers without calling anybody: a fixed response, or the address to go to instead.</summary>
internal sealed class RouteAnswer
{
    private readonly RedirectActionConfig? _redirect;
    private readonly PathRewrite? _path;

    private RouteAnswer(int status, ReadOnlyMemory<byte> body, RedirectActionConfig? redirect, PathRewrite? path, HeaderOperations? headers)
    {
        Status = status;
        Body = body;
        Headers = headers;
        _redirect = redirect;
        _path = path;
    }

    public int Status { get; }

    public ReadOnlyMemory<byte> Body { get; }

    /// <summary>Changes of the answer's headers, or null.</summary>
    public HeaderOperations? Headers { get; }

    public bool IsRedirect => _redirect is not null;

    public static RouteAnswer Direct(DirectResponseActionConfig config, HeaderOperations? headers)
        => new(config.Status, config.Body, null, null, headers);

    public static RouteAnswer Redirect(RedirectActionConfig config, PathMatcher match, HeaderOperations? headers)
        => new(config.Status, default, config, PathRewrite.Compile(config.Path, match), headers);

    /// <summary>Where a redirect leads (Envoy <c>RedirectAction</c>); null for a fixed response.</summary>
    /// <param name="uri">What was called.</param>
    /// <param name="authority">The <c>Host</c> that was called, with its port where it was written.</param>
    public string? Location(Uri uri, string authority)
    {
        if (_redirect is null)
        {
            return null;
        }

        var scheme = _redirect.Scheme ?? uri.Scheme;
        var host = _redirect.Host ?? Host(authority, uri.Scheme, scheme);
        var path = _path?.Apply(uri) ?? uri.PathAndQuery;

        // A query that the redirect itself writes is not stripped.
        if (_redirect.StripQuery && _path is not { HasQuery: true } && path.IndexOf('?', StringComparison.Ordinal) is var query and >= 0)
        {
            path = path[..query];
        }

        // A port that goes without saying is left out, as Gateway API asks; Envoy writes it, which means the same (RFC 9110 §4.2.3).
        return _redirect.Port is { } port && port != (scheme == Uri.UriSchemeHttps ? 443 : 80)
            ? string.Create(CultureInfo.InvariantCulture, $"{scheme}://{host}:{port}{path}")
            : $"{scheme}://{host}{path}";
    }

    // A port that was called goes where another is set, or where it was the own port of a scheme that changes.
    private string Host(string authority, string calledScheme, string scheme)
    {
        var colon = authority.LastIndexOf(':');
        if (colon < 0 || authority.EndsWith(']'))
        {
            return authority;
        }

        var port = authority.AsSpan(colon + 1);
        var isOwnPort = calledScheme == Uri.UriSchemeHttps ? port is "443" : port is "80";
        return _redirect!.Port is not null || (scheme != calledScheme && isOwnPort) ? authority[..colon] : authority;
    }
}
