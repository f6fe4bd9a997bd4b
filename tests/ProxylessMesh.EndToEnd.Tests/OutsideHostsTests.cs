using System.Net;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using ProxylessMesh.TestSupport;

namespace ProxylessMesh.EndToEnd.Tests;

/// <summary>Hosts outside the mesh, from the ServiceEntry's file to the server that answers.</summary>
public sealed class OutsideHostsTests
{
    private static CancellationToken TestEnd => TestContext.Current.CancellationToken;

    [Fact(Timeout = TestMesh.TimeLimit)]
    public async Task A_host_outside_is_called_with_TLS_under_the_roots_that_a_rule_gives()
    {
        using var certificate = SelfSigned("api.example.test");
        await using var server = await TestBackend.StartAsync(http => http.Response.WriteAsync($"{http.Request.Scheme} {http.Request.Host}"), listen => listen.UseHttps(certificate));
        await using var mesh = await TestMesh.StartAsync();
        await mesh.WriteManifestAsync("outside.yaml", Entry("api.example.test", server.Address.Port) + Rule("api.example.test", certificate));
        var client = (await mesh.StartClientAsync()).CreateClient();

        Assert.Equal("https api.example.test", await Eventually.Async(() => client.GetStringAsync(new Uri("http://api.example.test/"), TestEnd), TestEnd));
        Assert.Equal("https api.example.test", await client.GetStringAsync(new Uri("https://api.example.test/"), TestEnd));
    }

    [Fact(Timeout = TestMesh.TimeLimit)]
    public async Task A_server_that_proves_another_name_is_not_called()
    {
        using var certificate = SelfSigned("other.example.test");
        await using var server = await TestBackend.StartAsync(http => http.Response.WriteAsync("never"), listen => listen.UseHttps(certificate));
        await using var mesh = await TestMesh.StartAsync();
        await mesh.WriteManifestAsync("outside.yaml", Entry("api.example.test", server.Address.Port) + Rule("api.example.test", certificate));
        var client = (await mesh.StartClientAsync()).CreateClient();

        MeshException? refused = null;
        while (refused is null)
        {
            refused = await Record.ExceptionAsync(() => client.GetStringAsync(new Uri("http://api.example.test/"), TestEnd)) as MeshException;
        }

        Assert.Equal(MeshError.PeerRefused, refused.Error);
    }

    private static string Entry(string host, int port) => $$"""
        apiVersion: networking.istio.io/v1
        kind: ServiceEntry
        metadata: { name: outside, namespace: test }
        spec:
          hosts: [{{host}}]
          resolution: STATIC
          ports:
            - { number: 80, name: http, protocol: HTTP, targetPort: {{port}} }
            - { number: 443, name: https, protocol: HTTPS, targetPort: {{port}} }
          endpoints: [{ address: {{IPAddress.Loopback}} }]
        ---

        """;

    private static string Rule(string host, X509Certificate2 root) => $$"""
        apiVersion: networking.istio.io/v1
        kind: DestinationRule
        metadata: { name: outside, namespace: test }
        spec:
          host: {{host}}
          trafficPolicy: { tls: { mode: SIMPLE, caCertificates: "{{root.ExportCertificatePem().ReplaceLineEndings("\\n")}}" } }
        """;

    private static X509Certificate2 SelfSigned(string host)
    {
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var request = new CertificateRequest($"CN={host}", key, HashAlgorithmName.SHA256);
        var names = new SubjectAlternativeNameBuilder();
        names.AddDnsName(host);
        request.CertificateExtensions.Add(names.Build());
        request.CertificateExtensions.Add(new X509BasicConstraintsExtension(true, false, 0, true));
        return request.CreateSelfSigned(TimeProvider.System.GetUtcNow().AddMinutes(-5), TimeProvider.System.GetUtcNow().AddHours(1));
    }
}
