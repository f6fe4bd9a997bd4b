using Envoy.Config.Route.V3;
using ProxylessMesh.Manifests;
using ProxylessMesh.Manifests.Kinds;

namespace ProxylessMesh.ControlPlane.Translation;

/// <summary>
/// The routes of one port of a service. A VirtualService for the host comes first, as written; then the HTTPRoutes attached to the
/// service, merged by Gateway API's precedence; where there is neither, everything goes to the service itself.
/// </summary>
internal sealed class RouteTranslator(ManifestSet manifests)
{
    public ServiceRoute Translate(MeshService service, int port)
    {
        var name = ClusterNames.Route(service.Host, port);
        var action = new RouteActionTranslator(manifests, port);
        var host = new VirtualHost { Name = name, Domains = { "*" } };
        var virtualService = VirtualServiceFor(service.Host);
        var httpRoutes = manifests.HttpRoutes.Where(route => IsAttached(route, service, port)).ToList();
        if (virtualService is not null)
        {
            host.Routes.AddRange(VirtualServiceTranslator.Routes(virtualService, action));
        }

        host.Routes.AddRange(HttpRouteTranslator.Routes(httpRoutes, action));
        if (virtualService is null && httpRoutes.Count == 0)
        {
            host.Routes.Add(new Route { Name = "default", Match = new RouteMatch { Prefix = "/" }, Route_ = action.ToOne(new ClusterReference(service.Host, port, "")) });
        }

        return new ServiceRoute(new RouteConfiguration { Name = name, VirtualHosts = { host } }, action.References);
    }

    // A route from another namespace is a consumer's: it is for callers of that namespace only, and no part of what all callers share.
    private static bool IsAttached(HttpRouteManifest route, MeshService service, int port)
        => route.Namespace == service.Namespace
            && route.Parents.Any(parent => parent.Host == service.Host && (service.TakesAnyPort || parent.Port is null || parent.Port == port));

    // Istio does not merge VirtualServices of one host: the one with the most specific host counts, of equal ones the oldest.
    private VirtualServiceManifest? VirtualServiceFor(string host)
    {
        var pattern = HostPatterns.MostSpecific(manifests.VirtualServices.Where(candidate => !candidate.Http.IsEmpty).SelectMany(candidate => candidate.Hosts), host);
        return pattern is null ? null : manifests.VirtualServices.First(candidate => !candidate.Http.IsEmpty && candidate.Hosts.Contains(pattern));
    }
}

/// <summary>A route configuration and the clusters it names.</summary>
internal sealed record ServiceRoute(RouteConfiguration Configuration, IReadOnlyCollection<ClusterReference> References);
