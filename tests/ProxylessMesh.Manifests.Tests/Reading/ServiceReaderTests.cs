using ProxylessMesh.Manifests.Kinds;
using static ProxylessMesh.Manifests.Tests.ReadManifests;

namespace ProxylessMesh.Manifests.Tests.Reading;

public sealed class ServiceReaderTests
{
    [Fact]
    public void Ports_lead_to_a_number_a_name_or_themselves()
    {
        var service = Valid<ServiceManifest>(Document(ManifestKind.Service, "catalog", """
            ports:
            - { name: http, port: 80, targetPort: 8080, appProtocol: http }
            - { name: grpc, port: 81, targetPort: rpc }
            - { name: admin, port: 82 }
            """));

        Assert.Equal(
            [
                new ServicePort { Name = "http", Port = 80, TargetPort = 8080, AppProtocol = "http" },
                new ServicePort { Name = "grpc", Port = 81, TargetPortName = "rpc" },
                new ServicePort { Name = "admin", Port = 82, TargetPort = 82 },
            ],
            service.Ports);
    }

    [Fact]
    public void Service_accounts_come_from_the_annotation()
    {
        var service = Valid<ServiceManifest>("""
            apiVersion: v1
            kind: Service
            metadata: { name: catalog, annotations: { mesh.proxyless.dev/service-accounts: "blue, green," } }
            spec: {}
            """);

        Assert.Equal(["blue", "green"], service.ServiceAccounts);
    }

    [Fact]
    public void What_a_cluster_s_services_say_is_carried_out_or_has_no_effect_for_a_reason()
    {
        var reading = Read(Document(ManifestKind.Service, "catalog", """
            type: LoadBalancer
            clusterIP: None
            externalTrafficPolicy: Local
            publishNotReadyAddresses: true
            sessionAffinity: ClientIP
            sessionAffinityConfig: { clientIP: { timeoutSeconds: 10 } }
            trafficDistribution: PreferClose
            ports:
            - { name: http, port: 80, nodePort: 30080 }
            - { name: dns, port: 80, protocol: UDP }
            """));

        Assert.Empty(reading.Errors);
        Assert.Equal(["spec.type", "spec.sessionAffinityConfig", "spec.ports[1].protocol"], reading.Warnings.Select(warning => warning.Field));
        var service = Assert.Single(reading.Manifests.Services);
        Assert.Equal([80], service.Ports.Select(port => port.Port));
        Assert.True(service is { PublishesNotReadyAddresses: true, HasClientAffinity: true, PrefersClose: true });
    }

    [Fact]
    public void A_service_may_be_another_name()
        => Assert.Equal("api.example.com", Valid<ServiceManifest>(Document(ManifestKind.Service, "api", "type: ExternalName\nexternalName: api.example.com\nports: [{ port: 443 }]")).ExternalName);

    [Theory]
    [InlineData("ports: [{ port: 80, targetPort: \"8080\" }]", "spec.ports[0].targetPort", "neither a port number nor the name")]
    [InlineData("ports: [{ name: a, port: 80 }, { port: 81 }]", "spec.ports[1]", "it has no name")]
    [InlineData("ports: [{ name: a, port: 80 }, { name: a, port: 81 }]", "spec.ports[1].name", "another port")]
    [InlineData("ports: [{ name: a, port: 80 }, { name: b, port: 80 }]", "spec.ports[1].port", "this port already")]
    [InlineData("type: ExternalName", "spec.externalName", "missing")]
    [InlineData("externalName: api.example.com", "spec.externalName", "for 'type: ExternalName'")]
    [InlineData("internalTrafficPolicy: Local", "spec.internalTrafficPolicy", "on which machine")]
    [InlineData("trafficDistribution: PreferSameNode", "spec.trafficDistribution", "on which machine")]
    [InlineData("selectors: {}", "spec.selectors", "unknown field")]
    public void Bad_services_are_refused(string spec, string field, string problem)
    {
        var error = Invalid(Document(ManifestKind.Service, "catalog", spec));

        Assert.Equal(field, error.Field);
        Assert.Contains(problem, error.Problem, StringComparison.Ordinal);
    }
}
