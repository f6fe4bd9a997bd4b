using System.Collections.Immutable;
using Envoy.Config.Core.V3;
using ProxylessMesh.ControlPlane.Xds;
using ProxylessMesh.Manifests;
using ProxylessMesh.Manifests.Kinds;
using ProxylessMesh.Spiffe;

namespace ProxylessMesh.ControlPlane.Translation;

/// <summary>The clusters and endpoints of one service, for each port and each subset, as one class of callers at one place has them.</summary>
internal sealed class ServiceTranslator(ManifestSet manifests, TrustDomain trustDomain)
{
    private readonly ServiceEndpoints _endpoints = new(manifests, trustDomain);

    /// <param name="service">The service with those behind it.</param>
    /// <param name="references">The clusters of it that routes name; they exist even if no port or subset stands behind them.</param>
    /// <param name="callers">The class of callers.</param>
    /// <param name="place">Where they are.</param>
    public ServiceClusters Translate(MeshService service, ImmutableArray<ClusterReference> references, CallerClass callers, CallerPlace place)
    {
        var policy = DestinationPolicy.Of(manifests, service.Host, service.Namespace, callers);
        var own = from port in service.ListenerPorts
                  from subset in policy.Subsets.Select(subset => subset.Name).Prepend("")
                  select new ClusterReference(service.Host, port, subset);
        var clusters = own.Union(references).OrderBy(cluster => cluster.Name, StringComparer.Ordinal).Select(cluster => Cluster(service, policy, cluster, place)).ToImmutableArray();
        return new ServiceClusters([.. clusters.Select(made => made.Cluster)], [.. clusters.Select(made => made.Endpoints).OfType<XdsResource>()]);
    }

    /// <summary>The forms in which different callers have them; null: all have the same.</summary>
    public DestinationVariants? Variants(MeshService service, ImmutableArray<ClusterReference> references)
    {
        var facts = DestinationPolicy.Facts(manifests, service.Host, service.Namespace).ToImmutableArray();
        var rules = DestinationPolicy.About(manifests, service.Host).ToImmutableArray();
        var countsPlace = service.Manifest?.PrefersClose == true || rules.SelectMany(Policies).Any(policy => EndpointPriorities.SettingsOf(policy, prefersClose: false) is not null);
        if (facts.IsEmpty && !countsPlace)
        {
            return null;
        }

        var labels = rules.SelectMany(Policies).SelectMany(policy => policy.LoadBalancer?.Locality?.FailoverPriority ?? []).Where(label => !label.Contains('=', StringComparison.Ordinal));
        return new DestinationVariants(facts, countsPlace, [.. labels.Distinct(StringComparer.Ordinal)], (callers, place) => Translate(service, references, callers, place));
    }

    /// <summary>Clusters without endpoints, for destinations that are no services of the mesh.</summary>
    public static ServiceClusters Nowhere(IEnumerable<ClusterReference> references)
    {
        var names = references.Select(reference => reference.Name).ToImmutableArray();
        return new ServiceClusters(
            [.. names.Select(name => XdsResource.Create(name, ClusterTranslator.Translate(new ClusterSettings { Name = name })))],
            [.. names.Select(name => XdsResource.Create(name, EndpointTranslator.Translate(name, [], null, CallerPlace.Unknown, tellsTls: false)))]);
    }

    private static IEnumerable<TrafficPolicy> Policies(DestinationRuleManifest rule)
        => from policy in rule.Subsets.Select(subset => rule.TrafficPolicy.OverriddenBy(subset.TrafficPolicy)).Append(rule.TrafficPolicy)
           from own in policy.Ports.Select(port => port.Policy).Append(policy)
           select own;

    private (XdsResource Cluster, XdsResource? Endpoints) Cluster(MeshService service, DestinationPolicy rules, ClusterReference reference, CallerPlace place)
    {
        var policy = Complete(rules.For(reference.Subset, reference.Port), service);
        var backendTls = BackendTls.Of(manifests, service, reference.Port);
        var endpoints = backendTls is { Socket: null } ? [] : Endpoints(service, rules, reference, backendTls is null ? policy.Tls?.Mode : ClientTlsMode.Simple);
        var world = WorldTls(service, reference.Port, policy.Tls);
        var locality = EndpointPriorities.SettingsOf(policy, service.Manifest?.PrefersClose == true);
        var assignment = EndpointTranslator.Translate(reference.Name, endpoints, locality, place, tellsTls: world is null && backendTls is null);
        var cluster = ClusterTranslator.Translate(new ClusterSettings
        {
            Name = reference.Name,
            Policy = policy,
            Mesh = manifests.MeshTrafficPolicies.FirstOrDefault(candidate => candidate.Host == service.Host),
            TransportSocket = backendTls?.Socket ?? (world is null ? Mesh(service, policy.Tls, endpoints) : UpstreamTls.Of(world, service.DnsName, service.Entry?.SubjectAltNames ?? [])),
            SpeaksHttp2 = SpeaksHttp2(service, reference.Port, endpoints),
            DnsEndpoints = service.IsLookedUp ? assignment : null,
            IsOneName = service.Entry?.Resolution is not (ServiceEntryResolution.Dns or ServiceEntryResolution.Static) && endpoints.Length == 1,
        });
        return (XdsResource.Create(reference.Name, cluster), service.IsLookedUp ? null : XdsResource.Create(reference.Name, assignment));
    }

    private ImmutableArray<ServiceEndpoint> Endpoints(MeshService service, DestinationPolicy rules, ClusterReference cluster, ClientTlsMode? tls)
    {
        var subset = rules.Subsets.FirstOrDefault(candidate => candidate.Name == cluster.Subset);
        return cluster.Subset.Length > 0 && subset is null ? [] : [.. _endpoints.Of(service, cluster.Port, tls).Where(endpoint => subset is null || endpoint.IsSelectedBy(subset.Labels))];
    }

    // What a Service says itself, where no rule says otherwise.
    private static TrafficPolicy Complete(TrafficPolicy policy, MeshService service)
        => service.Manifest?.HasClientAffinity == true && (policy.LoadBalancer is null or { Simple: null, ConsistentHash: null })
            ? policy with { LoadBalancer = (policy.LoadBalancer ?? new LoadBalancerSettings()) with { ConsistentHash = new ConsistentHash { Key = HashKey.SourceIp } } }
            : policy;

    // TLS as of a web server. An application that calls an https port outside does TLS itself in a proxied mesh; here the client that
    // carries its call does.
    private static ClientTls? WorldTls(MeshService service, int port, ClientTls? tls)
    {
        if (tls is not null)
        {
            return tls.Mode == ClientTlsMode.Simple ? tls : null;
        }

        return service.Entry is { IsMeshInternal: false } && service.Declared(port)?.AppProtocol == "https" ? new ClientTls { Mode = ClientTlsMode.Simple } : null;
    }

    // A cluster that nobody serves yet is a mesh cluster too: its first endpoint must not be called in plaintext by chance.
    private TransportSocket? Mesh(MeshService service, ClientTls? tls, ImmutableArray<ServiceEndpoint> endpoints)
    {
        var isOutside = service.Entry is { IsMeshInternal: false } || service.IsLookedUp;
        var usesTls = tls?.Mode != ClientTlsMode.Disable && (endpoints.IsEmpty ? !isOutside : endpoints.Any(endpoint => endpoint.TakesMeshTls));
        return usesTls ? MeshTls.Upstream(Identities(service, endpoints)) : null;
    }

    private ImmutableArray<string> Identities(MeshService service, ImmutableArray<ServiceEndpoint> endpoints)
    {
        var proved = endpoints.Where(endpoint => endpoint.TakesMeshTls).Select(endpoint => endpoint.Identity);
        var expected = endpoints.IsEmpty
            ? (service.Manifest?.ServiceAccounts ?? []).Append(service.Entry is null ? service.Name : "default").Select(account => SpiffeId.ForServiceAccount(trustDomain, service.Namespace, account).ToString())
            : [];
        var entry = service.Entry ?? manifests.FindEntry(service.Host);
        return [.. proved.Concat(expected).Concat(entry?.SubjectAltNames ?? []).Distinct(StringComparer.Ordinal).Order(StringComparer.Ordinal)];
    }

    private static bool SpeaksHttp2(MeshService service, int port, ImmutableArray<ServiceEndpoint> endpoints)
    {
        var declared = service.Declared(port)?.AppProtocol;
        return endpoints.All(endpoint => endpoint.TakesMeshTls || IsHttp2(declared ?? endpoint.AppProtocol)) && (!endpoints.IsEmpty || !service.IsLookedUp);
    }

    private static bool IsHttp2(string appProtocol) => appProtocol is "http2" or "grpc" or "h2c" or "kubernetes.io/h2c";
}

/// <summary>What one service contributes to the snapshot besides listeners and routes.</summary>
internal sealed record ServiceClusters(ImmutableArray<XdsResource> Clusters, ImmutableArray<XdsResource> Endpoints);
