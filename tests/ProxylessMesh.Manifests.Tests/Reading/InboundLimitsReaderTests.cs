using ProxylessMesh.Manifests.Kinds;
using static ProxylessMesh.Manifests.Tests.ReadManifests;

namespace ProxylessMesh.Manifests.Tests.Reading;

public sealed class InboundLimitsReaderTests
{
    [Fact]
    public void Buckets_are_read_with_their_defaults()
    {
        var limits = Read("rateLimit:\n  total: { calls: 10, per: 1s }\n  perCaller: { calls: 2, per: 500ms, burst: 5 }\n  callers:\n    - { principal: \"*/sa/batch\", calls: 1, per: 1m }");

        Assert.Equal(new TokenBucket { Calls = 10, Per = TimeSpan.FromSeconds(1), Burst = 10 }, limits.RateLimit!.Total);
        Assert.Equal(new TokenBucket { Calls = 2, Per = TimeSpan.FromMilliseconds(500), Burst = 5 }, limits.RateLimit.PerCaller);
        Assert.Equal(new CallerTokenBucket { Principal = "*/sa/batch", Bucket = new TokenBucket { Calls = 1, Per = TimeSpan.FromMinutes(1), Burst = 1 } }, Assert.Single(limits.RateLimit.Callers));
        Assert.Equal(429, limits.RateLimit.Status);
    }

    [Fact]
    public void Adaptive_concurrency_has_envoys_defaults()
    {
        var limits = Read("adaptiveConcurrency: {}");

        Assert.Equal(new AdaptiveConcurrency(), limits.AdaptiveConcurrency);
        Assert.Equal((50, 3, 1000, 50, 25), (limits.AdaptiveConcurrency!.Percentile, limits.AdaptiveConcurrency.MinConcurrency, limits.AdaptiveConcurrency.MaxConcurrency, limits.AdaptiveConcurrency.MeasureCalls, limits.AdaptiveConcurrency.BufferPercent));
    }

    [Fact]
    public void Calls_and_connections_are_read()
    {
        var limits = Read("selector: { matchLabels: { app: catalog } }\nmaxConcurrentCalls: 5\nmaxConnections: 6\nmaxConnectionsPerCaller: 7");

        Assert.Equal((5, 6, 7), (limits.MaxConcurrentCalls, limits.MaxConnections, limits.MaxConnectionsPerCaller));
        Assert.Equal("catalog", limits.Selector["app"]);
    }

    [Theory]
    [InlineData("{}", "spec", "limits nothing")]
    [InlineData("rateLimit: {}", "spec.rateLimit", "limits nobody")]
    [InlineData("rateLimit: { total: { per: 1s } }", "spec.rateLimit.total.calls", "missing")]
    [InlineData("rateLimit: { total: { calls: 1 } }", "spec.rateLimit.total.per", "missing")]
    [InlineData("rateLimit: { total: { calls: 0, per: 1s } }", "spec.rateLimit.total.calls", "out of range")]
    [InlineData("rateLimit: { total: { calls: 1, per: 10ms } }", "spec.rateLimit.total.per", "out of range")]
    [InlineData("rateLimit: { total: { calls: 1, per: 2h } }", "spec.rateLimit.total.per", "out of range")]
    [InlineData("rateLimit: { total: { calls: 5, per: 1s, burst: 4 } }", "spec.rateLimit.total.burst", "out of range")]
    [InlineData("rateLimit: { total: { calls: 5, per: 1s }, status: 200 }", "spec.rateLimit.status", "out of range")]
    [InlineData("rateLimit: { callers: [{ calls: 5, per: 1s }] }", "spec.rateLimit.callers[0].principal", "missing")]
    [InlineData("rateLimit: { perCaler: { calls: 5, per: 1s }, total: { calls: 1, per: 1s } }", "spec.rateLimit.perCaler", "unknown field")]
    [InlineData("maxConcurrentCalls: 0", "spec.maxConcurrentCalls", "out of range")]
    [InlineData("maxConnections: many", "spec.maxConnections", "a whole number is needed")]
    [InlineData("adaptiveConcurrency: { minConcurrency: 10, maxConcurrency: 9 }", "spec.adaptiveConcurrency.maxConcurrency", "out of range")]
    [InlineData("adaptiveConcurrency: { percentile: 101 }", "spec.adaptiveConcurrency.percentile", "out of range")]
    public void Bad_limits_are_refused(string spec, string field, string problem)
    {
        var error = Invalid(Document(ManifestKind.InboundLimits, "a", spec));

        Assert.Equal(field, error.Field);
        Assert.Contains(problem, error.Problem, StringComparison.Ordinal);
    }

    private static InboundLimitsManifest Read(string spec) => Valid<InboundLimitsManifest>(Document(ManifestKind.InboundLimits, "a", spec));
}
