using ProxylessMesh.Manifests.Kinds;
using static ProxylessMesh.Manifests.Tests.ReadManifests;

namespace ProxylessMesh.Manifests.Tests.Reading;

public sealed class FederatedTrustDomainReaderTests
{
    private const string Bundle = """trustDomainBundle: '{"keys":[{}]}'""";

    [Fact]
    public void Endpoint_that_proves_itself_by_an_svid_is_read_with_the_bundle_to_begin_with()
    {
        var domain = Valid<FederatedTrustDomainManifest>(Spec(
            $"trustDomain: partner.test\nbundleEndpointURL: https://bundles.partner.test:8443/x\nbundleEndpointProfile: {{ type: https_spiffe, endpointSPIFFEID: 'spiffe://partner.test/spire/server' }}\n{Bundle}"));

        Assert.Equal(("partner.test", BundleEndpointProfile.HttpsSpiffe, "spiffe://partner.test/spire/server"), (domain.TrustDomain, domain.Profile, domain.EndpointSpiffeId));
        Assert.Equal(new Uri("https://bundles.partner.test:8443/x"), domain.BundleEndpointUrl);
        Assert.Equal("""{"keys":[{}]}""", domain.TrustDomainBundle);
    }

    [Fact]
    public void Web_endpoint_needs_no_bundle_and_a_bundle_no_endpoint()
    {
        Assert.Equal(BundleEndpointProfile.HttpsWeb, Valid<FederatedTrustDomainManifest>(Spec("trustDomain: a\nbundleEndpointURL: https://a.test/\nbundleEndpointProfile: { type: https_web }")).Profile);
        Assert.Null(Valid<FederatedTrustDomainManifest>(Spec($"trustDomain: a\n{Bundle}")).BundleEndpointUrl);
    }

    [Theory]
    [InlineData("trustDomain: a", "spec", "nothing says")]
    [InlineData("trustDomain: A\nbundleEndpointURL: https://a.test/\nbundleEndpointProfile: { type: https_web }", "spec.trustDomain", "no trust domain")]
    [InlineData("trustDomain: a\nbundleEndpointURL: http://a.test/\nbundleEndpointProfile: { type: https_web }", "spec.bundleEndpointURL", "no address")]
    [InlineData("trustDomain: a\nbundleEndpointURL: https://me@a.test/\nbundleEndpointProfile: { type: https_web }", "spec.bundleEndpointURL", "no address")]
    [InlineData("trustDomain: a\nbundleEndpointURL: https://a.test/", "spec.bundleEndpointProfile", "missing")]
    [InlineData("trustDomain: a\nbundleEndpointURL: https://a.test/\nbundleEndpointProfile: { type: https }", "spec.bundleEndpointProfile.type", "")]
    [InlineData("trustDomain: a\nbundleEndpointURL: https://a.test/\nbundleEndpointProfile: { type: https_web, endpointSPIFFEID: 'spiffe://a/b' }", "spec.bundleEndpointProfile.endpointSPIFFEID", "unknown field")]
    [InlineData("trustDomain: a\nbundleEndpointURL: https://a.test/\nbundleEndpointProfile: { type: https_spiffe }", "spec.bundleEndpointProfile.endpointSPIFFEID", "missing")]
    [InlineData("trustDomain: a\nbundleEndpointURL: https://a.test/\nbundleEndpointProfile: { type: https_spiffe, endpointSPIFFEID: 'spiffe://a' }", "spec.bundleEndpointProfile.endpointSPIFFEID", "no SPIFFE ID")]
    [InlineData("trustDomain: a\nbundleEndpointURL: https://a.test/\nbundleEndpointProfile: { type: https_spiffe, endpointSPIFFEID: 'spiffe://a/../b' }", "spec.bundleEndpointProfile.endpointSPIFFEID", "no SPIFFE ID")]
    [InlineData("trustDomain: a\nbundleEndpointURL: https://a.test/\nbundleEndpointProfile: { type: https_spiffe, endpointSPIFFEID: 'spiffe://a/b' }", "spec", "nothing to verify")]
    [InlineData("trustDomain: a\ntrustDomainBundle: 'x'", "spec.trustDomainBundle", "no SPIFFE bundle")]
    [InlineData("trustDomain: a\ntrustDomainBundle: '{\"keys\":[]}'", "spec.trustDomainBundle", "no SPIFFE bundle")]
    [InlineData("trustDomain: a\ntrustDomainBundle: '{\"keys\":[{}]}'\nbundleEndpointProfile: { type: https_web }", "spec.bundleEndpointProfile", "unknown field")]
    [InlineData("trustDomain: a\ntrustDomainBundle: '{\"keys\":[{}]}'\nclassName: x", "spec.className", "not supported")]
    public void Bad_trust_domain_is_refused(string spec, string field, string problem)
    {
        var error = Invalid(Spec(spec));

        Assert.Equal(field, error.Field);
        Assert.Contains(problem, error.Problem, StringComparison.Ordinal);
    }

    [Fact]
    public void Trust_domain_is_written_once_and_in_the_root_namespace()
    {
        var spec = $"trustDomain: a\n{Bundle}";
        var twice = Read(Spec(spec), Spec(spec).Replace("name: a", "name: b"));

        Assert.Contains("already", Assert.Single(twice.Errors).Problem);
        Assert.Contains("another namespace", Invalid(Document(ManifestKind.FederatedTrustDomain, "a", spec)).Problem);
    }

    private static string Spec(string spec) => Document(ManifestKind.FederatedTrustDomain, "a", spec).Replace("namespace: shop", "namespace: mesh-system");
}
