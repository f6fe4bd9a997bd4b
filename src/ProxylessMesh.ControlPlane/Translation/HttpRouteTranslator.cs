using Envoy.Config.Route.V3;
using Google.Protobuf.WellKnownTypes;
using ProxylessMesh.Manifests.Kinds;

namespace ProxylessMesh.ControlPlane.Translation;

/// <summary>The HTTPRoutes of a service, merged.</summary>
internal static class HttpRouteTranslator
{
    public static IEnumerable<Route> Routes(IEnumerable<HttpRouteManifest> routes, RouteActionTranslator actions)
        => from candidate in HttpRoutePrecedence.Order(routes)
           from match in Matches(candidate.Match)
           select Route(candidate, match, actions);

    private static Route Route(HttpRouteCandidate candidate, RouteMatch match, RouteActionTranslator actions)
    {
        var rule = candidate.Rule;
        var shares = rule.Backends
            .Select(backend => new ClusterShare(actions.Destination(backend.Host, backend.Port, ""), backend.Weight, backend.RequestHeaders, backend.ResponseHeaders))
            .ToList();
        var leadsNowhere = shares.Sum(share => (long)share.Weight) == 0;
        var route = new Route
        {
            Name = $"HTTPRoute/{candidate.Route.Namespace}/{candidate.Route.Name}/{(rule.Name.Length > 0 ? rule.Name : candidate.RuleIndex)}",
            Match = match,
            Route_ = leadsNowhere ? actions.ToOne(shares.Count > 0 ? shares[0].Cluster : actions.Destination(candidate.Route.Parents[0].Host, null, "")) : actions.ToShares(shares),
        };
        if (leadsNowhere)
        {
            route.TypedPerFilterConfig.Add(ListenerTranslator.FaultFilter, Any.Pack(FaultTranslator.Nowhere));
        }

        TimeoutTranslator.SetTimeout(route.Route_, rule.RequestTimeout);
        route.Route_.RetryPolicy = TimeoutTranslator.Retry(rule.Retry, rule.BackendRequestTimeout);
        HeaderTranslator.Add(rule.RequestHeaders, route.RequestHeadersToAdd, route.RequestHeadersToRemove);
        HeaderTranslator.Add(rule.ResponseHeaders, route.ResponseHeadersToAdd, route.ResponseHeadersToRemove);
        return route;
    }

    // "/a" takes "/a" and "/a/b". Envoy's path_separated_prefix says that in one match, but gRPC clients refuse it.
    private static IEnumerable<RouteMatch> Matches(HttpRouteMatch match) => match.PathType switch
    {
        HttpPathMatchType.Exact => [With(match, new RouteMatch { Path = match.Path })],
        HttpPathMatchType.RegularExpression => [With(match, new RouteMatch { SafeRegex = MatchTranslator.Regex(match.Path) })],
        _ when match.Path.TrimEnd('/') is { Length: > 0 } prefix => [With(match, new RouteMatch { Path = prefix }), With(match, new RouteMatch { Prefix = prefix + "/" })],
        _ => [With(match, new RouteMatch { Prefix = "/" })],
    };

    private static RouteMatch With(HttpRouteMatch match, RouteMatch path)
    {
        if (match.Method is not null)
        {
            path.Headers.Add(MatchTranslator.Header(MatchTranslator.Method, new StringMatch(StringMatchKind.Exact, match.Method)));
        }

        path.Headers.AddRange(match.Headers.Select(header => MatchTranslator.Header(header.Name, Text(header))));
        path.QueryParameters.AddRange(match.QueryParameters.Select(parameter => MatchTranslator.Query(parameter.Name, Text(parameter))));
        return path;
    }

    private static StringMatch Text(HttpRouteValueMatch match) => new(match.IsRegex ? StringMatchKind.Regex : StringMatchKind.Exact, match.Value);
}
