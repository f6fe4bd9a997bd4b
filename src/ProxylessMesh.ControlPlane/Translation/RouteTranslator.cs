using System.Collections.Immutable;
using Envoy.Config.Route.V3;
using ProxylessMesh.Manifests;
using ProxylessMesh.Manifests.Kinds;

namespace ProxylessMesh.ControlPlane.Translation;

/// <summary>
/// The routes of one port of a service. A VirtualService for the host comes first, as written; then the HTTPRoutes attached to the
/// service, merged by Gateway API's precedence; where there is neither, everything goes to the service itself. What a manifest says for
/// some callers only is asked of the <see cref="CallerClass"/>, and each fact asked there is one that <see cref="Facts"/> names.
/// </summary>
internal sealed class RouteTranslator(ManifestSet manifests)
{
    private readonly VirtualServices _virtualServices = new(manifests);
    private readonly DestinationTraits _traits = new(manifests);

    /// <summary>What the manifests for this port ask of callers. None: all callers share one route configuration.</summary>
    public ImmutableArray<CallerFact> Facts(MeshService service, int port)
        => [.. RouteFacts(service, port).Union(_traits.Facts(References(service, port)))];

    // Those that decide where calls go; what destinations add to the routes may ask more.
    private ImmutableArray<CallerFact> RouteFacts(MeshService service, int port)
        => [.. Attached(service, port)
            .Where(route => route.Namespace != service.Namespace)
            .Select(route => CallerFact.Namespace(route.Namespace))
            .Concat(_virtualServices.Facts(service.Host))
            .Concat(ExperimentTranslator.Facts(manifests, service, port))
            .Distinct()];

    /// <summary>The routes of one class of callers.</summary>
    public RouteConfiguration Translate(MeshService service, int port, string name, CallerClass callers)
        => Configuration(service, port, name, callers, new RouteActionTranslator(manifests, port));

    /// <summary>Every cluster that the routes of any class of callers name: gRPC clients hold all calls until the last of them has arrived.</summary>
    public IReadOnlyCollection<ClusterReference> References(MeshService service, int port)
    {
        var action = new RouteActionTranslator(manifests, port);
        _ = Configuration(service, port, "", CallerClass.Plain, action);
        if (!RouteFacts(service, port).IsEmpty)
        {
            _ = Configuration(service, port, "", CallerClass.All, action);
            foreach (var virtualService in _virtualServices.For(service.Host))
            {
                VirtualServiceTranslator.Refer(virtualService, action);
            }

            foreach (var group in Attached(service, port).GroupBy(route => route.Namespace))
            {
                _ = GatewayRoutes(service, port, [.. group], action).Count();
            }
        }

        return action.References;
    }

    private RouteConfiguration Configuration(MeshService service, int port, string name, CallerClass callers, RouteActionTranslator action)
    {
        var host = new VirtualHost { Name = ClusterNames.Route(service.Host, port), Domains = { "*" } };
        var routes = AttachedFor(service, port, callers);
        if (_virtualServices.For(service.Host, callers) is { } virtualService)
        {
            host.Routes.AddRange(VirtualServiceTranslator.Routes(virtualService, new RoutedPort(port, service.TakesAnyPort), callers, action));
        }

        host.Routes.AddRange(GatewayRoutes(service, port, routes, action));

        // As in Istio: a VirtualService of which nothing is for these callers and this port leaves the service as it is.
        if (host.Routes.Count == 0 && routes.Count == 0)
        {
            host.Routes.Add(new Route { Name = "default", Match = new RouteMatch { Prefix = "/" }, Route_ = action.ToOne(new ClusterReference(service.Host, port, "")) });
        }

        _traits.AddTo(host, action.References, callers);
        ExperimentTranslator.Apply(manifests, service, port, callers, host);
        return new RouteConfiguration { Name = name, VirtualHosts = { host } };
    }

    // GEP-1294: routes of two kinds on one port are not merged; the GRPCRoutes count and the HTTPRoutes do not.
    private static IEnumerable<Route> GatewayRoutes(MeshService service, int port, List<RouteManifest> routes, RouteActionTranslator action)
    {
        var translator = new GatewayRouteTranslator(action, new ClusterReference(service.Host, port, ""), service.TakesAnyPort ? null : port);
        var grpc = routes.OfType<GrpcRouteManifest>().ToList();
        return translator.Routes(grpc.Count > 0 ? RoutePrecedence.Order(grpc) : RoutePrecedence.Order(routes.OfType<HttpRouteManifest>()));
    }

    // GEP-1294: a route from another namespace than the service's is a consumer's. It is for callers of that namespace only, and replaces
    // for them what the service's own namespace says.
    private List<RouteManifest> AttachedFor(MeshService service, int port, CallerClass callers)
    {
        var attached = Attached(service, port);
        var consumers = attached.Where(route => route.Namespace != service.Namespace && callers.IsIn(route.Namespace)).ToList();
        return consumers.Count > 0 ? consumers : [.. attached.Where(route => route.Namespace == service.Namespace)];
    }

    private List<RouteManifest> Attached(MeshService service, int port)
        => [.. manifests.HttpRoutes.Concat<RouteManifest>(manifests.GrpcRoutes).Where(route => route.Parents.Any(parent => IsFor(parent, service, port)))];

    private static bool IsFor(RouteParent parent, MeshService service, int port)
        => parent.Host == service.Host
            && (service.TakesAnyPort || parent.Port is null || parent.Port == port)
            && (parent.PortName is null || service.Manifest?.Ports.Any(known => known.Port == port && known.Name == parent.PortName) == true);
}
