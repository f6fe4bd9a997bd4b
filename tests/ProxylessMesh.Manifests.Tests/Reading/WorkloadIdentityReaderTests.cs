using ProxylessMesh.Manifests.Kinds;
using static ProxylessMesh.Manifests.Tests.ReadManifests;

namespace ProxylessMesh.Manifests.Tests.Reading;

public sealed class WorkloadIdentityReaderTests
{
    [Fact]
    public void Selectors_are_read_in_the_words_of_spire()
    {
        var identity = Valid<WorkloadIdentityManifest>(Document(
            ManifestKind.WorkloadIdentity, "a", "serviceAccount: billing\nselectors: [unix:uid:01001, unix:gid:0, 'unix:path:/usr/bin/billing', systemd:id:billing.service]\nhint: internal"));

        Assert.Equal(("billing", "internal"), (identity.ServiceAccount, identity.Hint));
        Assert.Equal(
            [new(ProcessTrait.UserId, "1001"), new(ProcessTrait.GroupId, "0"), new(ProcessTrait.Path, "/usr/bin/billing"), new(ProcessTrait.SystemdUnit, "billing.service")],
            identity.Selectors);
    }

    [Theory]
    [InlineData("selectors: [unix:uid:1]", "spec.serviceAccount", "missing")]
    [InlineData("serviceAccount: a/b\nselectors: [unix:uid:1]", "spec.serviceAccount", "SPIFFE ID")]
    [InlineData("serviceAccount: '..'\nselectors: [unix:uid:1]", "spec.serviceAccount", "SPIFFE ID")]
    [InlineData("serviceAccount: a", "spec.selectors", "missing")]
    [InlineData("serviceAccount: a\nselectors: []", "spec.selectors", "every process")]
    [InlineData("serviceAccount: a\nselectors: [unix:uid:root]", "spec.selectors[0]", "selects no process")]
    [InlineData("serviceAccount: a\nselectors: [unix:uid:-1]", "spec.selectors[0]", "selects no process")]
    [InlineData("serviceAccount: a\nselectors: [unix:path:bin/x]", "spec.selectors[0]", "selects no process")]
    [InlineData("serviceAccount: a\nselectors: [k8s:ns:shop]", "spec.selectors[0]", "selects no process")]
    [InlineData("serviceAccount: a\nselectors: [unix:uid:1]\nttl: 1h", "spec.ttl", "unknown field")]
    public void Bad_identity_is_refused(string spec, string field, string problem)
    {
        var error = Invalid(Document(ManifestKind.WorkloadIdentity, "a", spec));

        Assert.Equal(field, error.Field);
        Assert.Contains(problem, error.Problem, StringComparison.Ordinal);
    }

    [Fact]
    public void Nobody_becomes_the_control_plane()
        => Assert.Contains("control plane's own", Invalid(Document(ManifestKind.WorkloadIdentity, "a", "serviceAccount: control-plane\nselectors: [unix:uid:1]").Replace("namespace: shop", "namespace: mesh-system")).Problem);
}
