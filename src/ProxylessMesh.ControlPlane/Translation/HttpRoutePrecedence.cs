using ProxylessMesh.Manifests.Kinds;

namespace ProxylessMesh.ControlPlane.Translation;

/// <summary>One match of one rule of one route: the unit that Gateway API orders.</summary>
internal sealed record HttpRouteCandidate(HttpRouteManifest Route, int RuleIndex, HttpRouteMatch Match)
{
    public HttpRouteRule Rule => Route.Rules[RuleIndex];
}

/// <summary>
/// Gateway API's order over all rules of all routes of a service: exact path, longest prefix, a method, most headers, most query
/// parameters; then the older route, its namespace and name, and the order within it. Regular expressions, whose place is left to
/// implementations, stand between exact paths and prefixes: behind the prefix <c>/</c> none would ever be reached.
/// </summary>
internal static class HttpRoutePrecedence
{
    public static IEnumerable<HttpRouteCandidate> Order(IEnumerable<HttpRouteManifest> routes)
        => routes
            .SelectMany(route => route.Rules.SelectMany((rule, index) => rule.Matches.Select(match => new HttpRouteCandidate(route, index, match))))
            .OrderBy(candidate => candidate.Match.PathType switch
            {
                HttpPathMatchType.Exact => 0,
                HttpPathMatchType.RegularExpression => 1,
                _ => 2,
            })
            .ThenByDescending(candidate => PathLength(candidate.Match))
            .ThenByDescending(candidate => candidate.Match.Method is not null)
            .ThenByDescending(candidate => candidate.Match.Headers.Length)
            .ThenByDescending(candidate => candidate.Match.QueryParameters.Length)
            .ThenBy(candidate => candidate.Route.Order)
            .ThenBy(candidate => candidate.Route.Namespace, StringComparer.Ordinal)
            .ThenBy(candidate => candidate.Route.Name, StringComparer.Ordinal)
            .ThenBy(candidate => candidate.RuleIndex);

    // "/foo" and "/foo/" are the same prefix. The length of a regular expression says nothing.
    private static int PathLength(HttpRouteMatch match) => match.PathType switch
    {
        HttpPathMatchType.PathPrefix => match.Path.TrimEnd('/').Length,
        HttpPathMatchType.Exact => match.Path.Length,
        _ => 0,
    };
}
