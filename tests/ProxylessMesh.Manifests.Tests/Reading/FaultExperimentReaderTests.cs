using ProxylessMesh.Manifests.Kinds;
using static ProxylessMesh.Manifests.Tests.ReadManifests;

namespace ProxylessMesh.Manifests.Tests.Reading;

public sealed class FaultExperimentReaderTests
{
    private const string Target = "targetRef: { kind: Service, name: catalog }";
    private const string Delay = "delay: { fixed: 1s, percentage: 50 }";

    [Fact]
    public void Everything_is_read()
    {
        var experiment = Read("""
            targetRef: { group: "", kind: Service, name: catalog, port: 80 }
            from:
              - { namespace: web, serviceAccount: storefront, labels: { version: v2 } }
            match: { headers: { X-User: { exact: tester }, x-there: {} } }
            delay: { fixed: 500ms, percentage: 20 }
            abort: { grpcStatus: UNAVAILABLE, percentage: 5 }
            exception: { reason: ResponseEnded, percentage: 1 }
            cut: { afterBytes: 0, percentage: 0.5 }
            bandwidth: { kibPerSecond: 64, percentage: 100 }
            maxActiveFaults: 10
            ttl: 15m
            startsAt: "2026-01-31T15:00:00+01:00"
            """);

        Assert.Equal(("catalog.shop.svc.cluster.local", 80), (experiment.Host, experiment.Port));
        var from = Assert.Single(experiment.From);
        Assert.Equal(("web", "storefront", "v2"), (from.Namespace, from.ServiceAccount, from.Labels["version"]));
        Assert.Equal(new StringMatch(StringMatchKind.Exact, "tester"), experiment.Headers["x-user"]);
        Assert.Null(experiment.Headers["x-there"]);
        Assert.Equal(new FaultDelay(TimeSpan.FromMilliseconds(500), 20), experiment.Delay);
        Assert.Equal(new FaultAbort(null, 14, 5), experiment.Abort);
        Assert.Equal(new ExperimentFailure(ExperimentFailureReason.ResponseEnded, 1), experiment.Failure);
        Assert.Equal(new ExperimentCut(0, 0.5), experiment.Cut);
        Assert.Equal(new ExperimentBandwidth(64, 100), experiment.Bandwidth);
        Assert.Equal((10, TimeSpan.FromMinutes(15)), (experiment.MaxActiveFaults, experiment.Ttl));
        Assert.Equal(new DateTimeOffset(2026, 1, 31, 14, 0, 0, TimeSpan.Zero), experiment.StartsAt);
        Assert.Null(experiment.Ends);
    }

    [Theory]
    [InlineData(Target + "\n" + Delay, "spec.ttl", "missing")]
    [InlineData(Target + "\n" + Delay + "\nttl: 25h", "spec.ttl", "out of range")]
    [InlineData(Target + "\n" + Delay + "\nttl: 1ms", "spec.ttl", "out of range")]
    [InlineData(Target + "\nttl: 1m", "spec", "does nothing")]
    [InlineData(Delay + "\nttl: 1m", "spec.targetRef", "missing")]
    [InlineData("targetRef: { kind: Gateway, name: a }\nttl: 1m\n" + Delay, "spec.targetRef.kind", "not a known word")]
    [InlineData("targetRef: { kind: Service, name: a, namespace: b }\nttl: 1m\n" + Delay, "spec.targetRef.namespace", "unknown field")]
    [InlineData(Target + "\nttl: 1m\ndelay: { fixed: 1s }", "spec.delay.percentage", "missing")]
    [InlineData(Target + "\nttl: 1m\ndelay: { fixed: 1s, percentage: 0 }", "spec.delay.percentage", "out of range")]
    [InlineData(Target + "\nttl: 1m\nabort: { percentage: 1 }", "spec.abort", "exactly one")]
    [InlineData(Target + "\nttl: 1m\nabort: { httpStatus: 503, grpcStatus: INTERNAL, percentage: 1 }", "spec.abort", "exactly one")]
    [InlineData(Target + "\nttl: 1m\nexception: { reason: Boredom, percentage: 1 }", "spec.exception.reason", "not a known word")]
    [InlineData(Target + "\nttl: 1m\ncut: { percentage: 1 }", "spec.cut.afterBytes", "missing")]
    [InlineData(Target + "\nttl: 1m\nbandwidth: { kibPerSecond: 0, percentage: 1 }", "spec.bandwidth.kibPerSecond", "out of range")]
    [InlineData(Target + "\nttl: 1m\nfrom: [{}]\n" + Delay, "spec.from[0]", "names nobody")]
    [InlineData(Target + "\nttl: 1m\nmatch: {}\n" + Delay, "spec.match", "asks for nothing")]
    [InlineData(Target + "\nttl: 1m\nmaxActiveFaults: 0\n" + Delay, "spec.maxActiveFaults", "out of range")]
    [InlineData(Target + "\nttl: 1m\nstartsAt: tomorrow\n" + Delay, "spec.startsAt", "no moment")]
    [InlineData(Target + "\nttl: 1m\nstartsAt: \"2026-01-31T14:00:00\"\n" + Delay, "spec.startsAt", "no moment")]
    public void What_cannot_be_carried_out_is_refused(string spec, string field, string problem)
    {
        var error = Invalid(Document(ManifestKind.FaultExperiment, "a", spec));

        Assert.Equal(field, error.Field);
        Assert.Contains(problem, error.Problem, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("", "", true)]
    [InlineData(", port: 80", "", true)]
    [InlineData(", port: 80", ", port: 80", true)]
    [InlineData(", port: 80", ", port: 81", false)]
    public void Service_has_one_experiment_at_a_time(string first, string second, bool isRefused)
    {
        var reading = ReadManifests.Read(Experiment("a", first), Experiment("b", second));

        Assert.Equal(isRefused, reading.Errors.Any(error => error.Field == "spec.targetRef" && error.Subject.EndsWith("shop/b", StringComparison.Ordinal)));
        Assert.Equal(isRefused, !reading.IsValid);
    }

    [Fact]
    public void Mesh_has_ten_experiments_at_most()
    {
        var documents = Enumerable.Range(1, 11).Select(static i => Experiment($"e{i}", $", port: {i}")).ToArray();

        Assert.True(ReadManifests.Read(documents[..10]).IsValid);
        var error = Assert.Single(ReadManifests.Read(documents).Errors);
        Assert.Equal("FaultExperiment shop/e11", error.Subject);
        Assert.Contains("10 experiments", error.Problem, StringComparison.Ordinal);
    }

    private static string Experiment(string name, string port)
        => Document(ManifestKind.FaultExperiment, name, "targetRef: { kind: Service, name: catalog" + port + " }\nttl: 1m\n" + Delay);

    private static FaultExperimentManifest Read(string spec) => Valid<FaultExperimentManifest>(Document(ManifestKind.FaultExperiment, "a", spec));
}
