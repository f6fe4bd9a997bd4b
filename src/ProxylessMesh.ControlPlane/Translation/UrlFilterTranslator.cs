using Envoy.Config.Route.V3;
using Envoy.Type.Matcher.V3;
using ProxylessMesh.Manifests.Kinds;
using ResponseCode = Envoy.Config.Route.V3.RedirectAction.Types.RedirectResponseCode;

namespace ProxylessMesh.ControlPlane.Translation;

/// <summary>Gateway API's redirects and rewrites of addresses.</summary>
internal static class UrlFilterTranslator
{
    /// <param name="redirect">What changes.</param>
    /// <param name="form">The match that led here: a new prefix stands in for what it matched.</param>
    /// <param name="calledPort">The port of the service; null where it takes any.</param>
    public static RedirectAction Redirect(RequestRedirect redirect, RouteForm form, int? calledPort)
    {
        var action = new RedirectAction
        {
            HostRedirect = redirect.Host ?? "",
            PortRedirect = (uint)(Port(redirect, calledPort) ?? 0),
            ResponseCode = redirect.Status switch
            {
                301 => ResponseCode.MovedPermanently,
                303 => ResponseCode.SeeOther,
                307 => ResponseCode.TemporaryRedirect,
                308 => ResponseCode.PermanentRedirect,
                _ => ResponseCode.Found,
            },
        };
        if (redirect.Scheme is { } scheme)
        {
            action.SchemeRedirect = scheme;
        }

        switch (redirect.Path)
        {
            case { IsPrefix: true } path:
                action.PrefixRewrite = Prefix(path.Replacement, form);
                break;
            case { } path:
                action.PathRedirect = Full(path.Replacement);
                break;
        }

        return action;
    }

    public static void Rewrite(RouteAction action, UrlRewrite? rewrite, RouteForm form)
    {
        if (rewrite?.Host is { } host)
        {
            action.HostRewriteLiteral = host;
        }

        switch (rewrite?.Path)
        {
            case { IsPrefix: true } path:
                action.PrefixRewrite = Prefix(path.Replacement, form);
                break;
            case { } path:
                action.RegexRewrite = new RegexMatchAndSubstitute { Pattern = MatchTranslator.Regex("^/.*$"), Substitution = Full(path.Replacement).Replace(@"\", @"\\", StringComparison.Ordinal) };
                break;
        }
    }

    // A new scheme brings its well-known port, a new host would otherwise lose the port that was called. The well-known port of the
    // scheme is not shown; where the scheme stays we do not know it, and 80 and 443 are left out as the likely ones.
    private static int? Port(RequestRedirect redirect, int? calledPort) => redirect switch
    {
        { Port: { } port, Scheme: { } scheme } when port == WellKnown(scheme) => redirect.Host is null ? port : null,
        { Port: { } port } => port,
        { Scheme: { } scheme } => redirect.Host is null ? WellKnown(scheme) : null,
        { Host: not null } when calledPort is not (null or 80 or 443) => calledPort,
        _ => null,
    };

    private static int WellKnown(string scheme) => scheme == "https" ? 443 : 80;

    // Gateway API replaces whole elements: "/foo" by "/xyz" or "/xyz/" makes "/xyz" of "/foo" and "/xyz/bar" of "/foo/bar".
    private static string Prefix(string replacement, RouteForm form)
    {
        var elements = Full(replacement).TrimEnd('/');
        return form.IsBelowPrefix ? elements + "/" : elements.Length > 0 ? elements : "/";
    }

    /// <summary>A path as the standard lets people write it, with the slash in front that it needs.</summary>
    public static string Full(string path) => path.StartsWith('/') ? path : "/" + path;
}
