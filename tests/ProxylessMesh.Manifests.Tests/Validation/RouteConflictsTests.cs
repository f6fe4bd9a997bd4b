using static ProxylessMesh.Manifests.Tests.ReadManifests;

namespace ProxylessMesh.Manifests.Tests.Validation;

public sealed class RouteConflictsTests
{
    private const string VirtualService = "hosts: [catalog]\nhttp: [{ route: [{ destination: { host: catalog } }] }]";

    private static string Route(ManifestKind kind, string parent = "") => Document(kind, "catalog", $"parentRefs: [{{ group: \"\", kind: Service, name: catalog{parent} }}]\nrules: [{{ backendRefs: [{{ name: catalog, port: 80 }}] }}]");

    [Fact]
    public void Gateway_API_routes_behind_a_VirtualService_are_pointed_at()
        => Assert.Contains(
            Read(Route(ManifestKind.HttpRoute), Document(ManifestKind.VirtualService, "catalog", VirtualService)).Warnings,
            warning => warning.Problem.Contains("VirtualService shop/catalog is for catalog.shop.svc.cluster.local too", StringComparison.Ordinal));

    [Theory]
    [InlineData("", "", true)]
    [InlineData(", port: 80", "", true)]
    [InlineData(", port: 80", ", port: 80", true)]
    [InlineData(", port: 80", ", port: 81", false)]
    [InlineData(", sectionName: a", ", sectionName: b", false)]
    public void An_HTTPRoute_beside_a_GRPCRoute_has_no_effect_where_both_are_attached(string http, string grpc, bool conflicts)
        => Assert.Equal(
            conflicts,
            Read(Route(ManifestKind.HttpRoute, http), Route(ManifestKind.GrpcRoute, grpc)).Warnings.Any(warning => warning.Problem.Contains("Conflicted", StringComparison.Ordinal)));
}
