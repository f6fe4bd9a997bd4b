using ProxylessMesh.Manifests.Kinds;
using static ProxylessMesh.Manifests.Tests.ReadManifests;

namespace ProxylessMesh.Manifests.Tests.Reading;

public sealed class PeerAuthenticationReaderTests
{
    [Theory]
    [InlineData("{}", MtlsMode.Unset)]
    [InlineData("mtls: {}", MtlsMode.Unset)]
    [InlineData("mtls: { mode: STRICT }", MtlsMode.Strict)]
    [InlineData("mtls: { mode: PERMISSIVE }", MtlsMode.Permissive)]
    [InlineData("mtls: { mode: DISABLE }", MtlsMode.Disable)]
    public void Modes_are_read(string spec, MtlsMode mode)
        => Assert.Equal(mode, Valid<PeerAuthenticationManifest>(Document(ManifestKind.PeerAuthentication, "a", spec)).Mode);

    [Fact]
    public void Ports_may_differ()
    {
        var policy = Valid<PeerAuthenticationManifest>(Document(
            ManifestKind.PeerAuthentication, "a", "selector: { matchLabels: { app: a } }\nportLevelMtls:\n  8080: { mode: STRICT }\n  \"9090\": { mode: DISABLE }"));

        Assert.Equal([KeyValuePair.Create(8080, MtlsMode.Strict), KeyValuePair.Create(9090, MtlsMode.Disable)], policy.PortLevel);
    }

    [Theory]
    [InlineData("mtls: STRICT", "spec.mtls", "a map of fields is needed")]
    [InlineData("mtls: { mode: strict }", "spec.mtls.mode", "not one of")]
    [InlineData("mtls: { modes: STRICT }", "spec.mtls.modes", "unknown field")]
    [InlineData("portLevelMtls: { 80: {} }", "spec.portLevelMtls", "without a selector")]
    [InlineData("selector: { matchLabels: { app: a } }\nportLevelMtls: {}", "spec.portLevelMtls", "names no port")]
    [InlineData("selector: { matchLabels: { app: a } }\nportLevelMtls: { 65536: {} }", "spec.portLevelMtls[\"65536\"]", "not a port")]
    public void Bad_modes_are_refused(string spec, string field, string problem)
    {
        var error = Invalid(Document(ManifestKind.PeerAuthentication, "a", spec));

        Assert.Equal(field, error.Field);
        Assert.Contains(problem, error.Problem, StringComparison.Ordinal);
    }
}
