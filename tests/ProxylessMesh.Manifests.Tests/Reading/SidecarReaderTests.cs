using ProxylessMesh.Manifests.Kinds;
using static ProxylessMesh.Manifests.Tests.ReadManifests;

namespace ProxylessMesh.Manifests.Tests.Reading;

public sealed class SidecarReaderTests
{
    [Fact]
    public void Hosts_ports_and_policy_are_read()
    {
        var sidecar = Valid<SidecarManifest>(Document(ManifestKind.Sidecar, "web", """
            workloadSelector: { labels: { app: web } }
            egress:
            - port: { number: 8080, protocol: http }
              hosts: [bank/*]
            - hosts: [./*, "*/Catalog.Shop.svc", "~ops/*", "~/secret.example.com", "~./own.shop.svc.cluster.local"]
            ingress:
            - port: { number: 90, name: http }
              defaultEndpoint: "[::1]:5000"
            - port: { number: 91 }
            outboundTrafficPolicy: {}
            """));

        Assert.Equal(KeyValuePair.Create("app", "web"), Assert.Single(sidecar.Selector));
        Assert.Equal([8080, null], sidecar.Egress.Select(entry => entry.Port));
        Assert.Equal(
            [
                new EgressHost("shop", "*", false), new EgressHost("*", "catalog.shop.svc.cluster.local", false), new EgressHost("ops", "*", true),
                new EgressHost("*", "secret.example.com", true), new EgressHost("shop", "own.shop.svc.cluster.local", true),
            ],
            sidecar.Egress[1].Hosts);
        Assert.Equal([new SidecarIngress(90, 5000), new SidecarIngress(91, 91)], sidecar.Ingress);
        Assert.True(sidecar.IsRegistryOnly);
    }

    [Fact]
    public void An_egress_proxy_is_a_destination()
    {
        var sidecar = Valid<SidecarManifest>(Document(ManifestKind.Sidecar, "web", "outboundTrafficPolicy: { mode: ALLOW_ANY, egressProxy: { host: way-out, port: { number: 80 } } }"));

        Assert.Equal((false, "way-out.shop.svc.cluster.local", 80), (sidecar.IsRegistryOnly, sidecar.EgressProxy?.Host, sidecar.EgressProxy?.Port));
    }

    [Theory]
    [InlineData("{}", "spec", "says nothing")]
    [InlineData("workloadSelector: { labels: { app: a } }", "spec", "says nothing")]
    [InlineData("egress: [{ hosts: [] }]", "spec.egress[0]", "names no hosts")]
    [InlineData("egress: [{}]", "spec.egress[0]", "names no hosts")]
    [InlineData("egress: [{ hosts: [catalog] }]", "spec.egress[0].hosts[0]", "not namespace and host")]
    [InlineData("egress: [{ hosts: [/catalog.shop] }]", "spec.egress[0].hosts[0]", "not namespace and host")]
    [InlineData("egress: [{ hosts: [shop/catalog] }]", "spec.egress[0].hosts[0]", "short names")]
    [InlineData("egress: [{ hosts: ['shop/*log.shop'] }]", "spec.egress[0].hosts[0]", "part of a name")]
    [InlineData("egress: [{ hosts: [Shop/*] }]", "spec.egress[0].hosts[0]", "no namespace")]
    [InlineData("egress: [{ hosts: ['~Shop/*'] }]", "spec.egress[0].hosts[0]", "no namespace")]
    [InlineData("egress: [{ hosts: [a/*] }, { hosts: [b/*] }]", "spec.egress[0]", "before others")]
    [InlineData("egress: [{ port: { number: 1 }, hosts: [a/*] }, { port: { number: 1 }, hosts: [b/*] }]", "spec.egress[1]", "has an entry already")]
    [InlineData("egress: [{ port: { protocol: http }, hosts: [a/*] }]", "spec.egress[0].port", "no number")]
    [InlineData("egress: [{ port: { number: 1, protocol: QUIX }, hosts: [a/*] }]", "spec.egress[0].port.protocol", "not a protocol")]
    [InlineData("egress: [{ port: { number: 1, targetPort: 2 }, hosts: [a/*] }]", "spec.egress[0].port.targetPort", "no meaning")]
    [InlineData("egress: [{ port: { number: 1 }, bind: nowhere, hosts: [a/*] }]", "spec.egress[0].bind", "neither an address")]
    [InlineData("egress: [{ port: { name: uds }, bind: 'unix:///', hosts: [a/*] }]", "spec.egress[0].bind", "neither an address")]
    [InlineData("ingress: [{ defaultEndpoint: '127.0.0.1:1' }]", "spec.ingress[0].port", "missing")]
    [InlineData("ingress: [{ port: { number: 1 } }, { port: { number: 1 } }]", "spec.ingress", "named twice")]
    [InlineData("ingress: [{ port: { number: 1 }, defaultEndpoint: '10.0.0.1:1' }]", "spec.ingress[0].defaultEndpoint", "not a port of the application")]
    [InlineData("ingress: [{ port: { number: 1 }, defaultEndpoint: '127.0.0.1:0' }]", "spec.ingress[0].defaultEndpoint", "not a port of the application")]
    [InlineData("ingress: [{ port: { number: 1 }, defaultEndpoint: 'unix:///a' }]", "spec.ingress[0].defaultEndpoint", "socket of another machine")]
    [InlineData("ingress: [{ port: { number: 1 }, tls: { mode: SIMPLE } }]", "spec.ingress[0].tls", "terminates TLS")]
    [InlineData("ingress: [{ port: { number: 1 }, connectionPool: { http: { maxRetries: 1 } } }]", "spec.ingress[0].connectionPool", "no proxy")]
    [InlineData("inboundConnectionPool: { http: { maxRetries: 1 } }", "spec.inboundConnectionPool", "no proxy")]
    [InlineData("outboundTrafficPolicy: { mode: NONE }", "spec.outboundTrafficPolicy.mode", "not a known word")]
    [InlineData("outboundTrafficPolicy: { egressProxy: { host: a, port: { number: 1 } } }", "spec.outboundTrafficPolicy.egressProxy", "REGISTRY_ONLY")]
    [InlineData("outboundTrafficPolicy: { mode: ALLOW_ANY, egressProxy: { host: a } }", "spec.outboundTrafficPolicy.egressProxy.port", "missing")]
    public void Bad_sidecars_are_refused(string spec, string field, string problem)
    {
        var error = Invalid(Document(ManifestKind.Sidecar, "web", spec));

        Assert.Equal(field, error.Field);
        Assert.Contains(problem, error.Problem, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("workloadSelector: {}\negress: [{ hosts: [a/*] }]", "spec.workloadSelector", "selects every workload")]
    [InlineData("egress: [{ hosts: ['*/*', a/b.c] }]", "spec.egress[0].hosts", "says already")]
    [InlineData("egress: [{ hosts: [./*, shop/a.b] }]", "spec.egress[0].hosts", "says already")]
    [InlineData("egress: [{ port: { protocol: http }, bind: 'unix:///@a/b', hosts: [a/*] }]", "spec.egress[0].bind", "nothing listens")]
    public void What_changes_nothing_is_warned_of(string spec, string field, string problem)
    {
        var reading = Read(Document(ManifestKind.Sidecar, "web", spec));

        Assert.Empty(reading.Errors);
        var warning = Assert.Single(reading.Warnings);
        Assert.Equal(field, warning.Field);
        Assert.Contains(problem, warning.Problem, StringComparison.Ordinal);
    }

    [Fact]
    public void Two_for_all_workloads_of_a_namespace_are_an_error()
    {
        var error = Assert.Single(Read(
            Document(ManifestKind.Sidecar, "one", "egress: [{ hosts: [a/*] }]"), Document(ManifestKind.Sidecar, "two", "egress: [{ hosts: [a/*] }]")).Errors);

        Assert.Equal("Sidecar shop/two", error.Subject);
        Assert.Contains("Sidecar shop/one", error.Problem, StringComparison.Ordinal);
    }
}
