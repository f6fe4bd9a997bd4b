using System.Text.Json;

namespace ProxylessMesh.Client.Tests.Joining;

public sealed class XdsBootstrapTests
{
    [Fact]
    public void First_server_and_node_are_taken()
    {
        var bootstrap = XdsBootstrap.Parse("""
            {
              "xds_servers": [
                { "server_uri": "dns:///xds.internal:18000", "channel_creds": [{ "type": "google_default" }, { "type": "insecure" }], "server_features": ["xds_v3", "ignore_resource_deletion"] },
                { "server_uri": "other:1", "channel_creds": [{ "type": "tls" }] }
              ],
              "node": { "id": "n1", "cluster": "c", "locality": { "region": "r", "zone": "z" }, "metadata": { "A": ["x", 1, true, null], "B": { "C": "d" } } },
              "something_new": 1
            }
            """);

        Assert.Equal(new Uri("http://xds.internal:18000"), bootstrap.Server);
        Assert.True(bootstrap.IgnoreResourceDeletion);
        Assert.Equal("n1", bootstrap.Node.Id);
        Assert.Equal("z", bootstrap.Node.Locality.Zone);
        Assert.Equal(4, bootstrap.Node.Metadata.Fields["A"].ListValue.Values.Count);
        Assert.Equal("d", bootstrap.Node.Metadata.Fields["B"].StructValue.Fields["C"].StringValue);
    }

    [Theory]
    [InlineData("localhost:1", "tls", "https://localhost:1/")]
    [InlineData("dns:localhost:1", "insecure", "http://localhost:1/")]
    [InlineData("unix:/var/run/xds.sock", "insecure", "unix:/var/run/xds.sock")]
    public void Server_address_follows_its_credentials(string target, string credentials, string expected)
        => Assert.Equal(expected, XdsBootstrap.Parse($$"""{ "xds_servers": [{ "server_uri": "{{target}}", "channel_creds": [{ "type": "{{credentials}}" }] }] }""").Server.OriginalString.TrimEnd('/') + (target[0] == 'u' ? "" : "/"));

    [Theory]
    [InlineData("{}")]
    [InlineData("""{ "xds_servers": [] }""")]
    [InlineData("""{ "xds_servers": [{ "server_uri": "a:1", "channel_creds": [{ "type": "google_default" }] }] }""")]
    [InlineData("""{ "xds_servers": [{ "server_uri": "", "channel_creds": [{ "type": "insecure" }] }] }""")]
    public void Bootstrap_without_a_usable_server_is_refused(string json) => Assert.Throws<FormatException>(() => XdsBootstrap.Parse(json));

    [Theory]
    [InlineData("")]
    [InlineData("not json")]
    [InlineData("""{ "xds_servers": [{ "server_uri": "a:1" """)]
    public void Text_that_is_no_json_is_refused(string json) => Assert.ThrowsAny<JsonException>(() => XdsBootstrap.Parse(json));
}
