using static ProxylessMesh.Manifests.Tests.ReadManifests;

namespace ProxylessMesh.Manifests.Tests.Validation;

public sealed class CrossChecksTests
{
    private static readonly string Catalog = Document(ManifestKind.Service, "catalog", "ports: [{ port: 80 }]");

    private static readonly string Subsets = Document(ManifestKind.DestinationRule, "catalog", "host: catalog\nsubsets: [{ name: stable }, { name: canary }]");

    [Fact]
    public void Same_name_twice_is_refused_at_the_second_and_names_the_first()
    {
        var reading = ManifestReader.Read([new ManifestFile("a.yaml", Catalog), new ManifestFile("b.yaml", Catalog)]);

        var error = Assert.Single(reading.Errors);
        Assert.Equal("b.yaml", error.File);
        error.Is(4, 9, "metadata.name", "Service shop/catalog is written already at a.yaml:1", "Remove one");
        Assert.Equal("a.yaml", Assert.Single(reading.Manifests.All).Source?.File);
    }

    [Fact]
    public void Same_name_in_another_namespace_or_kind_is_another_manifest()
        => Assert.Empty(Read(Catalog, Catalog.Replace("namespace: shop", "namespace: bank", StringComparison.Ordinal), Subsets).Errors);

    [Fact]
    public void Two_virtual_services_for_one_host_are_refused_with_both_names()
    {
        const string route = "\nhttp: [{ route: [{ destination: { host: catalog } }] }]";
        var reading = Read(
            Document(ManifestKind.VirtualService, "first", "hosts: [catalog]" + route),
            Document(ManifestKind.VirtualService, "second", "hosts:\n- pricing\n- catalog.shop.svc" + route));

        Assert.Equal("first", Assert.Single(reading.Manifests.All).Name);
        var error = Assert.Single(reading.Errors);
        error.Is(18, 5, "spec.hosts[1]", "VirtualService shop/first (shop.yaml:1) is for host catalog.shop.svc.cluster.local already", "into one");
        Assert.Equal("VirtualService shop/second", error.Subject);
    }

    [Fact]
    public void Two_destination_rules_of_a_namespace_for_one_host_are_refused()
        => Assert.Equal("spec.host", Assert.Single(Read(Subsets, Subsets.Replace("name: catalog", "name: other", StringComparison.Ordinal)).Errors).Field);

    [Fact]
    public void Unknown_subset_is_refused_with_the_nearest_known_one()
        => Assert.Single(Read(Subsets, ToSubset("canari")).Errors)
            .Is(17, 60, "spec.http[0].route[0].destination.subset", "it has stable, canary", "Write 'canary'");

    [Fact]
    public void Subset_of_a_host_without_destination_rule_is_refused()
        => Assert.Contains("no DestinationRule is for host", Assert.Single(Read(ToSubset("canary")).Errors).Problem, StringComparison.Ordinal);

    [Fact]
    public void Known_subset_is_accepted_from_another_file_read_later()
        => Assert.Empty(ManifestReader.Read([new ManifestFile("z.yaml", Subsets), new ManifestFile("a.yaml", ToSubset("canary"))]).Errors);

    [Fact]
    public void Wildcard_rule_and_rule_of_the_root_namespace_may_have_the_subset()
    {
        Assert.Empty(Read(Subsets.Replace("host: catalog", "host: '*.shop.svc.cluster.local'", StringComparison.Ordinal), ToSubset("canary")).Errors);
        Assert.Empty(Read(Subsets.Replace("namespace: shop", "namespace: mesh-system", StringComparison.Ordinal).Replace("host: catalog", "host: '*'", StringComparison.Ordinal), ToSubset("canary")).Errors);
    }

    [Fact]
    public void The_rule_that_counts_must_have_the_subset()
        => Assert.Single(Read(
            Subsets.Replace("namespace: shop", "namespace: mesh-system", StringComparison.Ordinal).Replace("host: catalog", "host: '*'", StringComparison.Ordinal),
            Document(ManifestKind.DestinationRule, "own", "host: catalog"),
            ToSubset("canary")).Errors);

    [Fact]
    public void A_mistake_in_the_destination_rule_is_not_told_again_where_it_is_used()
        => Assert.Equal("spec.prot", Assert.Single(Read(Subsets.TrimEnd() + "\n  prot: 1\n", ToSubset("canary")).Errors).Field);

    [Fact]
    public void Service_without_manifest_draws_a_warning_because_it_may_join()
    {
        var reading = Read(Catalog, ToBackend("catalog-v2", 80));

        Assert.Empty(reading.Errors);
        Assert.Equal(2, reading.Manifests.All.Length);
        var warning = Assert.Single(reading.Warnings);
        warning.Is(17, 27, "spec.rules[0].backendRefs[0].name", "no Service shop/catalog-v2", "Check the spelling");
        Assert.Contains(": warning: ", warning.ToString(), StringComparison.Ordinal);
    }

    [Fact]
    public void Port_that_a_written_service_does_not_have_is_refused()
        => Assert.Single(Read(Catalog, ToBackend("catalog", 81)).Errors).Is(17, 42, "spec.rules[0].backendRefs[0].port", "has no such port", "Write one of 80");

    private static string ToSubset(string subset)
        => Document(ManifestKind.VirtualService, "catalog", $"hosts: [catalog]\nhttp: [{{ route: [{{ destination: {{ host: catalog, subset: {subset} }} }}] }}]");

    private static string ToBackend(string name, int port)
        => Document(ManifestKind.HttpRoute, "catalog", $"parentRefs: [{{ group: '', kind: Service, name: catalog }}]\nrules:\n- backendRefs: [{{ name: {name}, port: {port} }}]");
}
