using Envoy.Config.Route.V3;
using Google.Protobuf.WellKnownTypes;
using ProxylessMesh.Manifests.Kinds;

namespace ProxylessMesh.ControlPlane.Translation;

/// <summary>A VirtualService's routes in the order in which they are written; a route with several matches is several routes here.</summary>
internal static class VirtualServiceTranslator
{
    public static IEnumerable<Route> Routes(VirtualServiceManifest virtualService, RouteActionTranslator actions)
    {
        for (var index = 0; index < virtualService.Http.Length; index++)
        {
            var route = virtualService.Http[index];
            var name = $"VirtualService/{virtualService.Namespace}/{virtualService.Name}/{(route.Name.Length > 0 ? route.Name : index)}";
            foreach (var match in route.Matches.IsEmpty ? [new VirtualServiceMatch()] : route.Matches)
            {
                yield return Route(match.Name.Length > 0 ? $"{name}/{match.Name}" : name, route, Match(match), actions);
            }
        }
    }

    private static Route Route(string name, VirtualServiceRoute manifest, RouteMatch match, RouteActionTranslator actions)
    {
        var shares = manifest.Destinations
            .Select(destination => new ClusterShare(
                actions.Destination(destination.Host, destination.Port, destination.Subset ?? ""),
                manifest.Destinations.Length == 1 ? 100 : destination.Weight,
                destination.RequestHeaders,
                destination.ResponseHeaders))
            .ToList();
        var leadsNowhere = shares.Sum(share => (long)share.Weight) == 0;
        var action = leadsNowhere ? actions.ToOne(shares[0].Cluster) : actions.ToShares(shares);
        TimeoutTranslator.SetTimeout(action, manifest.Timeout);
        action.RetryPolicy = TimeoutTranslator.Retry(manifest.Retries);

        var route = new Route { Name = name, Match = match, Route_ = action };
        HeaderTranslator.Add(manifest.RequestHeaders, route.RequestHeadersToAdd, route.RequestHeadersToRemove);
        HeaderTranslator.Add(manifest.ResponseHeaders, route.ResponseHeadersToAdd, route.ResponseHeadersToRemove);
        if (leadsNowhere || manifest.Fault is not null)
        {
            var fault = leadsNowhere ? FaultTranslator.Nowhere : FaultTranslator.Translate(manifest.Fault!);
            route.TypedPerFilterConfig.Add(ListenerTranslator.FaultFilter, Any.Pack(fault));
        }

        return route;
    }

    private static RouteMatch Match(VirtualServiceMatch manifest)
    {
        var match = new RouteMatch();
        switch (manifest.Uri)
        {
            case null:
                match.Prefix = "/";
                break;
            case { Kind: StringMatchKind.Exact }:
                match.Path = manifest.Uri.Value;
                break;
            case { Kind: StringMatchKind.Prefix }:
                match.Prefix = manifest.Uri.Value;
                break;
            default:
                match.SafeRegex = MatchTranslator.Regex(manifest.Uri.Value);
                break;
        }

        if (manifest.IgnoreUriCase)
        {
            match.CaseSensitive = false;
        }

        if (manifest.Method is not null)
        {
            match.Headers.Add(MatchTranslator.Header(MatchTranslator.Method, manifest.Method));
        }

        if (manifest.Authority is not null)
        {
            match.Headers.Add(MatchTranslator.Header(MatchTranslator.Authority, manifest.Authority));
        }

        match.Headers.AddRange(manifest.Headers.Select(header => MatchTranslator.Header(header.Key, header.Value)));
        match.Headers.AddRange(manifest.WithoutHeaders.Select(header => MatchTranslator.WithoutHeader(header.Key, header.Value)));
        match.QueryParameters.AddRange(manifest.QueryParameters.Select(parameter => MatchTranslator.Query(parameter.Key, parameter.Value)));
        return match;
    }
}
