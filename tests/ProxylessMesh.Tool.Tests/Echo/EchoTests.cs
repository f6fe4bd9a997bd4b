using ProxylessMesh.Tool.Calls;
using ProxylessMesh.Tool.Echo;
using ProxylessMesh.Tool.Tests.Live;

namespace ProxylessMesh.Tool.Tests.Echo;

/// <summary>An echo workload and a caller of a mesh: what one sends, the other tells.</summary>
public sealed class EchoTests
{
    private const int TimeLimit = 90_000;

    private static CallRequest Get(string url) => new() { Method = HttpMethod.Get, Url = new Uri(url) };

    [Fact(Timeout = TimeLimit)]
    public async Task A_call_is_told_as_it_came_with_the_decision_about_it()
    {
        await using var mesh = await LiveMesh.StartAsync();
        await mesh.StartEchoAsync("echo", "v1", "shop", new EchoPort("http", 0), new EchoPort("grpc", 0));
        await using var caller = await mesh.StartCallerAsync("web", "", "shop");

        var answer = await caller.SendAsync(Get("http://echo/a%2Fb?x=1&x=2") with { Method = HttpMethod.Put, Headers = [new("X-Name", "value")], Body = "text" });
        var grpc = await caller.SendAsync(Get("http://echo/any.Service/Method") with { IsGrpc = true, Body = "message" });

        Assert.Equal((200, 1), (answer.Status, answer.Decision!.Attempts));
        Assert.Equal(("echo", "shop", "v1"), (answer.AnsweredBy!.Service, answer.AnsweredBy.Namespace, answer.AnsweredBy.Version));
        Assert.Equal(["HTTP/2", "PUT", "echo", "/a%2Fb?x=1&x=2", "spiffe://mesh.local/ns/shop/sa/web", "text"], Told(answer, "protocol", "method", "host", "path", "peer", "body"));
        Assert.Equal("value", (string?)answer.Seen!["headers"]!["x-name"]);
        Assert.Equal("outbound|80||echo.shop.svc.cluster.local", answer.Decision.Cluster);
        Assert.Equal((200, 0), (grpc.Status, grpc.GrpcStatus));
        Assert.Equal(["gRPC", "/any.Service/Method", "message"], Told(grpc, "protocol", "path", "body"));
    }

    [Fact(Timeout = TimeLimit)]
    public async Task A_call_that_no_route_takes_has_the_status_of_a_proxy_and_the_reason_of_the_data_plane()
    {
        await using var mesh = await LiveMesh.StartAsync();
        await mesh.ApplyCaseAsync([System.Text.Json.JsonDocument.Parse("""
            { "apiVersion": "networking.istio.io/v1", "kind": "VirtualService", "metadata": { "name": "echo", "namespace": "shop" },
              "spec": { "hosts": ["echo"], "http": [{ "match": [{ "uri": { "exact": "/only" } }], "route": [{ "destination": { "host": "echo" } }] }] } }
            """).RootElement]);
        await using var caller = await mesh.StartCallerAsync("web", "", "shop");

        var unrouted = await caller.SendAsync(Get("http://echo/other"));
        var unserved = await caller.SendAsync(Get("http://echo/only"));

        Assert.Equal((404, nameof(MeshError.NoRoute)), (unrouted.Status, unrouted.MeshError));
        Assert.Equal((503, nameof(MeshError.NoHealthyEndpoint)), (unserved.Status, unserved.MeshError));
        Assert.False(unrouted.IsSuccess);
    }

    [Theory]
    [InlineData("grpc:7070", true, "grpc", 7070)]
    [InlineData("8080", true, "http", 8080)]
    [InlineData("8080", false, "http-8080", 8080)]
    [InlineData("http:0", true, "http", 0)]
    public void A_port_is_a_name_and_a_number(string text, bool isFirst, string name, int number)
        => Assert.Equal(new EchoPort(name, number), EchoServer.ParsePort(text, isFirst));

    [Theory]
    [InlineData("http")]
    [InlineData(":80")]
    [InlineData("http:70000")]
    [InlineData("http:-1")]
    public void What_is_no_port_is_refused(string text) => Assert.Throws<FormatException>(() => EchoServer.ParsePort(text, isFirst: true));

    private static IEnumerable<string?> Told(CallResult result, params string[] fields) => fields.Select(field => (string?)result.Seen![field]);
}
