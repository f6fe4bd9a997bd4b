using System.Net;
using System.Net.Sockets;
using System.Text;
using Microsoft.Extensions.DependencyInjection;
using ProxylessMesh.Xds;

namespace ProxylessMesh.Tests.Listening;

/// <summary>A kubelet has no identity: the listed paths are its, and nothing else is.</summary>
public sealed class ProbePathTests
{
    private const string GrpcHealth = "/grpc.health.v1.Health/Check";

    private static CancellationToken TestEnd => TestContext.Current.CancellationToken;

    [Theory]
    [InlineData("1.1")]
    [InlineData("2.0")]
    public async Task Strict_port_answers_a_listed_path_in_plaintext_and_nothing_else(string version)
    {
        await using var app = await StartAsync(Policies.Strict(Policies.Allow()));
        using var client = app.PlaintextClient(Version.Parse(version));

        Assert.Equal("from the application", await client.GetStringAsync("/healthz", TestEnd));
        Assert.Equal("from the application", await client.GetStringAsync("/healthz?verbose=1", TestEnd));
        foreach (var path in (string[])["/healthz/", "/HEALTHZ", "/healthz/../orders", "/%2Fhealthz", "/orders"])
        {
            Assert.Equal(HttpStatusCode.Forbidden, await StatusAsync(app, HttpMethod.Get, path, version));
        }

        Assert.Equal(HttpStatusCode.Forbidden, await StatusAsync(app, HttpMethod.Post, "/healthz", version));
        Assert.Equal(HttpStatusCode.Forbidden, await StatusAsync(app, HttpMethod.Post, GrpcHealth, version));
        await app.Logs.WaitForAsync("transport", TestEnd);
    }

    [Fact]
    public async Task Connection_that_asked_for_more_than_a_probe_is_closed()
    {
        await using var app = await StartAsync(Policies.Strict());
        using var socket = new Socket(SocketType.Stream, ProtocolType.Tcp);
        await socket.ConnectAsync(app.Address, TestEnd);
        await using var stream = new NetworkStream(socket);
        await stream.WriteAsync("GET /healthz HTTP/1.1\r\nHost: a\r\n\r\nGET /orders HTTP/1.1\r\nHost: a\r\n\r\nGET /healthz HTTP/1.1\r\nHost: a\r\n\r\n"u8.ToArray(), TestEnd);

        using var reader = new StreamReader(stream, Encoding.ASCII);
        var said = await reader.ReadToEndAsync(TestEnd);

        Assert.Equal(2, said.Split("HTTP/1.1 ").Length - 1);
        Assert.Contains("HTTP/1.1 403", said, StringComparison.Ordinal);
        Assert.Contains("Connection: close", said, StringComparison.Ordinal);
    }

    [Fact]
    public async Task GRPC_probe_is_answered()
    {
        await using var app = await StartAsync(Policies.Strict());
        using var client = app.PlaintextClient(HttpVersion.Version20);
        using var content = new ByteArrayContent([0, 0, 0, 0, 0]) { Headers = { ContentType = new("application/grpc") } };

        using var answer = await client.PostAsync(GrpcHealth, content, TestEnd);

        Assert.Equal("from the application", await answer.Content.ReadAsStringAsync(TestEnd));
    }

    [Fact]
    public async Task Probes_are_answered_before_there_is_a_policy_and_whatever_it_is()
    {
        await using var app = await StartAsync(policy: null);
        using var client = app.PlaintextClient();
        Assert.Equal("from the application", await client.GetStringAsync("/healthz", TestEnd));
        Assert.Equal(HttpStatusCode.ServiceUnavailable, await StatusAsync(app, HttpMethod.Get, "/orders", "1.1"));

        foreach (var policy in (InboundConfig[])[Policies.Permissive(Policies.Allow()), Policies.Disabled(Policies.Allow()), Policies.Strict(Policies.Allow())])
        {
            app.Apply(policy);
            using var next = app.PlaintextClient();
            Assert.Equal("from the application", await next.GetStringAsync("/healthz", TestEnd));
            Assert.Equal(HttpStatusCode.Forbidden, await StatusAsync(app, HttpMethod.Get, "/orders", "1.1"));
        }
    }

    private static async Task<HttpStatusCode> StatusAsync(MeshApp app, HttpMethod method, string path, string version)
    {
        using var client = app.PlaintextClient(Version.Parse(version));
        using var request = new HttpRequestMessage(method, new Uri($"http://{app.Address}{path}", new UriCreationOptions { DangerousDisablePathAndQueryCanonicalization = true }))
        {
            Version = Version.Parse(version),
            VersionPolicy = HttpVersionPolicy.RequestVersionExact,
        };
        using var answer = await client.SendAsync(request, TestEnd);
        return answer.StatusCode;
    }

    private static Task<MeshApp> StartAsync(InboundConfig? policy)
        => MeshApp.StartAsync(policy, configure: static builder => builder.Services.Configure<MeshOptions>(static mesh =>
        {
            mesh.Inbound.ProbePaths.Add("/healthz");
            mesh.Inbound.ProbePaths.Add(GrpcHealth);
        }));
}
