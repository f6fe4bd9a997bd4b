using System.Collections.Frozen;
using Google.Protobuf;
using ProxylessMesh.ControlPlane.Tests.Translation;
using ProxylessMesh.ControlPlane.Translation;
using ProxylessMesh.ControlPlane.Xds;
using ProxylessMesh.Xds.Client;
using ProxylessMesh.Xds.Resources;

namespace ProxylessMesh.Interop.Tests.RoundTrip;

/// <summary>What our control plane writes, our data plane reads: the two know nothing of each other but the wire.</summary>
public class DecoderTests
{
    private static readonly FrozenSet<string> _providers = FrozenSet.Create("default");

    internal static T Decode<T>(string typeUrl, ByteString bytes)
        where T : class
    {
        var decoded = ResourceType.Find(typeUrl)!.Decode(bytes, _providers);
        Assert.Null(decoded.Error);
        return Assert.IsType<T>(decoded.Config);
    }

    private static T Decode<T>(XdsResource resource)
        where T : class
        => Decode<T>(resource.TypeUrl, resource.Bytes);

    [Fact]
    public void No_resource_of_any_mesh_is_refused()
    {
        for (var seed = 0; seed < 200; seed++)
        {
            var snapshot = new MeshTranslator(Given.TrustDomain).Translate(Given.Manifests(RandomMesh.Yaml(new Random(seed))), RandomMesh.Workloads(new Random(seed)));
            foreach (var resource in snapshot.Listeners.Values.Concat(snapshot.Routes.Values).Concat(snapshot.Clusters.Values).Concat(snapshot.Endpoints.Values))
            {
                var decoded = ResourceType.Find(resource.TypeUrl)!.Decode(resource.Bytes, _providers);

                Assert.Null(decoded.Error);
                Assert.Equal(resource.Name, decoded.Name);
            }
        }
    }

    [Fact]
    public void Nothing_that_manifests_can_say_is_refused()
    {
        var readme = File.ReadAllText(Path.Combine(AppContext.BaseDirectory, "Manifests.README.md"));
        var start = readme.IndexOf("```yaml\n", StringComparison.Ordinal) + "```yaml\n".Length;
        var everything = readme[start..readme.IndexOf("```", start, StringComparison.Ordinal)];
        string[] services = ["catalog", "orders", "orders-next", "pricing", "pricing-next", "storefront"];

        var snapshot = Given.Snapshot(everything, [.. services.SelectMany(static (service, i) => new[] { Given.Workload(service, $"{service}-{2 * i}", version: "v1"), Given.Workload(service, $"{service}-{(2 * i) + 1}", version: "v2") })]);

        var errors = snapshot.Listeners.Values.Concat(snapshot.Routes.Values).Concat(snapshot.Clusters.Values).Concat(snapshot.Endpoints.Values)
            .Select(static resource => ResourceType.Find(resource.TypeUrl)!.Decode(resource.Bytes, _providers).Error)
            .Where(static error => error is not null);
        Assert.True(!errors.Any(), string.Join("\n", errors));
        Assert.NotEmpty(snapshot.Routes);
    }

    [Fact]
    public void Weights_headers_timeouts_and_retries_arrive_as_written()
    {
        var snapshot = Given.Snapshot(
            """
            apiVersion: gateway.networking.k8s.io/v1
            kind: HTTPRoute
            metadata: { name: catalog, namespace: shop }
            spec:
              parentRefs: [{ group: "", kind: Service, name: catalog }]
              rules:
              - timeouts: { request: 2s, backendRequest: 500ms }
                retry: { codes: [503], attempts: 3 }
                filters: [{ type: RequestHeaderModifier, requestHeaderModifier: { set: [{ name: x-set, value: s }], remove: [x-gone] } }]
                backendRefs: [{ name: catalog-v1, port: 80, weight: 80 }, { name: catalog-v2, port: 80, weight: 20 }]
            """,
            Given.Workload("catalog", "c1"));

        var route = Assert.Single(Assert.Single(Decode<RouteConfig>(snapshot.Routes["catalog.shop.svc.cluster.local:80"]).VirtualHosts).Routes);
        var action = Assert.IsType<ForwardActionConfig>(route.Action);

        Assert.Equal([80u, 20u], action.Clusters.Select(cluster => cluster.Weight));
        Assert.Equal((TimeSpan.FromSeconds(2), TimeSpan.FromSeconds(2)), (action.Timeout, action.MaxStreamDuration));
        Assert.Equal((3, TimeSpan.FromMilliseconds(500)), (action.Retry!.MaxRetries, action.Retry.PerTryTimeout));
        Assert.True(action.Retry.On.HasFlag(RetryConditions.RetriableStatusCodes));
        Assert.Equal([503], action.Retry.StatusCodes);
        Assert.Equal([new("x-set", "s")], route.Headers.RequestSet);
        Assert.Equal(["x-gone"], route.Headers.RequestRemove);
    }

    [Fact]
    public void A_mesh_service_is_a_cluster_with_mutual_TLS_and_exact_names()
    {
        var snapshot = Given.Snapshot("", Given.Workload("catalog", "c1"));

        var cluster = Decode<ClusterConfig>(snapshot.Clusters["outbound|80||catalog.shop.svc.cluster.local"]);
        var endpoints = Decode<EndpointsConfig>(snapshot.Endpoints["outbound|80||catalog.shop.svc.cluster.local"]);

        Assert.Equal(("default", "default"), (cluster.Tls!.IdentityProvider, cluster.Tls.RootProvider));
        Assert.True(Assert.Single(cluster.Tls.PeerNames).Matches("spiffe://mesh.local/ns/shop/sa/catalog"));
        Assert.Equal(LoadBalancerKind.LeastRequest, cluster.LoadBalancer.Kind);
        Assert.Null(cluster.OutlierDetection);
        Assert.True(cluster.Http2);
        var endpoint = Assert.Single(Assert.Single(endpoints.Localities).Endpoints);
        Assert.Equal(("10.0.0.1:5000", true), (endpoint.Address.ToString(), endpoint.MeshTls));
    }

    [Theory]
    [InlineData("RANDOM", LoadBalancerKind.Random)]
    [InlineData("ROUND_ROBIN", LoadBalancerKind.RoundRobin)]
    [InlineData("LEAST_REQUEST", LoadBalancerKind.LeastRequest)]
    internal void The_balancer_that_was_asked_for_is_the_one_that_is_used(string simple, LoadBalancerKind kind)
    {
        var snapshot = Given.Snapshot(
            $$"""
            apiVersion: networking.istio.io/v1
            kind: DestinationRule
            metadata: { name: catalog, namespace: shop }
            spec: { host: catalog, trafficPolicy: { loadBalancer: { simple: {{simple}} } } }
            """,
            Given.Workload("catalog", "c1"));

        Assert.Equal(kind, Decode<ClusterConfig>(snapshot.Clusters["outbound|80||catalog.shop.svc.cluster.local"]).LoadBalancer.Kind);
    }
}
