using System.Collections.Immutable;
using ProxylessMesh.ControlPlane.Xds;
using ProxylessMesh.Manifests;
using ProxylessMesh.Manifests.Kinds;
using ProxylessMesh.Spiffe;

namespace ProxylessMesh.ControlPlane.Translation;

/// <summary>The clusters and endpoints of one service: for each port and each subset.</summary>
internal sealed class ServiceTranslator(ManifestSet manifests, TrustDomain trustDomain)
{
    /// <param name="service">The service with its workloads.</param>
    /// <param name="references">The clusters of it that routes name; they exist even if no port or subset stands behind them.</param>
    public ServiceClusters Translate(MeshService service, ImmutableArray<ClusterReference> references)
    {
        var policy = DestinationPolicy.Of(manifests, service.Host, service.Namespace);
        var own = from port in service.ListenerPorts
                  from subset in policy.Subsets.Select(subset => subset.Name).Prepend("")
                  select new ClusterReference(service.Host, port, subset);
        var clusters = own.Union(references).OrderBy(cluster => cluster.Name, StringComparer.Ordinal).ToImmutableArray();
        var endpoints = clusters.Select(cluster => Endpoints(service, policy, cluster)).ToImmutableArray();
        return new ServiceClusters(
            [.. clusters.Zip(endpoints, (cluster, behind) => Cluster(service, policy, cluster, behind))],
            [.. clusters.Zip(endpoints, (cluster, behind) => XdsResource.Create(cluster.Name, EndpointTranslator.Translate(cluster.Name, behind)))]);
    }

    /// <summary>Clusters without endpoints, for destinations that are no services of the mesh.</summary>
    public static ServiceClusters Nowhere(IEnumerable<ClusterReference> references)
    {
        var names = references.Select(reference => reference.Name).ToImmutableArray();
        return new ServiceClusters(
            [.. names.Select(name => XdsResource.Create(name, ClusterTranslator.Translate(name, TrafficPolicy.None, [], speaksHttp2: false)))],
            [.. names.Select(name => XdsResource.Create(name, EndpointTranslator.Translate(name, [])))]);
    }

    private ImmutableArray<ServicePortEndpoint> Endpoints(MeshService service, DestinationPolicy policy, ClusterReference cluster)
    {
        var tls = policy.For(cluster.Subset).Tls;
        var subset = policy.Subsets.FirstOrDefault(candidate => candidate.Name == cluster.Subset);
        var backendTls = BackendTls.Of(manifests, service, cluster.Port);
        if ((cluster.Subset.Length > 0 && subset is null) || backendTls is { Socket: null })
        {
            return [];
        }

        return [.. from workload in service.Workloads
                   where subset is null || subset.Labels.Selects(workload.Labels)
                   let port = service.Serving(workload, cluster.Port)
                   where port is not null
                   select new ServicePortEndpoint(workload, port.Value, tls switch
                   {
                       ClientTlsMode.Disable when backendTls is null => false,
                       ClientTlsMode.IstioMutual => true,
                       _ when backendTls is not null => true,
                       _ => port.Value.TakesMeshTls && MtlsModes.Of(manifests, workload, port.Value.Number) != MtlsMode.Disable,
                   })];
    }

    private XdsResource Cluster(MeshService service, DestinationPolicy policy, ClusterReference cluster, ImmutableArray<ServicePortEndpoint> endpoints)
    {
        var settings = policy.For(cluster.Subset);

        // A cluster that nobody serves yet is a mesh cluster too: its first endpoint must not be called in plaintext by chance.
        var usesTls = settings.Tls != ClientTlsMode.Disable && (endpoints.IsEmpty || endpoints.Any(endpoint => endpoint.TakesMeshTls));
        var declared = service.Manifest?.Ports.FirstOrDefault(port => port.Port == cluster.Port)?.AppProtocol;
        var backendTls = BackendTls.Of(manifests, service, cluster.Port);
        var speaksHttp2 = endpoints.All(endpoint => (endpoint.TakesMeshTls && backendTls is null) || IsHttp2(declared ?? endpoint.Port.AppProtocol));
        var made = ClusterTranslator.Translate(cluster.Name, settings, usesTls ? Identities(service, endpoints) : [], speaksHttp2);
        made.TransportSocket = backendTls?.Socket ?? made.TransportSocket;
        return XdsResource.Create(cluster.Name, made);
    }

    private ImmutableArray<string> Identities(MeshService service, ImmutableArray<ServicePortEndpoint> endpoints)
    {
        var proved = endpoints.Where(endpoint => endpoint.TakesMeshTls).Select(endpoint => endpoint.Workload.Id.ToString());
        var expected = endpoints.IsEmpty
            ? (service.Manifest?.ServiceAccounts ?? []).Append(service.Name).Select(account => SpiffeId.ForServiceAccount(trustDomain, service.Namespace, account).ToString())
            : [];
        return [.. proved.Concat(expected).Distinct(StringComparer.Ordinal).Order(StringComparer.Ordinal)];
    }

    private static bool IsHttp2(string appProtocol) => appProtocol is "http2" or "grpc" or "h2c" or "kubernetes.io/h2c";
}

/// <summary>What one service contributes to the snapshot besides listeners and routes.</summary>
internal sealed record ServiceClusters(ImmutableArray<XdsResource> Clusters, ImmutableArray<XdsResource> Endpoints);
