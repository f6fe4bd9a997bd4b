using ProxylessMesh.Manifests.Kinds;
using static ProxylessMesh.Manifests.Tests.ReadManifests;

namespace ProxylessMesh.Manifests.Tests.Reading;

public sealed class ServiceEntryReaderTests
{
    private const string Ports = "ports: [{ number: 80, name: http, protocol: http }]\n";

    [Fact]
    public void An_entry_is_read_with_its_endpoints()
    {
        var entry = Valid<ServiceEntryManifest>(Document(ManifestKind.ServiceEntry, "api", """
            hosts: [API.example.com., "*.example.org"]
            location: MESH_INTERNAL
            resolution: STATIC
            ports: [{ number: 80, name: http, protocol: http, targetPort: 8080 }]
            endpoints: [{ address: 10.0.0.1, ports: { http: 9090 }, locality: eu/a, weight: 2 }]
            """));

        Assert.Equal(["api.example.com", "*.example.org"], entry.Hosts);
        Assert.Equal([new ServiceEntryPort { Number = 80, Name = "http", Protocol = "HTTP", TargetPort = 8080 }], entry.Ports);
        var endpoint = Assert.Single(entry.Endpoints);
        Assert.Equal(("10.0.0.1", 9090, "eu/a", 2), (endpoint.Address, endpoint.Ports["http"], endpoint.Locality, endpoint.Weight));
    }

    [Theory]
    [InlineData("hosts: []", "spec", "names no hosts")]
    [InlineData("hosts: ['*']", "spec.hosts[0]", "every name")]
    [InlineData("hosts: [http://a]", "spec.hosts[0]", "not a host name")]
    [InlineData("hosts: ['*.a.com']\nresolution: DNS", "spec.hosts", "cannot be looked up")]
    [InlineData("hosts: [a.com]\nresolution: DYNAMIC_DNS", "spec.hosts", "for wildcards")]
    [InlineData("hosts: ['*.a.com']\nresolution: DYNAMIC_DNS\nlocation: MESH_INTERNAL", "spec.location", "outside the mesh")]
    [InlineData("hosts: [a.com]\nendpoints: [{ address: 10.0.0.1 }]", "spec.endpoints", "the name that is called")]
    [InlineData("hosts: [a.com]\nresolution: STATIC\nendpoints: [{ address: b.com }]", "spec.endpoints[0]", "looks nothing up")]
    [InlineData("hosts: [a.com]\nresolution: STATIC\nendpoints: [{ address: 10.0.0.1, ports: { other: 1 } }]", "spec.endpoints[0]", "no port 'other'")]
    [InlineData("hosts: [a.com]\nresolution: DNS_ROUND_ROBIN\nendpoints: [{ address: b.com }, { address: c.com }]", "spec.endpoints", "one name")]
    [InlineData("hosts: [a.com]\nresolution: STATIC\nworkloadSelector: {}\nendpoints: [{ address: 10.0.0.1 }]", "spec", "exclude each other")]
    [InlineData("hosts: [a.com]\nexportTo: ['~', bank]", "spec.exportTo", "beside others")]
    public void Bad_entries_are_refused(string spec, string field, string problem)
    {
        var error = Invalid(Document(ManifestKind.ServiceEntry, "api", Ports + spec));

        Assert.Equal(field, error.Field);
        Assert.Contains(problem, error.Problem, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("{}", "spec", "no address")]
    [InlineData("address: unix:///run/app.sock", "spec.address", "over TCP only")]
    [InlineData("address: 10.0.0.1\nports: { http: 70000 }", "spec.ports[\"http\"]", "out of range")]
    public void Bad_workload_entries_are_refused(string spec, string field, string problem)
    {
        var error = Invalid(Document(ManifestKind.WorkloadEntry, "vm", spec));

        Assert.Equal(field, error.Field);
        Assert.Contains(problem, error.Problem, StringComparison.Ordinal);
    }

    [Fact]
    public void Two_entries_for_one_host_are_refused_where_one_namespace_sees_both()
    {
        var first = Document(ManifestKind.ServiceEntry, "first", Ports + "hosts: [a.com]");

        Assert.Contains("is for host a.com already", Assert.Single(Read(first, first.Replace("first", "second", StringComparison.Ordinal)).Errors).Problem, StringComparison.Ordinal);
        Assert.Empty(Read(first + "  exportTo: [bank]\n", first.Replace("first", "second", StringComparison.Ordinal) + "  exportTo: [web]\n").Errors);
    }
}
