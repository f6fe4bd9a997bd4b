using System.Collections.Immutable;
using ProxylessMesh.Manifests.Kinds;

namespace ProxylessMesh.ControlPlane.Translation;

/// <summary>One match of one rule of one route, which is the unit that Gateway API orders, as clients can ask it.</summary>
/// <param name="Route">The route.</param>
/// <param name="RuleIndex">Place of the rule in it.</param>
/// <param name="Rule">The rule.</param>
/// <param name="Forms">The match in xDS's words; one path prefix is two of them.</param>
internal sealed record RouteCandidate(RouteManifest Route, int RuleIndex, RouteRule Rule, ImmutableArray<RouteForm> Forms);

/// <summary>
/// Gateway API's order over all rules of all routes of one kind at a service: the more specific match, then the older route, its
/// namespace and name, and the order within it. Regular expressions, whose place is left to implementations, stand behind what is exact
/// and before prefixes: behind the prefix <c>/</c> none would ever be reached.
/// </summary>
internal static class RoutePrecedence
{
    /// <summary>HTTPRoute: exact path, longest prefix, a method, most headers, most query parameters.</summary>
    public static IEnumerable<RouteCandidate> Order(IEnumerable<HttpRouteManifest> routes)
        => ByAge(routes
            .SelectMany(route => route.Rules.SelectMany((rule, index) => rule.Matches.Select(match => (Route: route, Index: index, Match: match))))
            .OrderBy(candidate => candidate.Match.PathType switch
            {
                HttpPathMatchType.Exact => 0,
                HttpPathMatchType.RegularExpression => 1,
                _ => 2,
            })
            .ThenByDescending(candidate => PathLength(candidate.Match))
            .ThenByDescending(candidate => candidate.Match.Method is not null)
            .ThenByDescending(candidate => candidate.Match.Headers.Length)
            .ThenByDescending(candidate => candidate.Match.QueryParameters.Length), candidate => (candidate.Route, candidate.Index))
            .Select(candidate => new RouteCandidate(candidate.Route, candidate.Index, candidate.Route.Rules[candidate.Index], RouteForm.Of(candidate.Match)));

    /// <summary>GRPCRoute: longest service, longest method, most headers.</summary>
    public static IEnumerable<RouteCandidate> Order(IEnumerable<GrpcRouteManifest> routes)
        => ByAge(routes
            .SelectMany(route => route.Rules.SelectMany((rule, index) => rule.Matches.Select(match => (Route: route, Index: index, Match: match))))
            .OrderBy(candidate => candidate.Match switch
            {
                { Service: null, Method: null } => 2,
                { IsRegex: true } => 1,
                _ => 0,
            })
            .ThenByDescending(candidate => candidate.Match.Service?.Length ?? 0)
            .ThenByDescending(candidate => candidate.Match.Method?.Length ?? 0)
            .ThenByDescending(candidate => candidate.Match.Headers.Length), candidate => (candidate.Route, candidate.Index))
            .Select(candidate => new RouteCandidate(candidate.Route, candidate.Index, candidate.Route.Rules[candidate.Index], RouteForm.Of(candidate.Match)));

    private static IOrderedEnumerable<T> ByAge<T>(IOrderedEnumerable<T> candidates, Func<T, (RouteManifest Route, int RuleIndex)> of)
        => candidates
            .ThenBy(candidate => of(candidate).Route.Order)
            .ThenBy(candidate => of(candidate).Route.Namespace, StringComparer.Ordinal)
            .ThenBy(candidate => of(candidate).Route.Name, StringComparer.Ordinal)
            .ThenBy(candidate => of(candidate).RuleIndex);

    // "/foo" and "/foo/" are the same prefix. The length of a regular expression says nothing.
    private static int PathLength(HttpRouteMatch match) => match.PathType switch
    {
        HttpPathMatchType.PathPrefix => match.Path.TrimEnd('/').Length,
        HttpPathMatchType.Exact => match.Path.Length,
        _ => 0,
    };
}
