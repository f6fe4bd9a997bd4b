using System.Collections.Immutable;
using Envoy.Config.Core.V3;
using Envoy.Config.Route.V3;
using Envoy.Type.V3;
using Google.Protobuf.WellKnownTypes;
using ProxylessMesh.Manifests.Kinds;

namespace ProxylessMesh.ControlPlane.Translation;

/// <summary>The HTTPRoutes or GRPCRoutes of a service, merged.</summary>
/// <param name="actions">Remembers the clusters that are named.</param>
/// <param name="own">The cluster of the service itself: named where a rule leads nowhere, as a route must name one.</param>
/// <param name="calledPort">The port of the service that was called; null where the service takes any.</param>
internal sealed class GatewayRouteTranslator(RouteActionTranslator actions, ClusterReference own, int? calledPort)
{
    public IEnumerable<Route> Routes(IEnumerable<RouteCandidate> candidates)
        => from candidate in candidates
           from form in candidate.Forms
           from part in Parts(candidate.Rule)
           select Route(candidate, form, part);

    // Clusters of a split can change headers only. A backend whose filters do more gets a route of its own, which takes its share of the
    // calls by chance; what is left is split among the others.
    private static IEnumerable<RulePart> Parts(RouteRule rule)
    {
        var taking = rule.Backends.Where(backend => backend.Weight > 0).ToList();
        if (taking.Count == 0 || rule.Filters.Redirect is not null || rule.Filters.HasUnresolved)
        {
            return [new RulePart(rule.Filters, rule.Backends, null)];
        }

        var parts = new List<RulePart>();
        var left = taking.Sum(backend => (long)backend.Weight);
        foreach (var special in taking.Where(backend => backend.IsService && backend.Filters.ChangeMoreThanHeaders))
        {
            parts.Add(new RulePart(Joined(rule.Filters, special.Filters), [special], left > special.Weight ? Share(special.Weight, left) : null));
            left -= special.Weight;
        }

        return left > 0 ? parts.Append(new RulePart(rule.Filters, [.. rule.Backends.Where(backend => !backend.IsService || !backend.Filters.ChangeMoreThanHeaders)], null)) : parts;
    }

    // Headers of the backend stay at its side of the split.
    private static RouteFilters Joined(RouteFilters rule, RouteFilters backend) => rule with
    {
        Redirect = backend.Redirect,
        Rewrite = backend.Rewrite ?? rule.Rewrite,
        Mirrors = rule.Mirrors.AddRange(backend.Mirrors),
        Cors = backend.Cors ?? rule.Cors,
        HasUnresolved = backend.HasUnresolved,
    };

    private static FractionalPercent Share(long weight, long sum)
        => new() { Numerator = (uint)Math.Round(weight * 1_000_000m / sum), Denominator = FractionalPercent.Types.DenominatorType.Million };

    private Route Route(RouteCandidate candidate, RouteForm form, RulePart part)
    {
        var rule = candidate.Rule;
        var route = new Route
        {
            Name = $"{candidate.Route.Kind.Name}/{candidate.Route.Namespace}/{candidate.Route.Name}/{(rule.Name.Length > 0 ? rule.Name : candidate.RuleIndex)}",
            Match = form.Path(),
        };
        if (part.Share is not null)
        {
            route.Match.RuntimeFraction = new RuntimeFractionalPercent { DefaultValue = part.Share };
        }

        if (part.Filters is { Redirect: { } redirect, HasUnresolved: false })
        {
            route.Redirect = UrlFilterTranslator.Redirect(redirect, form, calledPort);
        }
        else
        {
            Forward(route, rule, part, form);
        }

        if (!HeadersCollide(part))
        {
            HeaderTranslator.Add(part.Filters.RequestHeaders, route.RequestHeadersToAdd, route.RequestHeadersToRemove);
            HeaderTranslator.Add(part.Filters.ResponseHeaders, route.ResponseHeadersToAdd, route.ResponseHeadersToRemove);
        }

        return route;
    }

    private void Forward(Route route, RouteRule rule, RulePart part, RouteForm form)
    {
        var nowhere = rule is GrpcRouteRule ? FaultTranslator.NowhereGrpc : FaultTranslator.Nowhere;
        var joins = HeadersCollide(part);
        var shares = part.Backends
            .Select(backend => new ClusterShare(
                backend.IsService ? actions.Destination(backend.Host, backend.Port, "") : own,
                backend.Weight,
                joins ? part.Filters.RequestHeaders.Then(backend.Filters.RequestHeaders) : backend.Filters.RequestHeaders,
                joins ? part.Filters.ResponseHeaders.Then(backend.Filters.ResponseHeaders) : backend.Filters.ResponseHeaders,
                Instead: backend.IsService ? null : nowhere))
            .ToList();
        if (part.Filters.HasUnresolved || shares.TrueForAll(share => share.Weight == 0 || share.Instead is not null))
        {
            route.Route_ = actions.ToOne(shares.Find(share => share.Instead is null)?.Cluster ?? own);
            route.TypedPerFilterConfig.Add(ListenerTranslator.FaultFilter, Any.Pack(nowhere));
        }
        else
        {
            route.Route_ = actions.ToShares(shares);
        }

        UrlFilterTranslator.Rewrite(route.Route_, part.Filters.Rewrite, form);
        route.Route_.RequestMirrorPolicies.AddRange(part.Filters.Mirrors.Where(mirror => mirror.Backend.IsService).Select(Mirror));
        if (rule is HttpRouteRule http)
        {
            TimeoutTranslator.SetTimeout(route.Route_, http.RequestTimeout);
            route.Route_.RetryPolicy = TimeoutTranslator.Retry(http.Retry, http.BackendRequestTimeout);
        }

        if (rule.Session is { } session)
        {
            route.TypedPerFilterConfig.Add(ListenerTranslator.SessionFilter, SessionTranslator.Override(session, form.CookiePath));
        }
    }

    // Clients change headers for the backend first and for the rule after it; here the backend has the last word. Where both speak of one
    // header, the changes of the rule are made with the backend's.
    private static bool HeadersCollide(RulePart part)
        => part.Filters.Redirect is null && part.Backends.Any(backend =>
            part.Filters.RequestHeaders.Names.Intersect(backend.Filters.RequestHeaders.Names, StringComparer.OrdinalIgnoreCase).Any()
            || part.Filters.ResponseHeaders.Names.Intersect(backend.Filters.ResponseHeaders.Names, StringComparer.OrdinalIgnoreCase).Any());

    private RouteAction.Types.RequestMirrorPolicy Mirror(RequestMirror mirror) => new()
    {
        Cluster = actions.Refer(actions.Destination(mirror.Backend.Host, mirror.Backend.Port, "")).Name,
        RuntimeFraction = new RuntimeFractionalPercent { DefaultValue = Share(mirror.Numerator, mirror.Denominator) },
    };

    /// <summary>A rule, or the part of it that takes one share of its calls by chance.</summary>
    private sealed record RulePart(RouteFilters Filters, ImmutableArray<RouteBackend> Backends, FractionalPercent? Share);
}
