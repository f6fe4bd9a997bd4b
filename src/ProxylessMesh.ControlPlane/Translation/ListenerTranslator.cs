using Envoy.Config.Core.V3;
using Envoy.Config.Listener.V3;
using Envoy.Config.Route.V3;
using Envoy.Extensions.Filters.Http.Fault.V3;
using Envoy.Extensions.Filters.Http.Router.V3;
using Envoy.Extensions.Filters.Http.StatefulSession.V3;
using Envoy.Extensions.Filters.Network.HttpConnectionManager.V3;
using Google.Protobuf;
using Google.Protobuf.WellKnownTypes;

namespace ProxylessMesh.ControlPlane.Translation;

/// <summary>A client's listener: an <c>api_listener</c> under the name asked for, whose routes are those of the canonical name.</summary>
internal static class ListenerTranslator
{
    public const string FaultFilter = "envoy.filters.http.fault";
    public const string SessionFilter = "envoy.filters.http.stateful_session";
    private const string RouterFilter = "envoy.filters.http.router";

    /// <summary>
    /// The listener under the name that a client asked for. The filters for faults and sessions are always there and do nothing by
    /// themselves: a fault that is switched on is then one changed route, not a changed listener that could arrive after it.
    /// </summary>
    public static Listener Outbound(string requestedName, string canonicalName) => new()
    {
        Name = requestedName,
        ApiListener = new ApiListener
        {
            ApiListener_ = Any.Pack(new HttpConnectionManager
            {
                StatPrefix = canonicalName,
                Rds = new Rds { ConfigSource = Ads, RouteConfigName = canonicalName },
                HttpFilters = { Filter(FaultFilter, new HTTPFault()), Optional(SessionFilter, new StatefulSession()), Router },
            }),
        },
    };

    /// <summary>
    /// The listener of a host that the client does not see, where its calls are not simply to go out: its one route sends all of them to
    /// <paramref name="egressProxy"/>, or, without one, answers them with 502 as Istio does for REGISTRY_ONLY.
    /// </summary>
    public static Listener Beyond(string requestedName, string? egressProxy)
    {
        var route = new Route { Name = egressProxy is null ? "block_all" : "egress_proxy", Match = new RouteMatch { Prefix = "/" } };
        if (egressProxy is null)
        {
            route.DirectResponse = new DirectResponseAction { Status = 502 };
        }
        else
        {
            route.Route_ = new RouteAction { Cluster = egressProxy };
        }

        return new Listener
        {
            Name = requestedName,
            ApiListener = new ApiListener
            {
                ApiListener_ = Any.Pack(new HttpConnectionManager
                {
                    StatPrefix = route.Name,
                    RouteConfig = new RouteConfiguration { Name = route.Name, VirtualHosts = { new VirtualHost { Name = route.Name, Domains = { "*" }, Routes = { route } } } },
                    HttpFilters = { Router },
                }),
            },
        };
    }

    public static HttpFilter Router => Filter(RouterFilter, new Router());

    public static ConfigSource Ads => new() { Ads = new AggregatedConfigSource(), ResourceApiVersion = ApiVersion.V3 };

    /// <summary>A filter that a client may leave out.</summary>
    public static HttpFilter Optional(string name, IMessage config)
    {
        var filter = Filter(name, config);
        filter.IsOptional = true;
        return filter;
    }

    public static HttpFilter Filter(string name, IMessage config) => new() { Name = name, TypedConfig = Any.Pack(config) };
}
