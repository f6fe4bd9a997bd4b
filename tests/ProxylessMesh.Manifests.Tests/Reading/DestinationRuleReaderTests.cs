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
            LoadBalancer = new LoadBalancerSettings { Simple = SimpleLoadBalancer.LeastRequest },
            OutlierDetection = new OutlierDetection { Consecutive5xxErrors = 3, Interval = TimeSpan.FromSeconds(1) },
            ConnectionPool = new ConnectionPool { MaxConnections = 5, ConnectTimeout = TimeSpan.FromSeconds(1.5), MaxRequests = 7 },
            Tls = rule.TrafficPolicy.Tls,
        };
        Assert.Equal(expected, rule.TrafficPolicy);
        Assert.Equal(ClientTlsMode.Disable, rule.TrafficPolicy.Tls?.Mode);
        var subset = Assert.Single(rule.Subsets);
        Assert.Equal(("v2", "v2"), (subset.Name, subset.Labels["version"]));
        Assert.Equal(expected with { LoadBalancer = new LoadBalancerSettings { Simple = SimpleLoadBalancer.Random } }, rule.TrafficPolicy.OverriddenBy(subset.TrafficPolicy));
    }

    [Theory]
    [InlineData("subsets: []", "spec.host", "missing")]
    [InlineData("host: http://catalog", "spec.host", "not a host name")]
    [InlineData("host: catalog\ntrafficPolicy: {}", "spec.trafficPolicy", "empty")]
    [InlineData("host: catalog\ntrafficPolicy: { connectionPool: {} }", "spec.trafficPolicy.connectionPool", "empty")]
    [InlineData("host: catalog\ntrafficPolicy: { outlierDetection: { maxEjectionPercent: 105 } }", "spec.trafficPolicy.outlierDetection.maxEjectionPercent", "out of range")]
    [InlineData("host: catalog\ntrafficPolicy: { outlierDetection: { interval: 2.000000005s } }", "spec.trafficPolicy.outlierDetection.interval", "not a duration")]
    [InlineData("host: catalog\ntrafficPolicy: { outlierDetection: { interval: 0s } }", "spec.trafficPolicy.outlierDetection.interval", "out of range")]
    [InlineData("host: catalog\ntrafficPolicy: { loadBalancer: { simple: PASSTHROUGH } }", "spec.trafficPolicy.loadBalancer.simple", "no original address")]
    [InlineData("host: catalog\ntrafficPolicy: { loadBalancer: { simple: RANDOM, consistentHash: { useSourceIp: true } } }", "spec.trafficPolicy.loadBalancer", "exclude each other")]
    [InlineData("host: catalog\ntrafficPolicy: { loadBalancer: { consistentHash: {} } }", "spec.trafficPolicy.loadBalancer.consistentHash", "one thing to hash")]
    [InlineData("host: catalog\ntrafficPolicy: { loadBalancer: { consistentHash: { useSourceIp: true, httpHeaderName: x } } }", "spec.trafficPolicy.loadBalancer.consistentHash", "one thing to hash")]
    [InlineData("host: catalog\ntrafficPolicy: { loadBalancer: { consistentHash: { httpCookie: { ttl: 0s } } } }", "spec.trafficPolicy.loadBalancer.consistentHash.httpCookie.name", "missing")]
    [InlineData("host: catalog\ntrafficPolicy: { loadBalancer: { consistentHash: { useSourceIp: true, maglev: { tableSize: 65536 } } } }", "spec.trafficPolicy.loadBalancer.consistentHash.maglev.tableSize", "not a prime")]
    [InlineData("host: catalog\ntrafficPolicy: { loadBalancer: { consistentHash: { useSourceIp: true, maglev: {}, ringHash: {} } } }", "spec.trafficPolicy.loadBalancer.consistentHash", "exclude each other")]
    [InlineData("host: catalog\ntrafficPolicy: { loadBalancer: { simple: RANDOM, warmup: { duration: 10s } } }", "spec.trafficPolicy.loadBalancer", "warm up")]
    [InlineData("host: catalog\ntrafficPolicy: { loadBalancer: { warmup: { minimumPercent: 5 } } }", "spec.trafficPolicy.loadBalancer.warmup.duration", "missing")]
    [InlineData("host: catalog\ntrafficPolicy: { loadBalancer: { localityLbSetting: {}, zoneAwareLbSetting: {} } }", "spec.trafficPolicy.loadBalancer", "exclude each other")]
    [InlineData("host: catalog\ntrafficPolicy: { loadBalancer: { localityLbSetting: { distribute: [{ from: eu, to: { eu: 90 } }] } } }", "spec.trafficPolicy.loadBalancer.localityLbSetting.distribute[0]", "add up to 90")]
    [InlineData("host: catalog\ntrafficPolicy: { loadBalancer: { localityLbSetting: { distribute: [{ from: eu, to: { eu/*: 90, eu/a: 10 } }] } } }", "spec.trafficPolicy.loadBalancer.localityLbSetting.distribute[0].to", "covers 'eu/a'")]
    [InlineData("host: catalog\ntrafficPolicy: { loadBalancer: { localityLbSetting: { distribute: [{ from: eu/*/b, to: { eu: 100 } }] } } }", "spec.trafficPolicy.loadBalancer.localityLbSetting.distribute[0].from", "no place")]
    [InlineData("host: catalog\ntrafficPolicy: { outlierDetection: {}, loadBalancer: { localityLbSetting: { failover: [{ from: eu, to: eu }] } } }", "spec.trafficPolicy.loadBalancer.localityLbSetting.failover[0]", "same region")]
    [InlineData("host: catalog\ntrafficPolicy: { outlierDetection: {}, loadBalancer: { localityLbSetting: { failover: [{ from: eu, to: us }], failoverPriority: [topology.kubernetes.io/zone] } } }", "spec.trafficPolicy.loadBalancer.localityLbSetting.failoverPriority", "so does 'failover'")]
    [InlineData("host: catalog\ntrafficPolicy: { outlierDetection: {}, loadBalancer: { localityLbSetting: { failoverPriority: [kubernetes.io/hostname] } } }", "spec.trafficPolicy.loadBalancer.localityLbSetting.failoverPriority[0]", "does not know")]
    [InlineData("host: catalog\ntrafficPolicy: { outlierDetection: { consecutiveLocalOriginFailures: 5 } }", "spec.trafficPolicy.outlierDetection.consecutiveLocalOriginFailures", "only counted apart")]
    [InlineData("host: catalog\ntrafficPolicy: { connectionPool: { http: { http2KeepAlive: { interval: 15s } } } }", "spec.trafficPolicy.connectionPool.http.http2KeepAlive.timeout", "missing")]
    [InlineData("host: catalog\ntrafficPolicy: { connectionPool: { http: { http2MaxRequests: -1 } } }", "spec.trafficPolicy.connectionPool.http.http2MaxRequests", "out of range")]
    [InlineData("host: catalog\ntrafficPolicy: { tls: { mode: MUTUAL } }", "spec.trafficPolicy.tls.mode", "not supported yet")]
    [InlineData("host: catalog\ntrafficPolicy: { tls: { mode: SIMPLE, caCertificates: /etc/roots.pem } }", "spec.trafficPolicy.tls.caCertificates", "owner's to name")]
    [InlineData("host: catalog\ntrafficPolicy: { tls: { mode: SIMPLE, insecureSkipVerify: true } }", "spec.trafficPolicy.tls.insecureSkipVerify", "no protection")]
    [InlineData("host: catalog\ntrafficPolicy: { tls: { mode: SIMPLE, credentialName: secret } }", "spec.trafficPolicy.tls.credentialName", "no Kubernetes secrets")]
    [InlineData("host: catalog\ntrafficPolicy: { tls: { mode: ISTIO_MUTUAL, sni: example.com } }", "spec.trafficPolicy.tls.sni", "from the mesh")]
    [InlineData("host: catalog\ntrafficPolicy: { portLevelSettings: [{ port: { number: 80 } }] }", "spec.trafficPolicy.portLevelSettings[0]", "sets nothing")]
    [InlineData("host: catalog\ntrafficPolicy: { portLevelSettings: [{ port: { number: 80 }, outlierDetection: {} }, { port: { number: 80 }, outlierDetection: {} }] }", "spec.trafficPolicy.portLevelSettings", "there twice")]
    [InlineData("host: catalog\ntrafficPolicy: { tunnel: {} }", "spec.trafficPolicy.tunnel", "not supported yet")]
    [InlineData("host: catalog\nexportTo: ['*', bank]", "spec.exportTo", "beside others")]
    [InlineData("host: catalog\nsubsets: [{ labels: { a: b } }]", "spec.subsets[0].name", "missing")]
    [InlineData("host: catalog\nsubsets: [{ name: a }, { name: a }]", "spec.subsets", "two subsets")]
    public void Bad_rules_are_refused(string spec, string field, string problem)
    {
        var error = Invalid(Document(ManifestKind.DestinationRule, "catalog", spec));

        Assert.Equal(field, error.Field);
        Assert.Contains(problem, error.Problem, StringComparison.Ordinal);
    }
}
