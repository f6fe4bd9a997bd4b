using ProxylessMesh.Manifests.Kinds;
using static ProxylessMesh.Manifests.Tests.ReadManifests;

namespace ProxylessMesh.Manifests.Tests;

public sealed class ManifestReaderTests
{
    private static readonly string Catalog = Document(ManifestKind.Service, "catalog", "ports:\n- port: 80");

    [Fact]
    public void An_empty_file_has_no_manifests_and_no_mistakes()
    {
        var reading = Read("# nothing yet\n---\n---\n");

        Assert.True(reading.IsValid);
        Assert.Empty(reading.Manifests.All);
    }

    [Fact]
    public void Manifests_are_in_the_order_of_file_names_and_documents()
    {
        var reading = ManifestReader.Read(
        [
            new ManifestFile("b.yaml", Document(ManifestKind.PeerAuthentication, "third", "{}")),
            new ManifestFile("a.yaml", Document(ManifestKind.PeerAuthentication, "first", "{}") + "---\n" + Document(ManifestKind.PeerAuthentication, "second", "{}")),
        ]);

        Assert.Empty(reading.Errors);
        Assert.Equal(["first", "second", "third"], reading.Manifests.All.Select(manifest => manifest.Name));
        Assert.Equal([0, 1, 2], reading.Manifests.All.Select(manifest => manifest.Order));
        Assert.Equal("a.yaml:9", reading.Manifests.All[1].Source?.ToString());
    }

    [Fact]
    public void Metadata_is_kept_and_what_a_server_writes_is_accepted()
    {
        var service = Valid<ServiceManifest>("""
            apiVersion: v1
            kind: Service
            metadata:
              name: catalog
              creationTimestamp: null
              uid: 7f0e
              generation: 3
              labels: { team: storefront }
              annotations: { example.com/note: "kept as it is" }
            spec: { ports: [] }
            status: { loadBalancer: {} }
            """);

        Assert.Equal("default", service.Namespace);
        Assert.Equal("storefront", service.Labels["team"]);
        Assert.Equal("kept as it is", service.Annotations["example.com/note"]);
        Assert.Equal("catalog.default.svc.cluster.local", service.Host);
    }

    [Fact]
    public void Json_is_read_like_yaml()
        => _ = Valid<ServiceManifest>("""{"apiVersion":"v1","kind":"Service","metadata":{"name":"catalog"},"spec":{"ports":[{"port":80}]}}""");

    [Fact]
    public void All_mistakes_of_all_documents_are_found_at_once()
    {
        var reading = Read(
            Document(ManifestKind.Service, "catalog", "prots: []\nports:\n- port: 99999\n- prot: 80"),
            Document(ManifestKind.PeerAuthentication, "catalog", "mtls:\n  mode: STRIKT"));

        Assert.Equal(
            ["spec.prots", "spec.ports[0]", "spec.ports[0].port", "spec.ports[1]", "spec.ports[1].port", "spec.ports[1].prot", "spec.mtls.mode"],
            reading.Errors.OrderBy(error => error.Line).ThenBy(error => error.Field, StringComparer.Ordinal).Select(error => error.Field));
    }

    [Fact]
    public void A_bad_document_does_not_take_the_good_ones_with_it()
    {
        var reading = Read(Catalog, Document(ManifestKind.PeerAuthentication, "bad", "mode: STRICT"), Document(ManifestKind.PeerAuthentication, "good", "{}"));

        Assert.Equal(["catalog", "good"], reading.Manifests.All.Select(manifest => manifest.Name));
        Assert.Equal("PeerAuthentication shop/bad", Assert.Single(reading.Errors).Subject);
    }

    [Fact]
    public void A_mistake_reads_as_place_subject_field_value_reason_and_cure()
    {
        var error = Invalid(Document(ManifestKind.PeerAuthentication, "catalog", "mtls:\n  mode: STRIKT"));

        Assert.Equal(
            "shop.yaml:8:11: error: PeerAuthentication shop/catalog: spec.mtls.mode is 'STRIKT': it is not one of STRICT, PERMISSIVE, DISABLE, UNSET. Write 'STRICT'.",
            error.ToString());
    }

    [Fact]
    public void Unknown_kind_names_the_nearest_known_one()
        => Invalid("apiVersion: v1\nkind: HttpRoute\nmetadata: { name: a }\n").Is(2, 7, "kind", "unknown kind", "Write 'HTTPRoute'");

    [Fact]
    public void Kind_of_a_later_version_says_so()
        => Invalid("apiVersion: gateway.networking.k8s.io/v1\nkind: TCPRoute\nmetadata: { name: a }\n").Is(2, 7, "kind", "not supported yet", "Use one of Service");

    [Fact]
    public void Wrong_api_version_names_the_right_one()
        => Invalid("apiVersion: v1\nkind: HTTPRoute\nmetadata: { name: a }\n").Is(1, 13, "apiVersion", "another apiVersion", "Write 'gateway.networking.k8s.io/v1'");

    [Theory]
    [InlineData("networking.istio.io/v1alpha3", "DestinationRule")]
    [InlineData("networking.istio.io/v1beta1", "DestinationRule")]
    public void Older_versions_of_a_kind_are_read(string apiVersion, string kind)
        => _ = Valid<DestinationRuleManifest>($"apiVersion: {apiVersion}\nkind: {kind}\nmetadata: {{ name: a }}\nspec: {{ host: catalog }}\n");

    [Theory]
    [InlineData("metadata: {}", "metadata.name", "missing")]
    [InlineData("metadata: { name: Catalog }", "metadata.name", "not a DNS label")]
    [InlineData("metadata: { name: catalog, namespace: a.b }", "metadata.namespace", "not a DNS label")]
    [InlineData("metadata: { name: catalog, label: {} }", "metadata.label", "unknown field")]
    [InlineData("metadata: { name: catalog, labels: { version: 1 } }", "metadata.labels[\"version\"]", "a text is needed")]
    [InlineData("metadata: { name: catalog, labels: { -x: a } }", "metadata.labels[\"-x\"]", "not a label key")]
    [InlineData("metadata: [catalog]", "metadata", "it is a list")]
    [InlineData("metadata:", "metadata", "it has no value")]
    public void Bad_metadata_is_refused(string metadata, string field, string problem)
    {
        var error = Invalid($"apiVersion: v1\nkind: Service\n{metadata}\nspec: {{ ports: [] }}\n");

        Assert.Equal(field, error.Field);
        Assert.Contains(problem, error.Problem, StringComparison.Ordinal);
    }

    [Fact]
    public void Missing_spec_is_told_with_what_to_write()
        => Invalid("apiVersion: v1\nkind: Service\nmetadata: { name: catalog }\n").Is(1, 1, "spec", "missing", "Write 'spec:'");

    [Theory]
    [InlineData("just text\n")]
    [InlineData("- a list\n")]
    [InlineData("42\n")]
    public void Document_that_is_no_map_is_refused(string text)
        => Invalid(text).Is(1, 1, "", "a map of fields is needed", "Write fields");

    [Fact]
    public void Field_written_twice_is_refused_at_the_second()
        => Invalid(Document(ManifestKind.Service, "catalog", "ports: []\nports: []")).Is(8, 3, "spec.ports", "first in line 7", "Keep one");

    [Fact]
    public void Syntax_error_has_its_place_and_keeps_the_documents_before_it()
    {
        var reading = Read(Catalog, "a: [1,\n");

        Assert.Equal("catalog", Assert.Single(reading.Manifests.All).Name);
        var error = Assert.Single(reading.Errors);
        Assert.Equal((11, ""), (error.Line, error.Field));
        Assert.Contains("not YAML", error.Problem, StringComparison.Ordinal);
    }

    [Fact]
    public void Same_manifest_in_another_place_is_equal_but_for_its_lists()
        => Assert.Equal(
            new NamespaceManifest { Name = "shop", Source = new ManifestSource("a.yaml", 1) },
            new NamespaceManifest { Name = "shop", Source = new ManifestSource("b.yaml", 9) });
}
