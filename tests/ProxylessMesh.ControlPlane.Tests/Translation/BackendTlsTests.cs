using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using Envoy.Extensions.TransportSockets.Tls.V3;
using ProxylessMesh.ControlPlane.Translation;

namespace ProxylessMesh.ControlPlane.Tests.Translation;

public class BackendTlsTests
{
    private const string Service = """
        apiVersion: v1
        kind: Service
        metadata: { name: catalog, namespace: shop }
        spec: { ports: [{ name: http, port: 80 }, { name: alt, port: 8080 }] }
        ---

        """;

    private static string Policy(string validation, string name = "catalog", string target = "") => $$"""
        apiVersion: gateway.networking.k8s.io/v1
        kind: BackendTLSPolicy
        metadata: { name: {{name}}, namespace: shop }
        spec:
          targetRefs: [{ group: "", kind: Service, name: catalog{{target}} }]
          validation: {{validation}}
        ---

        """;

    private static string Roots(string name, string subject)
    {
        using var key = ECDsa.Create();
        using var root = new CertificateRequest(subject, key, HashAlgorithmName.SHA256).CreateSelfSigned(DateTimeOffset.UnixEpoch, DateTimeOffset.UnixEpoch.AddYears(1));
        return $"apiVersion: v1\nkind: ConfigMap\nmetadata: {{ name: {name}, namespace: shop }}\ndata: {{ ca.crt: \"{root.ExportCertificatePem().ReplaceLineEndings("\\n")}\" }}\n---\n";
    }

    private static BackendTls? Tls(string yaml, int port = 80)
    {
        var manifests = Given.Manifests(yaml);
        return BackendTls.Of(manifests, new MeshService { Host = "catalog.shop.svc.cluster.local", Name = "catalog", Namespace = "shop", Manifest = manifests.FindService("catalog.shop.svc.cluster.local") }, port);
    }

    private static UpstreamTlsContext Context(string yaml, int port = 80) => Tls(yaml, port)!.Socket!.TypedConfig.Unpack<UpstreamTlsContext>();

    [Fact]
    public void The_system_s_roots_and_the_host_s_name_count_where_nothing_else_is_said()
    {
        var tls = Context(Policy("{ wellKnownCACertificates: System, hostname: a.example }"));

        Assert.Equal("a.example", tls.Sni);
        Assert.NotNull(tls.CommonTlsContext.ValidationContext.SystemRootCerts);
        Assert.Equal("a.example", Assert.Single(tls.CommonTlsContext.ValidationContext.MatchTypedSubjectAltNames).Matcher.Exact);
    }

    [Fact]
    public void Roots_of_ConfigMaps_are_taken_together_and_those_that_are_missing_left_out()
    {
        var yaml = Roots("one", "CN=one") + Roots("two", "CN=two")
            + Policy("{ hostname: a.example, subjectAltNames: [{ type: URI, uri: 'spiffe://a/b' }], caCertificateRefs: [{ group: \"\", kind: ConfigMap, name: one }, { group: \"\", kind: ConfigMap, name: gone }, { group: \"\", kind: ConfigMap, name: two }] }");

        var validation = Context(yaml).CommonTlsContext.ValidationContext;

        var roots = new X509Certificate2Collection();
        roots.ImportFromPem(validation.TrustedCa.InlineString);
        Assert.Equal(["CN=one", "CN=two"], roots.Select(root => root.Subject));
        var name = Assert.Single(validation.MatchTypedSubjectAltNames);
        Assert.Equal((3, "spiffe://a/b"), ((int)name.SanType, name.Matcher.Exact));
    }

    [Theory]
    [InlineData("{ hostname: a.example, caCertificateRefs: [{ group: \"\", kind: ConfigMap, name: gone }] }")]
    [InlineData("{ hostname: a.example, caCertificateRefs: [{ group: a.example, kind: Roots, name: x }] }")]
    [InlineData("{ hostname: a.example, wellKnownCACertificates: a.example/roots }")]
    public void Without_any_roots_nobody_may_be_called(string validation)
    {
        Assert.Null(Tls(Policy(validation))!.Socket);
        Assert.Empty(Given.Snapshot(Policy(validation), Given.Workload("catalog", "c1")).Assignment().Endpoints);
    }

    [Fact]
    public void A_policy_for_a_port_counts_before_one_for_the_service_and_then_the_older()
    {
        var yaml = Service
            + Policy("{ wellKnownCACertificates: System, hostname: whole }", "a")
            + Policy("{ wellKnownCACertificates: System, hostname: port }", "b", ", sectionName: alt")
            + Policy("{ wellKnownCACertificates: System, hostname: later }", "c");

        Assert.Equal(("whole", "port"), (Context(yaml).Sni, Context(yaml, 8080).Sni));
        Assert.Null(Tls(Service));
    }

    [Fact]
    public void The_cluster_of_the_service_has_it_in_place_of_the_mesh_s_own()
    {
        var cluster = Given.Snapshot(Policy("{ wellKnownCACertificates: System, hostname: a.example }"), Given.Workload("catalog", "c1")).Cluster();

        Assert.Equal("a.example", cluster.TransportSocket.TypedConfig.Unpack<UpstreamTlsContext>().Sni);
    }
}
