using System.Text.Json.Nodes;
using ProxylessMesh.Manifests;
using ProxylessMesh.Tool.Output;

namespace ProxylessMesh.Tool.Tests.Output;

public sealed class YamlTextTests
{
    [Fact]
    public void Json_becomes_block_yaml()
    {
        var json = JsonNode.Parse("""{"a": 1, "b": ["x", {"c": null}], "d": {}, "e": [], "f": "true", "g": "a: b\n", "h": true, "1": "1.0"}""");

        Assert.Equal(
            """
            a: 1
            b:
              - x
              -
                c: null
            d: {}
            e: []
            f: "true"
            g: "a: b\n"
            h: true
            "1": "1.0"
            """.ReplaceLineEndings("\n"),
            YamlText.Of(json));
    }

    [Fact]
    public void What_is_written_can_be_read()
    {
        var manifest = JsonNode.Parse("""{"apiVersion": "v1", "kind": "Service", "metadata": {"name": "catalog", "namespace": "shop"}, "spec": {"ports": [{"name": "http", "port": 80, "targetPort": "http"}], "selector": {"on": "yes", "app": "a#b"}}}""");

        var reading = ManifestReader.Read(YamlText.Of(manifest), "test.yaml");

        Assert.DoesNotContain(reading.Errors, static error => !error.Field.Contains("selector", StringComparison.Ordinal));
        Assert.Equal(80, Assert.Single(ManifestReader.Read(YamlText.Of(manifest).Replace("a#b", "ab", StringComparison.Ordinal), "test.yaml").Manifests.Services).Ports[0].Port);
    }
}
