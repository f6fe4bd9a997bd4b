using System.Collections.Frozen;
using System.Net;
using Envoy.Config.Cluster.V3;
using Envoy.Config.Endpoint.V3;
using Envoy.Config.Route.V3;
using ProxylessMesh.ControlPlane.Translation;
using ProxylessMesh.ControlPlane.Workloads;
using ProxylessMesh.ControlPlane.Xds;
using ProxylessMesh.Manifests;
using ProxylessMesh.Spiffe;

namespace ProxylessMesh.ControlPlane.Tests.Translation;

/// <summary>Manifests as people write them, workloads as they join, and the resources that come of them.</summary>
internal static class Given
{
    public static readonly TrustDomain TrustDomain = TrustDomain.Parse("mesh.local");

    public static ManifestSet Manifests(string yaml)
    {
        var reading = ManifestReader.Read(yaml, "test.yaml");
        Assert.True(reading.IsValid, string.Join('\n', reading.Errors));
        return reading.Manifests;
    }

    /// <summary>A workload that serves <c>http</c> on port 5000 with mesh TLS, at an address made from its instance id.</summary>
    public static Workload Workload(string service, string instance, string ns = "shop", string version = "", string? account = null)
        => new()
        {
            InstanceId = instance,
            Id = SpiffeId.ForServiceAccount(TrustDomain, ns, account ?? service),
            Service = service,
            Namespace = ns,
            ServiceAccount = account ?? service,
            Labels = new Dictionary<string, string> { ["app"] = service, ["version"] = version }.Where(label => label.Value.Length > 0).ToFrozenDictionary(),
            Addresses = [IPAddress.Parse($"10.0.0.{int.Parse(string.Concat(instance.Where(char.IsDigit)).PadLeft(1, '1'), null)}")],
            Ports = [new ServingPort("http", 5000, "http", TakesMeshTls: true)],
        };

    public static XdsSnapshot Snapshot(string yaml, params Workload[] workloads) => new MeshTranslator(TrustDomain).Translate(Manifests(yaml), workloads);

    public static VirtualHost VirtualHost(this XdsSnapshot snapshot, string name = "catalog.shop.svc.cluster.local:80")
        => Assert.Single(RouteConfiguration.Parser.ParseFrom(snapshot.Routes[name].Bytes).VirtualHosts);

    public static Cluster Cluster(this XdsSnapshot snapshot, string name = "outbound|80||catalog.shop.svc.cluster.local")
        => Envoy.Config.Cluster.V3.Cluster.Parser.ParseFrom(snapshot.Clusters[name].Bytes);

    public static ClusterLoadAssignment Assignment(this XdsSnapshot snapshot, string name = "outbound|80||catalog.shop.svc.cluster.local")
        => ClusterLoadAssignment.Parser.ParseFrom(snapshot.Endpoints[name].Bytes);

    /// <summary><c>address:port</c> of all endpoints.</summary>
    public static IEnumerable<string> Addresses(this ClusterLoadAssignment assignment)
        => assignment.Endpoints.SelectMany(locality => locality.LbEndpoints)
            .Select(endpoint => $"{endpoint.Endpoint.Address.SocketAddress.Address}:{endpoint.Endpoint.Address.SocketAddress.PortValue}");

    /// <summary>Every cluster that a route of the snapshot names.</summary>
    public static IEnumerable<string> RoutedClusters(this XdsSnapshot snapshot)
        => snapshot.Routes.Values.SelectMany(resource => RouteConfiguration.Parser.ParseFrom(resource.Bytes).VirtualHosts)
            .SelectMany(host => host.Routes)
            .SelectMany(route => route.Route_.WeightedClusters is { } split ? split.Clusters.Select(cluster => cluster.Name) : [route.Route_.Cluster]);
}
