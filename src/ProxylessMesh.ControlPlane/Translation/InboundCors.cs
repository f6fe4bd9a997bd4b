using Envoy.Config.Route.V3;
using Google.Protobuf.WellKnownTypes;
using ProxylessMesh.ControlPlane.Workloads;
using ProxylessMesh.Manifests;
using ProxylessMesh.Manifests.Kinds;

namespace ProxylessMesh.ControlPlane.Translation;

/// <summary>
/// The cross-origin policies of routes, for the servers that the routes lead to: a browser's preflight is answered where the call would
/// go. They are asked for in the order in which clients try the routes, and with the path as the route's rewrite leaves it. Routes without a policy that lead
/// here stand among them, so that none takes a call that was routed by another.
/// </summary>
/// <param name="manifests">Those in force.</param>
/// <param name="workload">The server.</param>
/// <param name="port">The port that it listens on.</param>
internal sealed class InboundCors(ManifestSet manifests, Workload workload, int port)
{
    /// <summary>The routes of the server; none where no policy leads here.</summary>
    public IReadOnlyList<Route> Routes()
    {
        List<Route> routes = [.. VirtualServiceRoutes(), .. HttpRoutes()];
        return routes.Exists(static route => route.TypedPerFilterConfig.Count > 0) ? routes : [];
    }

    // Few meshes have any: then nothing is looked for, at each of thousands of servers.
    private IEnumerable<Route> VirtualServiceRoutes()
        => from virtualService in manifests.VirtualServices.Any(static any => any.Http.Any(static route => route.Cors is not null)) ? new VirtualServices(manifests).All : []
           from route in virtualService.Http
           where route.Destinations.Any(IsHere)
           from match in route.Matches.IsEmpty ? [new VirtualServiceMatch()] : route.Matches
           let rewritten = Rewritten(VirtualServiceMatchTranslator.Translate(match, new RoutedPort(match.Port ?? ListenerNames.DefaultPort, TakesAnyPort: false), CallerClass.All), route.Rewrite)
           where rewritten is not null
           select Make(virtualService, rewritten, route.Cors is null ? null : CorsTranslator.Translate(route.Cors));

    // A consumer's route is for the callers of one namespace only, which a server does not tell apart here.
    private IEnumerable<Route> HttpRoutes()
        => from candidate in RoutePrecedence.Order(OfServicesWithPolicies().Where(route => route.Rules.Any(rule => rule.Backends.Any(IsHere))))
           let backend = candidate.Rule.Backends.FirstOrDefault(IsHere)
           where backend is not null
           let cors = backend.Filters.Cors ?? candidate.Rule.Filters.Cors
           from form in candidate.Forms
           select Make(candidate.Route, Rewritten(form, backend.Filters.Rewrite ?? candidate.Rule.Filters.Rewrite), cors is null ? null : CorsTranslator.Translate(cors));

    private IEnumerable<HttpRouteManifest> OfServicesWithPolicies()
    {
        var services = manifests.HttpRoutes.Where(HasPolicy).SelectMany(route => route.Parents).Select(parent => parent.Host).ToHashSet(StringComparer.Ordinal);
        return services.Count == 0 ? [] : manifests.HttpRoutes.Where(route => route.Parents.Any(parent => parent.Namespace == route.Namespace && services.Contains(parent.Host)));
    }

    private static bool HasPolicy(HttpRouteManifest route)
        => route.Rules.Any(static rule => rule.Filters.Cors is not null || rule.Backends.Any(static backend => backend.Filters.Cors is not null));

    private static Route Make(Manifest manifest, RouteMatch match, Envoy.Extensions.Filters.Http.Cors.V3.CorsPolicy? policy)
    {
        var route = new Route { Name = $"{manifest.Kind.Name}/{manifest.Namespace}/{manifest.Name}", Match = match, NonForwardingAction = new NonForwardingAction() };
        if (policy is not null)
        {
            route.TypedPerFilterConfig.Add(CorsTranslator.Filter, Any.Pack(policy));
        }

        return route;
    }

    private bool IsHere(RouteBackend backend) => backend is { IsService: true, Weight: > 0 } && Serves(backend.Host, backend.Port);

    private bool IsHere(VirtualServiceDestination destination) => Serves(destination.Host, destination.Port);

    private bool Serves(string host, int? named)
    {
        if (!HostNames.TryParse(host, out var name, out var ns) || ns != workload.Namespace)
        {
            return false;
        }

        var manifest = manifests.FindService(host);
        var service = new MeshService { Host = host, Name = name, Namespace = ns, Manifest = manifest };
        var isBehind = manifest is { Selector.IsEmpty: false } ? manifest.Selector.Selects(workload.Labels) : workload.Service == name;
        return isBehind && (named is { } number ? [number] : service.ListenerPorts).Any(candidate => service.Serving(workload, candidate)?.Number == port);
    }

    private static RouteMatch Rewritten(RouteForm form, UrlRewrite? rewrite)
    {
        var match = form.Path();
        var action = new RouteAction();
        UrlFilterTranslator.Rewrite(action, rewrite, form);
        if (rewrite?.Path is { IsPrefix: false } full)
        {
            match.Path = UrlFilterTranslator.Full(full.Replacement);
        }
        else if (action.PrefixRewrite.Length > 0)
        {
            Replace(match, action.PrefixRewrite);
        }

        return match;
    }

    // What an expression makes of a path cannot be foreseen: such a route has no policy here.
    private static RouteMatch? Rewritten(RouteMatch? match, VirtualServiceRewrite? rewrite)
    {
        if (match is null || rewrite?.Regex is not null)
        {
            return null;
        }

        if (rewrite?.Uri is { } uri)
        {
            Replace(match, uri);
        }

        return match;
    }

    private static void Replace(RouteMatch match, string path)
    {
        if (match.PathSpecifierCase == RouteMatch.PathSpecifierOneofCase.Prefix)
        {
            match.Prefix = path;
        }
        else
        {
            match.Path = path;
        }
    }
}
