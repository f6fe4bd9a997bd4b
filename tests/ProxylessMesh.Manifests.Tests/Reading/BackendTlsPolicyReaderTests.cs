using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using ProxylessMesh.Manifests.Kinds;
using static ProxylessMesh.Manifests.Tests.ReadManifests;

namespace ProxylessMesh.Manifests.Tests.Reading;

public sealed class BackendTlsPolicyReaderTests
{
    private const string Target = "targetRefs: [{ group: \"\", kind: Service, name: catalog }]\n";

    private static string Policy(string validation, string targets = Target, string name = "catalog") => Document(ManifestKind.BackendTlsPolicy, name, $"{targets}validation: {validation}");

    private static string ConfigMap(string data) => $"apiVersion: v1\nkind: ConfigMap\nmetadata: {{ name: roots, namespace: shop }}\ndata: {data}\n";

    [Fact]
    public void Roots_of_the_system_and_names_are_read()
    {
        var policy = Valid<BackendTlsPolicyManifest>(Policy(
            "{ wellKnownCACertificates: System, hostname: a.example, subjectAltNames: [{ type: Hostname, hostname: '*.a.example' }, { type: URI, uri: 'spiffe://a/b' }] }",
            "targetRefs: [{ group: \"\", kind: Service, name: catalog, sectionName: one }, { group: \"\", kind: Service, name: catalog, sectionName: two }]\n"));

        Assert.Equal([new BackendTlsTarget("catalog", "one"), new BackendTlsTarget("catalog", "two")], policy.Targets);
        Assert.Equal(("a.example", false), (policy.HostName, policy.HasUnknownRoots));
        Assert.Equal([new BackendTlsName("*.a.example", false), new BackendTlsName("spiffe://a/b", true)], policy.SubjectAltNames);
    }

    [Fact]
    public void Roots_of_a_ConfigMap_are_looked_for()
    {
        using var key = ECDsa.Create();
        using var root = new CertificateRequest("CN=root", key, HashAlgorithmName.SHA256).CreateSelfSigned(DateTimeOffset.UnixEpoch, DateTimeOffset.UnixEpoch.AddYears(1));
        var policy = Policy("{ hostname: a.example, caCertificateRefs: [{ group: \"\", kind: ConfigMap, name: roots }] }");
        var pem = $"{{ ca.crt: \"{root.ExportCertificatePem().ReplaceLineEndings("\\n")}\" }}";

        Assert.DoesNotContain(Read(policy, ConfigMap(pem)).Warnings, warning => warning.Problem.Contains("InvalidCACertificateRef", StringComparison.Ordinal));
        Assert.All(
            [Read(policy), Read(policy, ConfigMap("{ other: x }")), Read(policy, ConfigMap("{ ca.crt: nothing }"))],
            reading => Assert.Contains(reading.Warnings, warning => warning.Problem.Contains("InvalidCACertificateRef", StringComparison.Ordinal)));
    }

    [Theory]
    [InlineData("{ wellKnownCACertificates: my.company.com/roots, hostname: a.example }")]
    [InlineData("{ caCertificateRefs: [{ group: a.example, kind: Roots, name: x }], hostname: a.example }")]
    public void Roots_that_nobody_here_knows_are_legal_and_pointed_at(string validation)
    {
        var reading = Read(Policy(validation));

        Assert.True(Assert.IsType<BackendTlsPolicyManifest>(Assert.Single(reading.Manifests.All)).HasUnknownRoots);
        Assert.Contains(reading.Warnings, warning => warning.Problem.Contains("calls to the targets fail", StringComparison.Ordinal));
    }

    [Theory]
    [InlineData("{ hostname: a.example }", "spec.validation", "which roots count")]
    [InlineData("{ hostname: a.example, wellKnownCACertificates: System, caCertificateRefs: [{ group: \"\", kind: ConfigMap, name: roots }] }", "spec.validation", "two ways")]
    [InlineData("{ wellKnownCACertificates: System }", "spec.validation.hostname", "missing")]
    [InlineData("{ wellKnownCACertificates: system, hostname: a }", "spec.validation.wellKnownCACertificates", "names no roots")]
    [InlineData("{ wellKnownCACertificates: System, hostname: a, subjectAltNames: [{ type: URI, uri: a.example }] }", "spec.validation.subjectAltNames[0].uri", "not an absolute URI")]
    [InlineData("{ wellKnownCACertificates: System, hostname: a, subjectAltNames: [{ type: URI, uri: 'a://b', hostname: c }] }", "spec.validation.subjectAltNames[0].hostname", "the type is URI")]
    public void Bad_validation_is_refused(string validation, string field, string problem)
    {
        var error = Assert.Single(Read(Policy(validation)).Errors);

        Assert.Equal(field, error.Field);
        Assert.Contains(problem, error.Problem, StringComparison.Ordinal);
    }

    [Fact]
    public void The_older_of_two_policies_for_one_service_counts()
        => Assert.Contains(
            Read(Policy("{ wellKnownCACertificates: System, hostname: a }"), Policy("{ wellKnownCACertificates: System, hostname: b }", name: "newer")).Warnings,
            warning => warning.Subject == "BackendTLSPolicy shop/newer" && warning.Problem.Contains("Conflicted", StringComparison.Ordinal));

    [Theory]
    [InlineData("from: [{ group: \"\", kind: Service, namespace: web }]", "spec.to", "missing")]
    [InlineData("from: []\nto: [{ group: \"\", kind: Service }]", "spec.from", "0 entries")]
    [InlineData("from: [{ group: gateway.networking.k8s.io, kind: HTTPRoute }]\nto: [{ group: \"\", kind: Service }]", "spec.from[0].namespace", "missing")]
    public void Bad_grants_are_refused(string spec, string field, string problem)
    {
        var error = Assert.Single(Read(Document(ManifestKind.ReferenceGrant, "grant", spec)).Errors);

        Assert.Equal(field, error.Field);
        Assert.Contains(problem, error.Problem, StringComparison.Ordinal);
    }
}
