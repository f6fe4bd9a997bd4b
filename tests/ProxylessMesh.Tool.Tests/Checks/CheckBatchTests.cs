using System.Text.Json.Nodes;
using ProxylessMesh.Tool.Checks;

namespace ProxylessMesh.Tool.Tests.Checks;

public sealed class CheckBatchTests
{
    private static async Task<JsonNode[]> AnswersAsync(string kind, params string[] lines)
    {
        using var input = new StringReader(string.Join('\n', lines));
        await using var output = new StringWriter();
        await CheckBatch.RunAsync(CheckKinds.Find(kind), input, output, TestContext.Current.CancellationToken);
        return [.. output.ToString().Split(Environment.NewLine, StringSplitOptions.RemoveEmptyEntries).Select(static line => JsonNode.Parse(line)!)];
    }

    [Fact]
    public async Task A_case_that_cannot_be_answered_does_not_stop_the_others()
    {
        var answers = await AnswersAsync(
            "path",
            """{"id": "no op", "input": "/a"}""",
            "no JSON",
            "",
            """[1]""",
            """{"id": 7, "op": "unknown", "input": "/a"}""",
            """{"id": "good", "op": "merge_slashes", "input": "/a//b", "unknown": true}""");

        Assert.Equal(5, answers.Length);
        Assert.Equal(["\"no op\"", null, null, "7", "\"good\""], answers.Select(static answer => answer["id"]?.ToJsonString()));
        Assert.All(answers[..4], static answer => Assert.NotEmpty(answer["error"]!.GetValue<string>()));
        Assert.Equal("/a/b", answers[4]["result"]!.GetValue<string>());
    }

    [Fact]
    public async Task A_manifest_is_answered_with_its_mistakes()
    {
        var answers = await AnswersAsync(
            "manifest",
            """{"id": 1, "resource": {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "shop"}}}""",
            """{"id": 2, "resource": {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "Not A Name"}}}""");

        Assert.True(answers[0]["valid"]!.GetValue<bool>());
        Assert.False(answers[1]["valid"]!.GetValue<bool>());
        Assert.Contains("Not A Name", Assert.Single(answers[1]["errors"]!.AsArray())!.GetValue<string>(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_resource_is_answered_with_what_is_wrong_with_it()
    {
        var cluster = new Envoy.Config.Cluster.V3.Cluster { Name = "orders" };

        var answers = await AnswersAsync("xds", $$"""{"id": 1, "typeUrl": "type.googleapis.com/envoy.config.cluster.v3.Cluster", "value_b64": "{{Convert.ToBase64String(Google.Protobuf.MessageExtensions.ToByteArray(cluster))}}"}""", """{"id": 2, "typeUrl": "type.googleapis.com/x.Y", "value_b64": ""}""");

        Assert.False(answers[0]["accepted"]!.GetValue<bool>());
        Assert.StartsWith("clusters[orders]", answers[0]["error"]!.GetValue<string>(), StringComparison.Ordinal);
        Assert.Contains("x.Y", answers[1]["error"]!.GetValue<string>(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_bootstrap_is_answered_with_what_is_understood()
    {
        var answers = await AnswersAsync(
            "bootstrap",
            """{"id": 1, "bootstrap": "{\"xds_servers\": [{\"server_uri\": \"mesh:1\", \"channel_creds\": [{\"type\": \"tls\"}], \"server_features\": [\"b\", \"a\"]}]}"}""",
            """{"id": 2, "bootstrap": "{}"}""");

        Assert.Equal("""{"id":1,"accepted":true,"server":"https://mesh:1/","tls":true,"features":["a","b"],"clientListenerTemplate":"%s","serverListenerTemplate":null}""", answers[0].ToJsonString());
        Assert.False(answers[1]["accepted"]!.GetValue<bool>());
    }
}
