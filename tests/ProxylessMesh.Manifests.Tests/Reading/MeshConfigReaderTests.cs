using ProxylessMesh.Manifests.Kinds;
using static ProxylessMesh.Manifests.Tests.ReadManifests;

namespace ProxylessMesh.Manifests.Tests.Reading;

public sealed class MeshConfigReaderTests
{
    [Fact]
    public void A_mesh_without_one_has_the_defaults()
    {
        var config = ManifestSet.Empty.MeshConfig;

        Assert.Same(MeshConfigManifest.Default, config);
        Assert.Equal((PathNormalizationMode.Base, 0), (config.PathNormalization, config.TrustedProxies));
        Assert.Empty(config.TrustDomainAliases);
        Assert.Empty(config.ExtensionProviders);
    }

    [Theory]
    [InlineData("NONE", PathNormalizationMode.None)]
    [InlineData("DEFAULT", PathNormalizationMode.Base)]
    [InlineData("BASE", PathNormalizationMode.Base)]
    [InlineData("MERGE_SLASHES", PathNormalizationMode.MergeSlashes)]
    [InlineData("DECODE_AND_MERGE_SLASHES", PathNormalizationMode.DecodeAndMergeSlashes)]
    [InlineData("STRICT", PathNormalizationMode.Strict)]
    public void Normalization_has_istios_words_and_one_of_ours(string word, PathNormalizationMode mode)
        => Assert.Equal(mode, Valid<MeshConfigManifest>(Config($"pathNormalization: {{ normalization: {word} }}")).PathNormalization);

    [Fact]
    public void Aliases_and_trusted_proxies_are_read()
    {
        var config = Valid<MeshConfigManifest>(Config("trustDomainAliases: [old.example.com, older]\ndefaultConfig: { gatewayTopology: { numTrustedProxies: 2 } }"));

        Assert.Equal(["old.example.com", "older"], config.TrustDomainAliases);
        Assert.Equal(2, config.TrustedProxies);
    }

    [Theory]
    [InlineData("TLS_AUTO", false)]
    [InlineData("TLSV1_2", false)]
    [InlineData("TLSV1_3", true)]
    public void Least_version_of_TLS_is_read(string word, bool requiresTls13)
        => Assert.Equal(requiresTls13, Valid<MeshConfigManifest>(Config($"meshMTLS: {{ minProtocolVersion: {word} }}")).RequiresTls13);

    [Fact]
    public void Authorizers_are_read_with_their_defaults()
    {
        var provider = Assert.Single(Valid<MeshConfigManifest>(Config("extensionProviders: [{ name: a, envoyExtAuthzGrpc: { service: authz.auth, port: 9000 } }]")).ExtensionProviders);

        Assert.Equal(("a", "authz.auth.svc.cluster.local", 9000), (provider.Name, provider.ExtAuthz.Host, provider.ExtAuthz.Port));
        Assert.Equal((TimeSpan.FromMinutes(10), false, 403, null), (provider.ExtAuthz.Timeout, provider.ExtAuthz.FailOpen, provider.ExtAuthz.StatusOnError, provider.ExtAuthz.Body));
    }

    [Fact]
    public void Authorizers_are_read_with_everything()
    {
        var provider = Assert.Single(Valid<MeshConfigManifest>(Config(
            "extensionProviders: [{ name: a, envoyExtAuthzGrpc: { service: auth/authz, port: 9000, timeout: 1s, failOpen: true, statusOnError: '503', includeRequestBodyInCheck: { maxRequestBytes: 100, allowPartialMessage: true, packAsBytes: true } } }]")).ExtensionProviders);

        Assert.Equal("authz.auth.svc.cluster.local", provider.ExtAuthz.Host);
        Assert.Equal((TimeSpan.FromSeconds(1), true, 503), (provider.ExtAuthz.Timeout, provider.ExtAuthz.FailOpen, provider.ExtAuthz.StatusOnError));
        Assert.Equal(new ExtAuthzBody(100, AllowPartialMessage: true, PackAsBytes: true), provider.ExtAuthz.Body);
    }

    [Theory]
    [InlineData("trustDomainAliases: [Old.Example]", "spec.trustDomainAliases[0]", "not a trust domain")]
    [InlineData("meshMTLS: {}", "spec.meshMTLS.minProtocolVersion", "missing")]
    [InlineData("meshMTLS: { minProtocolVersion: TLSV1_1 }", "spec.meshMTLS.minProtocolVersion", "")]
    [InlineData("meshMTLS: { minProtocolVersion: TLSV1_2, cipherSuites: [A] }", "spec.meshMTLS.cipherSuites", "not supported yet")]
    [InlineData("pathNormalization: {}", "spec.pathNormalization.normalization", "missing")]
    [InlineData("pathNormalization: { normalization: MERGE }", "spec.pathNormalization.normalization", "it is not")]
    [InlineData("defaultConfig: { gatewayTopology: { numTrustedProxies: -1 } }", "spec.defaultConfig.gatewayTopology.numTrustedProxies", "out of range")]
    [InlineData("defaultConfig: { gatewayTopology: { forwardClientCertDetails: SANITIZE } }", "spec.defaultConfig.gatewayTopology.forwardClientCertDetails", "not supported yet")]
    [InlineData("defaultConfig: { concurrency: 2 }", "spec.defaultConfig.concurrency", "unknown field")]
    [InlineData("extensionProviders: [{ name: a }]", "spec.extensionProviders[0].envoyExtAuthzGrpc", "missing")]
    [InlineData("extensionProviders: [{ name: a, envoyExtAuthzGrpc: { port: 1 } }]", "spec.extensionProviders[0].envoyExtAuthzGrpc.service", "missing")]
    [InlineData("extensionProviders: [{ name: a, envoyExtAuthzGrpc: { service: a b, port: 1 } }]", "spec.extensionProviders[0].envoyExtAuthzGrpc.service", "not a host")]
    [InlineData("extensionProviders: [{ name: a, envoyExtAuthzGrpc: { service: b } }]", "spec.extensionProviders[0].envoyExtAuthzGrpc.port", "missing")]
    [InlineData("extensionProviders: [{ name: a, envoyExtAuthzGrpc: { service: b, port: 1, statusOnError: '200' } }]", "spec.extensionProviders[0].envoyExtAuthzGrpc.statusOnError", "no status of a refusal")]
    [InlineData("extensionProviders: [{ name: a, envoyExtAuthzGrpc: { service: b, port: 1, clearRouteCache: true } }]", "spec.extensionProviders[0].envoyExtAuthzGrpc.clearRouteCache", "not supported yet")]
    [InlineData("extensionProviders: [{ name: a, envoyExtAuthzGrpc: { service: b, port: 1 } }, { name: a, envoyExtAuthzGrpc: { service: c, port: 1 } }]", "spec.extensionProviders", "have the name 'a'")]
    [InlineData("rootNamespace: x", "spec.rootNamespace", "unknown field")]
    public void Bad_settings_are_refused(string spec, string field, string problem)
    {
        var error = Invalid(Config(spec));

        Assert.Equal(field, error.Field);
        Assert.Contains(problem, error.Problem, StringComparison.Ordinal);
    }

    [Fact]
    public void It_stands_in_the_root_namespace()
        => Assert.Contains("stands in another namespace", Invalid(Document(ManifestKind.MeshConfig, "mesh", "{}")).Problem, StringComparison.Ordinal);

    [Fact]
    public void A_second_one_is_refused()
    {
        var error = Assert.Single(Read(Config("trustDomainAliases: [a]"), Config("trustDomainAliases: [b]").Replace("name: mesh", "name: other", StringComparison.Ordinal)).Errors);

        Assert.Contains("a mesh has one", error.Problem, StringComparison.Ordinal);
    }

    private static string Config(string spec) => Document(ManifestKind.MeshConfig, "mesh", spec).Replace("namespace: shop", $"namespace: {HostNames.RootNamespace}", StringComparison.Ordinal);
}
