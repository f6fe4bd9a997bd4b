using ProxylessMesh.ControlPlane.Translation;
using ProxylessMesh.ControlPlane.Workloads;
using ProxylessMesh.ControlPlane.Xds;

namespace ProxylessMesh.ControlPlane.Tests.Translation;

public class MeshTranslatorTests
{
    private static readonly MeshTranslator _translator = new(Given.TrustDomain);

    private static IEnumerable<XdsResource> All(XdsSnapshot snapshot)
        => snapshot.Listeners.Values.Concat(snapshot.Routes.Values).Concat(snapshot.Clusters.Values).Concat(snapshot.Endpoints.Values);

    private static IEnumerable<string> Versions(XdsSnapshot snapshot) => All(snapshot).Select(resource => $"{resource.TypeUrl} {resource.Name} {resource.Version}").Order(StringComparer.Ordinal);

    [Fact]
    public void Only_the_services_whose_workloads_changed_get_new_resources()
    {
        var translator = new MeshTranslator(Given.TrustDomain);
        var manifests = Given.Manifests("");
        var (catalog, pricing) = (Given.Workload("catalog", "c1"), Given.Workload("pricing", "p2"));
        var before = translator.Translate(manifests, [catalog, pricing]);

        var after = translator.Translate(manifests, [catalog with { Health = WorkloadHealth.Draining }, pricing]);

        Assert.Equal(before.Number + 1, after.Number);
        var changed = All(after).Except(All(before)).Select(resource => $"{resource.TypeUrl} {resource.Name}");
        Assert.Equal(["type.googleapis.com/envoy.config.endpoint.v3.ClusterLoadAssignment outbound|80||catalog.shop.svc.cluster.local"], changed);
    }

    [Fact]
    public void Manifests_that_say_the_same_again_change_no_resource()
    {
        var translator = new MeshTranslator(Given.TrustDomain);
        var yaml = RandomMesh.Yaml(new Random(1));
        var before = translator.Translate(Given.Manifests(yaml), RandomMesh.Workloads(new Random(1)));

        var after = translator.Translate(Given.Manifests(yaml), RandomMesh.Workloads(new Random(1)));

        Assert.Empty(All(after).Except(All(before)));
    }

    [Fact]
    public void A_service_is_gone_with_its_last_workload()
    {
        var translator = new MeshTranslator(Given.TrustDomain);
        var manifests = Given.Manifests("");
        translator.Translate(manifests, [Given.Workload("catalog", "c1")]);

        Assert.Empty(All(translator.Translate(manifests, [])));
    }

    [Fact]
    public void Equal_input_in_any_order_has_equal_versions()
    {
        for (var seed = 0; seed < 50; seed++)
        {
            var manifests = Given.Manifests(RandomMesh.Yaml(new Random(seed)));
            var workloads = RandomMesh.Workloads(new Random(seed));
            var shuffled = workloads.ToArray();
            new Random(seed).Shuffle(shuffled);

            Assert.Equal(Versions(new MeshTranslator(Given.TrustDomain).Translate(manifests, workloads)), Versions(new MeshTranslator(Given.TrustDomain).Translate(manifests, shuffled)));
        }
    }

    [Fact]
    public void What_was_kept_from_earlier_calls_changes_nothing()
    {
        for (var seed = 0; seed < 50; seed++)
        {
            var manifests = Given.Manifests(RandomMesh.Yaml(new Random(seed % 3)));
            var workloads = RandomMesh.Workloads(new Random(seed));

            Assert.Equal(Versions(new MeshTranslator(Given.TrustDomain).Translate(manifests, workloads)), Versions(_translator.Translate(manifests, workloads)));
        }
    }

    [Fact]
    public void Every_cluster_that_a_route_names_exists_with_its_endpoints()
    {
        for (var seed = 0; seed < 100; seed++)
        {
            var snapshot = new MeshTranslator(Given.TrustDomain).Translate(Given.Manifests(RandomMesh.Yaml(new Random(seed))), RandomMesh.Workloads(new Random(seed)));

            Assert.All(snapshot.RoutedClusters(), cluster => Assert.Contains(cluster, snapshot.Clusters.Keys));
            Assert.Equal(snapshot.Clusters.Keys.Order(StringComparer.Ordinal), snapshot.Endpoints.Keys.Order(StringComparer.Ordinal));
            Assert.Equal(snapshot.Listeners.Keys.Order(StringComparer.Ordinal), snapshot.Routes.Keys.Order(StringComparer.Ordinal));
        }
    }
}
