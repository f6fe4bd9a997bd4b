using System.Collections.Immutable;
using Envoy.Config.Route.V3;
using ProxylessMesh.Xds.Matching;

namespace ProxylessMesh.Xds.Resources;

/// <summary>Route configurations: virtual hosts and their routes (gRFC A28). Actions are in <see cref="RouteActionDecoder"/>.</summary>
internal static class RouteDecoder
{
    public static RouteConfig Decode(RouteConfiguration wire, DecodeContext context)
    {
        var errors = context.Errors;
        var plugins = ClusterSpecifierPlugins(wire, errors);
        var shared = HeaderOperationsDecoder.Decode(wire.RequestHeadersToAdd, wire.RequestHeadersToRemove, wire.ResponseHeadersToAdd, wire.ResponseHeadersToRemove, errors);
        var outer = new VirtualHostConfig
        {
            Name = "",
            Headers = shared,
            FilterOverrides = HttpFilterDecoder.Overrides(wire.TypedPerFilterConfig, errors),
        };
        var mirrors = MirrorDecoder.Decode(wire.RequestMirrorPolicies, errors);
        var domains = new HashSet<string>(StringComparer.OrdinalIgnoreCase);
        var hosts = ImmutableArray.CreateBuilder<VirtualHostConfig>(wire.VirtualHosts.Count);
        for (var i = 0; i < wire.VirtualHosts.Count; i++)
        {
            var host = wire.VirtualHosts[i];
            using (host.Name.Length > 0 ? errors.In("virtual_hosts", host.Name) : errors.In("virtual_hosts", i))
            {
                CheckDomains(host, domains, errors);
                hosts.Add(VirtualHost(host, outer, mirrors, plugins, wire.MostSpecificHeaderMutationsWins, errors));
            }
        }

        return new RouteConfig { Name = wire.Name, VirtualHosts = hosts.ToImmutable(), MostSpecificHeadersWin = wire.MostSpecificHeaderMutationsWins };
    }

    /// <summary>No plugin is known here: an optional one makes its routes be ignored, any other is refused.</summary>
    private static HashSet<string> ClusterSpecifierPlugins(RouteConfiguration wire, DecodeErrors errors)
    {
        var optional = new HashSet<string>(StringComparer.Ordinal);
        for (var i = 0; i < wire.ClusterSpecifierPlugins.Count; i++)
        {
            var plugin = wire.ClusterSpecifierPlugins[i];
            var name = plugin.Extension?.Name ?? "";
            if (plugin.IsOptional)
            {
                optional.Add(name);
            }
            else
            {
                errors.Add($"cluster_specifier_plugins[{i}]", plugin.Extension?.TypedConfig?.TypeUrl ?? name, "is not known to this version, and it is not optional");
            }
        }

        return optional;
    }

    private static void CheckDomains(VirtualHost host, HashSet<string> seen, DecodeErrors errors)
    {
        for (var i = 0; i < host.Domains.Count; i++)
        {
            var domain = host.Domains[i];
            var star = domain.IndexOf('*', StringComparison.Ordinal);
            if (domain.Length == 0 || (star >= 0 && (domain.LastIndexOf('*') != star || (star > 0 && star < domain.Length - 1))))
            {
                errors.Add($"domains[{i}]", domain, "must be a name, *, *suffix or prefix*");
            }
            else if (!seen.Add(domain))
            {
                errors.Add($"domains[{i}]", domain, "occurs twice; domains must differ");
            }
        }
    }

    private static VirtualHostConfig VirtualHost(VirtualHost host, VirtualHostConfig outer, ImmutableArray<MirrorConfig> outerMirrors, HashSet<string> plugins, bool inward, DecodeErrors errors)
    {
        var mirrors = MirrorDecoder.Decode(host.RequestMirrorPolicies, errors);
        mirrors = host.RequestMirrorPolicies.Count > 0 ? mirrors : outerMirrors;
        var hedge = HedgeDecoder.Decode(host.HedgePolicy, host.RetryPolicy, host.TypedPerFilterConfig, errors);
        var routes = ImmutableArray.CreateBuilder<RouteRuleConfig>(host.Routes.Count);
        for (var i = 0; i < host.Routes.Count; i++)
        {
            using (errors.In("routes", i))
            {
                if (!RouteActionDecoder.IsIgnored(host.Routes[i], plugins) && Rule(host.Routes[i], errors) is { } rule)
                {
                    routes.Add(rule with { Action = WithHost(rule.Action, host.Routes[i], host, hedge, mirrors, errors) });
                }
            }
        }

        var own = HeaderOperationsDecoder.Decode(host.RequestHeadersToAdd, host.RequestHeadersToRemove, host.ResponseHeadersToAdd, host.ResponseHeadersToRemove, errors);
        return new VirtualHostConfig
        {
            Name = host.Name,
            Domains = [.. host.Domains],
            Routes = routes.ToImmutable(),
            Headers = inward ? HeaderOperationsDecoder.Join(outer.Headers, own) : HeaderOperationsDecoder.Join(own, outer.Headers),
            Retry = RetryDecoder.Decode(host.RetryPolicy, errors),
            FilterOverrides = HttpFilterDecoder.Join(HttpFilterDecoder.Overrides(host.TypedPerFilterConfig, errors), outer.FilterOverrides),
        };
    }

    /// <summary>What a route takes from its virtual host where it says nothing of its own: hedging and mirrors.</summary>
    private static RouteActionConfig WithHost(RouteActionConfig action, Route route, VirtualHost host, HedgeConfig? hedge, ImmutableArray<MirrorConfig> mirrors, DecodeErrors errors)
    {
        if (action is not ForwardActionConfig forward)
        {
            return action;
        }

        if (HedgeDecoder.Unsupported(host.HedgePolicy) is { } reason)
        {
            return new UnsupportedActionConfig(reason);
        }

        var speaks = route.Route_.HedgePolicy is not null || route.TypedPerFilterConfig.ContainsKey(HedgeDecoder.FilterName);
        return forward with
        {
            Hedge = speaks ? HedgeDecoder.Decode(route.Route_.HedgePolicy, route.Route_.RetryPolicy ?? host.RetryPolicy, route.TypedPerFilterConfig, errors) : hedge,
            Mirrors = route.Route_.RequestMirrorPolicies.Count > 0 ? forward.Mirrors : mirrors,
        };
    }

    private static RouteRuleConfig? Rule(Route route, DecodeErrors errors)
    {
        RequestMatcher? match = null;
        if (route.Match is null)
        {
            errors.AddMissing("match");
        }
        else
        {
            using (errors.In("match"))
            {
                match = Match(route.Match, errors);
            }
        }

        var action = RouteActionDecoder.Decode(route, errors);
        var overrides = HttpFilterDecoder.Overrides(route.TypedPerFilterConfig, errors);
        var headers = HeaderOperationsDecoder.Decode(route.RequestHeadersToAdd, route.RequestHeadersToRemove, route.ResponseHeadersToAdd, route.ResponseHeadersToRemove, errors);
        return match is null || action is null
            ? null
            : new RouteRuleConfig { Name = route.Name, Match = match, Action = action, Headers = headers, FilterOverrides = overrides };
    }

    /// <summary>What of a request must match.</summary>
    public static RequestMatcher? Match(RouteMatch wire, DecodeErrors errors)
    {
        var path = MatcherDecoder.Path(wire, errors);
        var headers = MatcherDecoder.Headers(wire.Headers, "headers", errors);
        var parameters = ImmutableArray.CreateBuilder<Matching.QueryParameterMatcher>(wire.QueryParameters.Count);
        for (var i = 0; i < wire.QueryParameters.Count; i++)
        {
            using (errors.In("query_parameters", i))
            {
                if (MatcherDecoder.Query(wire.QueryParameters[i], errors) is { } parameter)
                {
                    parameters.Add(parameter);
                }
            }
        }

        // A route for gRPC only ("grpc" set) would also take plain HTTP calls if the field were left aside.
        if (wire.Grpc is not null)
        {
            headers = headers.Add(new Matching.HeaderMatcher { Name = "content-type", Value = Matching.StringMatcher.Prefix("application/grpc") });
        }

        return path is null
            ? null
            : new RequestMatcher
            {
                Path = path,
                Headers = headers,
                QueryParameters = parameters.ToImmutable(),
                Fraction = wire.RuntimeFraction?.DefaultValue is { } share ? new FractionMatcher(ValueDecoder.PerMillion(share, "runtime_fraction.default_value", errors)) : null,
            };
    }
}
