using Envoy.Config.Route.V3;
using Google.Protobuf;
using Google.Protobuf.WellKnownTypes;
using ProxylessMesh.Manifests.Kinds;

namespace ProxylessMesh.ControlPlane.Translation;

/// <summary>
/// A VirtualService's routes in the order in which they are written; a route with several matches is several routes here. What cannot
/// match calls of these callers to this port is left out, and so is everything behind a route that takes every call.
/// </summary>
internal static class VirtualServiceTranslator
{
    public static List<Route> Routes(VirtualServiceManifest virtualService, RoutedPort port, CallerClass callers, RouteActionTranslator actions)
    {
        var routes = new List<Route>();
        for (var index = 0; index < virtualService.Http.Length; index++)
        {
            var manifest = virtualService.Http[index];
            var name = $"VirtualService/{virtualService.Namespace}/{virtualService.Name}/{(manifest.Name.Length > 0 ? manifest.Name : index)}";
            foreach (var match in manifest.Matches.IsEmpty ? [new VirtualServiceMatch()] : manifest.Matches)
            {
                if (VirtualServiceMatchTranslator.Translate(match, port, callers) is not { } wire)
                {
                    continue;
                }

                routes.Add(Route(match.Name.Length > 0 ? $"{name}/{match.Name}" : name, manifest, wire, port, actions));
                if (VirtualServiceMatchTranslator.TakesEverything(wire))
                {
                    return routes;
                }
            }
        }

        return routes;
    }

    /// <summary>What the routes ask of callers.</summary>
    public static IEnumerable<CallerFact> Facts(VirtualServiceManifest virtualService)
        => virtualService.Http.SelectMany(route => route.Matches).Where(match => match.IsForMesh).SelectMany(match =>
            CallerFact.Labels(match.SourceLabels).Concat(match.SourceNamespace is { } ns ? [CallerFact.Namespace(ns)] : []));

    /// <summary>Names every cluster that a route for any caller could name.</summary>
    public static void Refer(VirtualServiceManifest virtualService, RouteActionTranslator actions)
    {
        foreach (var route in virtualService.Http)
        {
            foreach (var destination in route.AllDestinations)
            {
                actions.Refer(Cluster(destination, actions));
            }
        }
    }

    private static Route Route(string name, VirtualServiceRoute manifest, RouteMatch match, RoutedPort port, RouteActionTranslator actions)
    {
        var route = new Route { Name = name, Match = match };
        HeaderTranslator.Add(manifest.RequestHeaders, route.RequestHeadersToAdd, route.RequestHeadersToRemove);
        HeaderTranslator.Add(manifest.ResponseHeaders, route.ResponseHeadersToAdd, route.ResponseHeadersToRemove);
        if (manifest.Redirect is { } redirect)
        {
            route.Redirect = RedirectTranslator.Translate(redirect, port);
        }
        else if (manifest.DirectResponse is { } answer)
        {
            route.DirectResponse = new DirectResponseAction { Status = (uint)answer.Status };
            if (!answer.Body.IsEmpty)
            {
                route.DirectResponse.Body = new Envoy.Config.Core.V3.DataSource { InlineBytes = ByteString.CopyFrom(answer.Body.Span) };
            }
        }
        else
        {
            route.Route_ = Forward(manifest, route, actions);
        }

        if (manifest.Fault is not null)
        {
            route.TypedPerFilterConfig.Add(ListenerTranslator.FaultFilter, Any.Pack(FaultTranslator.Translate(manifest.Fault)));
        }

        return route;
    }

    private static RouteAction Forward(VirtualServiceRoute manifest, Route route, RouteActionTranslator actions)
    {
        var authority = manifest.Rewrite?.Authority ?? HeaderTranslator.Authority(manifest.RequestHeaders);
        var action = manifest.Destinations is [var only] ? ToOne(only, route, actions, ref authority) : actions.ToShares(Shares(manifest, authority, actions));
        if (authority is not null)
        {
            action.HostRewriteLiteral = authority;
        }

        if (manifest.Rewrite?.Uri is { } path)
        {
            action.PrefixRewrite = path;
        }

        if (manifest.Rewrite?.Regex is { } regex)
        {
            action.RegexRewrite = new Envoy.Type.Matcher.V3.RegexMatchAndSubstitute { Pattern = MatchTranslator.Regex(regex.Match), Substitution = regex.Substitution };
        }

        action.RequestMirrorPolicies.AddRange(MirrorTranslator.Translate(manifest, destination => Cluster(destination, actions), actions));
        TimeoutTranslator.SetTimeout(action, manifest.Timeout);
        action.RetryPolicy = TimeoutTranslator.Retry(manifest.Retries);
        return action;
    }

    // Istio: what a single destination says of headers comes after what the route says, and its authority counts where the route has none.
    private static RouteAction ToOne(VirtualServiceDestination destination, Route route, RouteActionTranslator actions, ref string? authority)
    {
        HeaderTranslator.Add(destination.RequestHeaders, route.RequestHeadersToAdd, route.RequestHeadersToRemove);
        HeaderTranslator.Add(destination.ResponseHeaders, route.ResponseHeadersToAdd, route.ResponseHeadersToRemove);
        authority ??= HeaderTranslator.Authority(destination.RequestHeaders);
        return actions.ToOne(Cluster(destination, actions));
    }

    // The route's authority stands above those of its destinations, as for a single one.
    private static List<ClusterShare> Shares(VirtualServiceRoute manifest, string? authority, RouteActionTranslator actions)
        => [.. manifest.Destinations.Select(destination => new ClusterShare(
            Cluster(destination, actions),
            destination.Weight,
            destination.RequestHeaders,
            destination.ResponseHeaders)
        {
            Authority = authority is null ? HeaderTranslator.Authority(destination.RequestHeaders) : null,
        })];

    private static ClusterReference Cluster(VirtualServiceDestination destination, RouteActionTranslator actions)
        => actions.Destination(destination.Host, destination.Port, destination.Subset ?? "");
}
