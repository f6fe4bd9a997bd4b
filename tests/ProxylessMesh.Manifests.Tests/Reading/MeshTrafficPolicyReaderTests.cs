using ProxylessMesh.Manifests.Kinds;
using static ProxylessMesh.Manifests.Tests.ReadManifests;

namespace ProxylessMesh.Manifests.Tests.Reading;

public sealed class MeshTrafficPolicyReaderTests
{
    private const string Target = "targetRef: { kind: Service, name: catalog }\n";

    [Fact]
    public void Every_part_is_read_with_its_defaults()
    {
        var policy = Valid<MeshTrafficPolicyManifest>(Document(ManifestKind.MeshTrafficPolicy, "catalog", Target + """
            loadBalancer: { weightedRoundRobin: { blackoutPeriod: 5s } }
            outlierDetection: { successRate: {}, failurePercentage: {} }
            healthCheck: { http: { path: /healthz } }
            hedging: { maxAttempts: 2, nonFatalGrpcStatuses: [ABORTED] }
            sessionAffinity: { header: { name: x-endpoint } }
            """));

        Assert.Equal("catalog.shop.svc.cluster.local", policy.Host);
        Assert.Equal(TimeSpan.FromSeconds(5), Assert.IsType<WeightedRoundRobinBalancing>(policy.LoadBalancer).BlackoutPeriod);
        Assert.Equal((new SuccessRateEjection(), new FailurePercentageEjection()), (policy.SuccessRate, policy.FailurePercentage));
        Assert.Equal((HealthCheckKind.Http, "/healthz"), (policy.HealthCheck!.Kind, policy.HealthCheck.Path));
        Assert.Equal([10], policy.Hedging!.NonFatalGrpcStatuses);
        Assert.Equal(new SessionAffinity { IsCookie = false, Name = "x-endpoint" }, policy.SessionAffinity);
    }

    [Theory]
    [InlineData("loadBalancer: { weightedRoundRobin: { outOfBand: { period: 10s } } }", "spec.loadBalancer.weightedRoundRobin.outOfBand", "not supported yet")]
    [InlineData("loadBalancer: {}", "spec.loadBalancer", "one way to pick")]
    [InlineData("loadBalancer: { peakEwma: {}, pickFirst: {} }", "spec.loadBalancer", "one way to pick")]
    [InlineData("subsetSize: 0", "spec.subsetSize", "out of range")]
    [InlineData("outlierDetection: {}", "spec.outlierDetection", "empty")]
    [InlineData("healthCheck: { http: { path: / }, tcp: {} }", "spec.healthCheck", "one way to ask")]
    [InlineData("hedging: { maxAttempts: 9 }", "spec.hedging.maxAttempts", "out of range")]
    [InlineData("hedging: { maxAttempts: 2, nonFatalGrpcStatuses: [UNAVAILABL] }", "spec.hedging.nonFatalGrpcStatuses[0]", "it is not")]
    [InlineData("sessionAffinity: { strict: true }", "spec.sessionAffinity", "a cookie or a header")]
    [InlineData("rateLimitedBackOff: {}", "spec.rateLimitedBackOff", "no headers")]
    public void Bad_policies_are_refused(string spec, string field, string problem)
    {
        var error = Invalid(Document(ManifestKind.MeshTrafficPolicy, "catalog", Target + spec));

        Assert.Equal(field, error.Field);
        Assert.Contains(problem, error.Problem, StringComparison.Ordinal);
    }

    [Fact]
    public void A_service_has_one_policy()
    {
        var first = Document(ManifestKind.MeshTrafficPolicy, "first", Target + "subsetSize: 3");

        Assert.Equal("spec.targetRef.name", Assert.Single(Read(first, first.Replace("name: first", "name: second", StringComparison.Ordinal)).Errors).Field);
    }
}
