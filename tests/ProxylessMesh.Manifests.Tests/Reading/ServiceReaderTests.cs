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

    [Theory]
    [InlineData("ports: [{ port: 80, targetPort: \"8080\" }]", "spec.ports[0].targetPort", "neither a port number nor the name")]
    [InlineData("ports: [{ port: 80, protocol: UDP }]", "spec.ports[0].protocol", "not supported yet")]
    [InlineData("ports: [{ port: 80, nodePort: 30000 }]", "spec.ports[0].nodePort", "not supported yet")]
    [InlineData("ports: [{ name: a, port: 80 }, { port: 81 }]", "spec.ports[1]", "it has no name")]
    [InlineData("ports: [{ name: a, port: 80 }, { name: a, port: 81 }]", "spec.ports[1].name", "another port")]
    [InlineData("ports: [{ name: a, port: 80 }, { name: b, port: 80 }]", "spec.ports[1].port", "this port already")]
    [InlineData("type: ExternalName", "spec.type", "not supported yet")]
    [InlineData("selectors: {}", "spec.selectors", "unknown field")]
    [InlineData("sessionAffinity: ClientIP", "spec.sessionAffinity", "not supported yet")]
    public void Bad_services_are_refused(string spec, string field, string problem)
    {
        var error = Invalid(Document(ManifestKind.Service, "catalog", spec));

        Assert.Equal(field, error.Field);
        Assert.Contains(problem, error.Problem, StringComparison.Ordinal);
    }
}
