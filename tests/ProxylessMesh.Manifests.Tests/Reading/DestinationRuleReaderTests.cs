using ProxylessMesh.Manifests.Kinds;
using static ProxylessMesh.Manifests.Tests.ReadManifests;

namespace ProxylessMesh.Manifests.Tests.Reading;

public sealed class DestinationRuleReaderTests
{
    [Fact]
    public void Settings_of_host_and_subset_are_read()
    {
        var rule = Valid<DestinationRuleManifest>(Document(ManifestKind.DestinationRule, "catalog", """
            host: catalog
            trafficPolicy:
              loadBalancer: { simple: LEAST_REQUEST }
              outlierDetection: { consecutive5xxErrors: 3, interval: 1s }
              connectionPool: { tcp: { maxConnections: 5, connectTimeout: 1.5s }, http: { http2MaxRequests: 7 } }
              tls: { mode: DISABLE }
            subsets:
            - name: v2
              labels: { version: v2 }
              trafficPolicy: { loadBalancer: { simple: RANDOM } }
            """));

        Assert.Equal("catalog.shop.svc.cluster.local", rule.Host);
        var expected = new TrafficPolicy
        {
            LoadBalancer = SimpleLoadBalancer.LeastRequest,
            OutlierDetection = new OutlierDetection { Consecutive5xxErrors = 3, Interval = TimeSpan.FromSeconds(1) },
            ConnectionPool = new ConnectionPool { MaxConnections = 5, ConnectTimeout = TimeSpan.FromSeconds(1.5), MaxRequests = 7 },
            Tls = ClientTlsMode.Disable,
        };
        Assert.Equal(expected, rule.TrafficPolicy);
        var subset = Assert.Single(rule.Subsets);
        Assert.Equal(("v2", "v2"), (subset.Name, subset.Labels["version"]));
        Assert.Equal(expected with { LoadBalancer = SimpleLoadBalancer.Random }, rule.TrafficPolicy.OverriddenBy(subset.TrafficPolicy));
    }

    [Theory]
    [InlineData("subsets: []", "spec.host", "missing")]
    [InlineData("host: http://catalog", "spec.host", "not a host name")]
    [InlineData("host: catalog\ntrafficPolicy: {}", "spec.trafficPolicy", "empty")]
    [InlineData("host: catalog\ntrafficPolicy: { connectionPool: {} }", "spec.trafficPolicy.connectionPool", "empty")]
    [InlineData("host: catalog\ntrafficPolicy: { loadBalancer: { simple: PASSTHROUGH } }", "spec.trafficPolicy.loadBalancer.simple", "not supported yet")]
    [InlineData("host: catalog\ntrafficPolicy: { loadBalancer: { consistentHash: {} } }", "spec.trafficPolicy.loadBalancer.consistentHash", "not supported yet")]
    [InlineData("host: catalog\ntrafficPolicy: { outlierDetection: { maxEjectionPercent: 105 } }", "spec.trafficPolicy.outlierDetection.maxEjectionPercent", "out of range")]
    [InlineData("host: catalog\ntrafficPolicy: { outlierDetection: { interval: 2.000000005s } }", "spec.trafficPolicy.outlierDetection.interval", "not a duration")]
    [InlineData("host: catalog\ntrafficPolicy: { outlierDetection: { interval: 0s } }", "spec.trafficPolicy.outlierDetection.interval", "out of range")]
    [InlineData("host: catalog\ntrafficPolicy: { outlierDetection: { consecutiveErrors: 5 } }", "spec.trafficPolicy.outlierDetection.consecutiveErrors", "not supported yet")]
    [InlineData("host: catalog\ntrafficPolicy: { tls: { mode: SIMPLE } }", "spec.trafficPolicy.tls.mode", "not supported yet")]
    [InlineData("host: catalog\nsubsets: [{ labels: { a: b } }]", "spec.subsets[0].name", "missing")]
    [InlineData("host: catalog\nsubsets: [{ name: a }, { name: a }]", "spec.subsets", "two subsets")]
    [InlineData("host: catalog.bank", "spec.host", "callers of 'shop' alone")]
    [InlineData("host: '*'", "spec.host", "callers of 'shop' alone")]
    [InlineData("host: catalog\nexportTo: [.]", "spec.exportTo", "not supported yet")]
    public void Bad_rules_are_refused(string spec, string field, string problem)
    {
        var error = Invalid(Document(ManifestKind.DestinationRule, "catalog", spec));

        Assert.Equal(field, error.Field);
        Assert.Contains(problem, error.Problem, StringComparison.Ordinal);
    }
}
