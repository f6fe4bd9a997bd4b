using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Options;
using ProxylessMesh.Spiffe;
using ProxylessMesh.TestSupport;
using ProxylessMesh.Xds.Bootstrap;

namespace ProxylessMesh.Client.Tests.Joining;

/// <summary>From <c>Mesh:Identity</c> to the source that runs, and the errors at start where that cannot be.</summary>
public sealed class MeshIdentityOptionsTests
{
    private static readonly string Roots = Path.Combine(Path.GetTempPath(), $"mesh-roots-{Guid.NewGuid():N}.pem");

    [Fact]
    public void Mesh_ca_is_the_default() => Assert.IsType<MeshCaSource>(Source([]));

    [Fact]
    public void Workload_api_is_found_at_its_address()
    {
        var source = Assert.IsType<WorkloadApiSource>(Source(new() { ["Source"] = "WorkloadApi", ["WorkloadApi:Socket"] = "unix:///run/agent.sock" }));

        Assert.Contains("unix:///run/agent.sock", source.Subject, StringComparison.Ordinal);
    }

    [Fact]
    public void Istio_ca_has_istios_own_places_as_defaults()
    {
        var source = Assert.IsType<IstioCaSource>(Source(new() { ["Source"] = "IstioCa" }));

        Assert.Contains("istiod.istio-system.svc:15012", source.Subject, StringComparison.Ordinal);
    }

    [Fact]
    public void Files_are_named_one_by_one_or_by_their_folder()
    {
        Assert.IsType<CertificateFileSource>(Source(new() { ["Source"] = "Files", ["Files:Folder"] = "/etc/certs" }));
        Assert.IsType<CertificateFileSource>(Source(new() { ["Source"] = "Files", ["Files:Certificate"] = "a", ["Files:Key"] = "b", ["Files:Roots"] = "c" }));
    }

    [Theory]
    [InlineData("Mesh:Identity:Files:Certificate is empty", "Source", "Files")]
    [InlineData("Mesh:Identity:Files:Roots is empty", "Source", "Files", "Files:Certificate", "a", "Files:Key", "b")]
    [InlineData("Keep the folder, or the three files", "Source", "Files", "Files:Folder", "a", "Files:Key", "b")]
    [InlineData("PollInterval is 00:00:00", "Source", "Files", "Files:Folder", "a", "Files:PollInterval", "00:00:00")]
    [InlineData("SPIFFE_ENDPOINT_SOCKET is set", "Source", "WorkloadApi")]
    [InlineData("has a scheme other than", "Source", "WorkloadApi", "WorkloadApi:Socket", "http://agent")]
    [InlineData("Set it to an https address", "Source", "IstioCa", "IstioCa:Address", "http://istiod:15010")]
    [InlineData("Lifetime is 00:00:01", "Source", "IstioCa", "IstioCa:Lifetime", "00:00:01")]
    [InlineData("TokenFile is empty", "Source", "IstioCa", "IstioCa:TokenFile", "")]
    [InlineData("Source is 9", "Source", "9")]
    [InlineData("Mesh:Identity:RootFile is not", "KubernetesTokenFile", "/var/run/token")]
    [InlineData("nothing uses it", "ControlPlaneTrustDomain", "mesh.local")]
    [InlineData("ControlPlaneTrustDomain is 'Mesh'", "Source", "Files", "Files:Folder", "a", "ControlPlaneTrustDomain", "Mesh")]
    [InlineData("there is no such file", "Source", "Files", "Files:Folder", "a", "RootFile", "/nobody/has/this.pem")]
    [InlineData("but a token for the mesh's own CA is set too", "Source", "Files", "Files:Folder", "a", "KubernetesTokenFile", "b")]
    public void Mistake_stops_the_start_with_key_and_cure(string expected, params string[] pairs)
    {
        Assert.Null(Environment.GetEnvironmentVariable(WorkloadApiAddress.Variable));
        var values = pairs.Chunk(2).ToDictionary(static pair => pair[0], static pair => (string?)pair[1]);

        var error = Assert.Throws<OptionsValidationException>(() => Source(values));

        Assert.Contains(error.Failures, failure => failure.Contains(expected, StringComparison.Ordinal));
    }

    [Fact]
    public void Sealing_is_for_identities_of_a_join_token_alone()
    {
        var error = Assert.Throws<OptionsValidationException>(() => Source(
            new() { ["Source"] = "Files", ["Files:Folder"] = "/etc/certs" }, new() { ["Mesh:State:SealIdentity"] = "true", ["Mesh:State:Folder"] = "/tmp" }));

        Assert.Contains("SealIdentity", Assert.Single(error.Failures), StringComparison.Ordinal);
    }

    [Fact]
    public void Roots_of_the_control_plane_are_trusted_and_name_its_trust_domain()
    {
        var ca = TestCa.Create("control.test");
        File.WriteAllText(Roots, TestPem.Of(ca.Bundle.Authorities));
        try
        {
            var values = new Dictionary<string, string?> { ["Source"] = "Files", ["Files:Folder"] = "/etc/certs", ["RootFile"] = Roots };
            var error = Assert.Throws<OptionsValidationException>(() => Source(values));
            Assert.Contains("name the trust domain", Assert.Single(error.Failures), StringComparison.Ordinal);

            values["ControlPlaneTrustDomain"] = "control.test";
            var source = Assert.IsType<CertificateFileSource>(Source(values));
            Assert.Equal("control.test", Assert.Single(source.AlsoTrusted).TrustDomain.Name);
        }
        finally
        {
            File.Delete(Roots);
        }
    }

    [Fact]
    public void File_watcher_of_a_bootstrap_is_the_source_where_there_is_no_control_plane_of_ours()
    {
        var bootstrap = XdsBootstrapReader.Parse(
            """
            {
              "xds_servers": [ { "server_uri": "127.0.0.1:1", "channel_creds": [ { "type": "insecure" } ] } ],
              "certificate_providers": {
                "roots-only": { "plugin_name": "file_watcher", "config": { "ca_certificate_file": "r" } },
                "default": { "plugin_name": "file_watcher", "config": { "certificate_file": "a", "private_key_file": "b", "ca_certificate_file": "c", "spiffe_trust_bundle_map_file": "d", "refresh_interval": "15s" } }
              }
            }
            """,
            "the test");

        var files = IdentitySourceFactory.FileWatcher(bootstrap)!;

        Assert.Equal(("a", "b", "d"), (files.CertificateFile, files.KeyFile, files.RootFile));
        Assert.Equal(TimeSpan.FromSeconds(15), files.PollInterval);
    }

    private static IdentitySource Source(Dictionary<string, string?> identity, Dictionary<string, string?>? more = null)
    {
        var builder = Host.CreateEmptyApplicationBuilder(new HostApplicationBuilderSettings { EnvironmentName = "Production" });
        builder.Configuration.AddInMemoryCollection(new Dictionary<string, string?> { ["Mesh:ControlPlane"] = "https://mesh.internal:7443" });
        builder.Configuration.AddInMemoryCollection(identity.Select(static pair => KeyValuePair.Create("Mesh:Identity:" + pair.Key, pair.Value)));
        builder.Configuration.AddInMemoryCollection(more);
        builder.AddMeshClient();
        using var provider = builder.Services.BuildServiceProvider();
        _ = provider.GetRequiredService<IOptions<MeshOptions>>().Value;
        return provider.GetRequiredService<IdentitySource>();
    }
}
