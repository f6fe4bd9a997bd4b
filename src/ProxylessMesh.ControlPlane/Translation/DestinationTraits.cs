using System.Collections.Immutable;
using Envoy.Config.Route.V3;
using Google.Protobuf.WellKnownTypes;
using ProxylessMesh.Manifests;
using ProxylessMesh.Manifests.Kinds;
using ProxylessMesh.Protos.V1;
using HashPolicy = Envoy.Config.Route.V3.RouteAction.Types.HashPolicy;

namespace ProxylessMesh.ControlPlane.Translation;

/// <summary>
/// What destinations add to the routes that lead to them: what to hash (DestinationRule <c>consistentHash</c>), and what a
/// MeshTrafficPolicy says of attempts and sessions. xDS has these on routes and not on clusters.
/// </summary>
internal sealed class DestinationTraits(ManifestSet manifests)
{
    public const string HedgingFilter = "proxylessmesh.hedging";

    /// <summary>What the traits of these destinations depend on in callers.</summary>
    public IEnumerable<CallerFact> Facts(IEnumerable<ClusterReference> destinations)
        => destinations.Select(destination => destination.Host).Distinct(StringComparer.Ordinal)
            .Where(host => DestinationPolicy.About(manifests, host).Any(Hashes))
            .SelectMany(host => DestinationPolicy.Facts(manifests, host, NamespaceOf(host)))
            .Distinct();

    /// <summary>Adds the traits of its destinations to each route; what a route says itself stays.</summary>
    /// <param name="host">The routes.</param>
    /// <param name="destinations">The clusters that they name.</param>
    /// <param name="callers">The class of callers they are for.</param>
    public void AddTo(VirtualHost host, IReadOnlyCollection<ClusterReference> destinations, CallerClass callers)
    {
        var known = destinations.Select(destination => (destination.Name, Traits: Of(destination, callers))).Where(destination => destination.Traits is not null)
            .ToDictionary(destination => destination.Name, destination => destination.Traits!, StringComparer.Ordinal);
        foreach (var route in host.Routes.Where(route => known.Count > 0 && route.Route_ is not null))
        {
            Add(route, known);
        }
    }

    private static void Add(Route route, Dictionary<string, Traits> known)
    {
        var sides = route.Route_.WeightedClusters?.Clusters;
        var traits = (sides?.Select(side => side.Name) ?? [route.Route_.Cluster]).Select(name => known.GetValueOrDefault(name)).ToImmutableArray();
        if (route.Route_.HashPolicy.Count == 0)
        {
            route.Route_.HashPolicy.AddRange(traits.Select(side => side?.Hash).OfType<HashPolicy>().Distinct());
        }

        // Attempts are the route's: they follow the destinations where those agree.
        if (traits[0]?.Policy is { } policy && traits.All(side => side?.Policy == policy))
        {
            AddAttempts(route, policy);
        }

        for (var i = 0; i < traits.Length; i++)
        {
            var overrides = sides is null ? route.TypedPerFilterConfig : sides[i].TypedPerFilterConfig;
            if (traits[i]?.Policy?.SessionAffinity is { } session && !route.TypedPerFilterConfig.ContainsKey(ListenerTranslator.SessionFilter))
            {
                overrides[ListenerTranslator.SessionFilter] = SessionTranslator.Override(session);
            }
        }
    }

    private static void AddAttempts(Route route, MeshTrafficPolicyManifest policy)
    {
        if (policy.Hedging is { } hedging)
        {
            var message = new Hedging { MaxAttempts = (uint)hedging.MaxAttempts, Delay = hedging.Delay.ToDuration(), NonFatalGrpcStatuses = { hedging.NonFatalGrpcStatuses.Select(status => (uint)status) } };
            route.TypedPerFilterConfig[HedgingFilter] = Any.Pack(new FilterConfig { Config = Any.Pack(message), IsOptional = true });
        }

        if (policy.RateLimitedBackOff is { } backOff && route.Route_.RetryPolicy is { RetryOn.Length: > 0 } retry)
        {
            retry.RateLimitedRetryBackOff = new RetryPolicy.Types.RateLimitedRetryBackOff
            {
                MaxInterval = backOff.MaxInterval.ToDuration(),
                ResetHeaders =
                {
                    backOff.Headers.Select(header => new RetryPolicy.Types.ResetHeader
                    {
                        Name = header.Name,
                        Format = header.IsUnixTime ? RetryPolicy.Types.ResetHeaderFormat.UnixTimestamp : RetryPolicy.Types.ResetHeaderFormat.Seconds,
                    }),
                },
            };
        }
    }

    private Traits? Of(ClusterReference destination, CallerClass callers)
    {
        var policy = manifests.MeshTrafficPolicies.FirstOrDefault(candidate => candidate.Host == destination.Host);
        var rule = DestinationPolicy.Of(manifests, destination.Host, NamespaceOf(destination.Host), callers).For(destination.Subset, destination.Port).LoadBalancer;
        var bySource = rule is null or { Simple: null } && manifests.FindService(destination.Host)?.HasClientAffinity == true ? new ConsistentHash { Key = HashKey.SourceIp } : null;
        var hash = policy?.LoadBalancer is null ? rule?.ConsistentHash ?? bySource : null;
        return policy is null && hash is null ? null : new Traits(hash is null ? null : Translate(hash), policy);
    }

    private static HashPolicy Translate(ConsistentHash hash) => hash.Key switch
    {
        HashKey.Header => new HashPolicy { Header = new HashPolicy.Types.Header { HeaderName = hash.Name } },
        HashKey.QueryParameter => new HashPolicy { QueryParameter = new HashPolicy.Types.QueryParameter { Name = hash.Name } },
        HashKey.Cookie => new HashPolicy { Cookie = new HashPolicy.Types.Cookie { Name = hash.Name, Path = hash.CookiePath, Ttl = hash.CookieTtl?.ToDuration() } },
        _ => new HashPolicy { ConnectionProperties = new HashPolicy.Types.ConnectionProperties { SourceIp = true } },
    };

    private static bool Hashes(DestinationRuleManifest rule)
        => rule.Subsets.Select(subset => subset.TrafficPolicy).Append(rule.TrafficPolicy)
            .SelectMany(policy => policy.Ports.Select(port => port.Policy).Append(policy))
            .Any(policy => policy.LoadBalancer?.ConsistentHash is not null);

    // Of a ServiceEntry, the namespace that it is in.
    private string NamespaceOf(string host)
        => manifests.FindService(host) is null && manifests.FindEntry(host) is { } entry ? entry.Namespace : HostNames.TryParse(host, out _, out var ns) ? ns : HostNames.RootNamespace;

    private sealed record Traits(HashPolicy? Hash, MeshTrafficPolicyManifest? Policy);
}
