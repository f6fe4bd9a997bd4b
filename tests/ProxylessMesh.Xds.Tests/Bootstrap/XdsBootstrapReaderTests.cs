using ProxylessMesh.Xds.Bootstrap;

namespace ProxylessMesh.Xds.Tests.Bootstrap;

public class XdsBootstrapReaderTests
{
    private const string Servers = """ "xds_servers": [{ "server_uri": "xds.example:443", "channel_creds": [{ "type": "insecure" }] }] """;

    [Fact]
    public void Whole_bootstrap_is_read()
    {
        var bootstrap = Parse("""
            {
              "xds_servers": [
                { "server_uri": "xds.example:443", "channel_creds": [{ "type": "unheard_of" }, { "type": "tls", "config": { "ca_certificate_file": "/ca.pem" } }],
                  "server_features": ["xds_v3", "ignore_resource_deletion"] },
                { "server_uri": "unix:///run/xds.sock", "channel_creds": [{ "type": "insecure" }] }
              ],
              "node": { "id": "me", "cluster": "c", "locality": { "zone": "z" }, "metadata": { "NAMESPACE": "shop", "n": [1, true, null] } },
              "certificate_providers": { "default": { "plugin_name": "file_watcher", "config": { "certificate_file": "a", "private_key_file": "b", "refresh_interval": "1.5s" } },
                                         "other": { "plugin_name": "unheard_of", "config": {} } },
              "client_default_listener_resource_name_template": "x/%s",
              "server_listener_resource_name_template": "grpc/server?xds.resource.listening_address=%s",
              "something_new": 1
            }
            """);

        Assert.Equal(new Uri("https://xds.example:443"), bootstrap.Servers[0].Address);
        Assert.Equal("/ca.pem", bootstrap.Servers[0].Tls!.CaCertificateFile);
        Assert.Equal("/run/xds.sock", bootstrap.Servers[1].Address.LocalPath);
        Assert.Equal(("me", "c", "z", "shop"), (bootstrap.Node.Id, bootstrap.Node.Cluster, bootstrap.Node.Locality.Zone, bootstrap.Node.Metadata.Fields["NAMESPACE"].StringValue));
        Assert.Equal(TimeSpan.FromSeconds(1.5), Assert.Single(bootstrap.CertificateProviders).Value.RefreshInterval);
        Assert.Equal(("x/%s", "grpc/server?xds.resource.listening_address=%s"), (bootstrap.ClientListenerTemplate, bootstrap.ServerListenerTemplate));
        Assert.True(bootstrap.ToClientOptions().IgnoreResourceDeletion);
    }

    [Fact]
    public void Google_default_is_tls_with_the_systems_roots_and_a_token()
    {
        var server = Parse("""{ "xds_servers": [{ "server_uri": "td.googleapis.com:443", "channel_creds": [{ "type": "google_default" }, { "type": "insecure" }] }] }""").Servers[0];

        Assert.Equal((new Uri("https://td.googleapis.com:443"), new XdsServerTls { UsesGoogleDefault = true }), (server.Address, server.Tls));
        Assert.IsType<GoogleDefaultHandler>(XdsServerHandler.Create(server));
    }

    [Theory]
    [InlineData("", "is not JSON")]
    [InlineData("[1]", "the root must be an object")]
    [InlineData("{}", "xds_servers is missing or empty")]
    [InlineData("""{ "xds_servers": 3 }""", "xds_servers must be a list")]
    [InlineData("""{ "xds_servers": [{ "server_uri": "a:1" }] }""", "xds_servers[0].channel_creds has none of the known types")]
    [InlineData("""{ "xds_servers": [{ "channel_creds": [{ "type": "insecure" }] }] }""", "xds_servers[0].server_uri is missing")]
    [InlineData("""{ "xds_servers": [{ "server_uri": "http://a/b", "channel_creds": [{ "type": "insecure" }] }] }""", "xds_servers[0].server_uri is 'http://a/b'")]
    [InlineData("{" + Servers + """, "node": "me" }""", "node must be an object")]
    [InlineData("{" + Servers + """, "client_default_listener_resource_name_template": 5 }""", "client_default_listener_resource_name_template must be text")]
    [InlineData("{" + Servers + """, "certificate_providers": { "d": { "plugin_name": "file_watcher", "config": { "certificate_file": "a" } } } }""", "certificate_providers[d].config.certificate_file and private_key_file")]
    [InlineData("{" + Servers + """, "certificate_providers": { "d": { "plugin_name": "file_watcher", "config": { "ca_certificate_file": "a", "refresh_interval": "soon" } } } }""", "refresh_interval is 'soon'")]
    [InlineData("{" + Servers + """, "authorities": { "a.com": { "client_listener_resource_name_template": "some/%s" } } }""", "authorities[a.com].client_listener_resource_name_template is 'some/%s'")]
    public void Mistake_is_told_with_its_field(string json, string expected)
    {
        var error = Assert.Throws<FormatException>(() => Parse(json));

        Assert.Contains(expected, error.Message, StringComparison.Ordinal);
        Assert.Contains("the test", error.Message, StringComparison.Ordinal);
    }

    private static XdsBootstrap Parse(string json) => XdsBootstrapReader.Parse(json, "the test");
}
