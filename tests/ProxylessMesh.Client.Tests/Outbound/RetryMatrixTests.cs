using Grpc.Core;
using Grpc.Net.Client;
using Microsoft.Extensions.Time.Testing;
using ProxylessMesh.TestSupport;
using ProxylessMesh.Xds;
using ProxylessMesh.Xds.Matching;
using ProxylessMesh.Xds.Resources;

namespace ProxylessMesh.Client.Tests.Outbound;

/// <summary>
/// Which fault of a transport is followed by a second attempt, for each method and protocol: 2 where the server sees two, 1 where it sees
/// one. Each row has two tables: under a policy that lists nothing but what was never processed, and under one that lists all.
/// </summary>
public sealed class RetryMatrixTests
{
    private static readonly TimeSpan PerTry = TimeSpan.FromSeconds(1);

    private static readonly RetryConfig Safe = new()
    {
        On = RetryConditions.ConnectFailure | RetryConditions.RefusedStream,
        MaxRetries = 1,
        PerTryTimeout = PerTry,
        BaseInterval = TimeSpan.Zero,
    };

    private static readonly RetryConfig Listed = Safe with
    {
        On = Safe.On | RetryConditions.ServerError | RetryConditions.Cancelled | RetryConditions.DeadlineExceeded | RetryConditions.Internal | RetryConditions.ResourceExhausted | RetryConditions.Unavailable,
    };

    private static CancellationToken TestEnd => TestContext.Current.CancellationToken;

    [Theory]
    //                               safe: GET HEAD PUT DELETE POST PATCH   listed
    [InlineData("Refused", "2 2 2 2 2 2", "2 2 2 2 2 2")]
    [InlineData("ResetBeforeHeaders", "2 2 2 2 1 1", "2 2 2 2 2 2")]
    [InlineData("ResetAfterHeaders", "1 1 1 1 1 1", "1 1 1 1 1 1")]
    [InlineData("Silence", "2 2 2 2 1 1", "2 2 2 2 2 2")]
    [InlineData("HalfBody", "1 1 1 1 1 1", "1 1 1 1 1 1")]
    public Task Http1(string fault, string safe, string listed) => CheckAsync(fault, safe, listed, http2: false, Http);

    [Theory]
    //                               safe: GET HEAD PUT DELETE POST PATCH   listed
    [InlineData("Refused", "2 2 2 2 2 2", "2 2 2 2 2 2")]
    [InlineData("TlsFailure", "2 2 2 2 2 2", "2 2 2 2 2 2")]
    [InlineData("GoAway", "2 2 2 2 2 2", "2 2 2 2 2 2")]
    [InlineData("RefusedStream", "2 2 2 2 2 2", "2 2 2 2 2 2")]
    [InlineData("ResetBeforeHeaders", "2 2 2 2 1 1", "2 2 2 2 2 2")]
    [InlineData("ResetAfterHeaders", "1 1 1 1 1 1", "1 1 1 1 1 1")]
    [InlineData("Silence", "2 2 2 2 1 1", "2 2 2 2 2 2")]
    [InlineData("HalfBody", "1 1 1 1 1 1", "1 1 1 1 1 1")]
    public Task Http2(string fault, string safe, string listed) => CheckAsync(fault, safe, listed, http2: true, Http);

    // Larger than the window that a server gives at first, so that the GOAWAY comes while the body is sent.
    [Fact]
    public Task Http2_with_a_body_under_way() => CheckAsync("GoAwayInBody", "2 2 2", "2 2 2", http2: true, [Method("PUT", 200_000), Method("POST", 200_000), Method("PATCH", 200_000)]);

    // SocketsHttpHandler begins again a few times itself, each time at the same endpoint; what it then gives up was not processed either.
    [Fact]
    public async Task A_POST_that_every_connection_of_an_endpoint_excludes_goes_to_another_endpoint()
    {
        await using var leaving = FaultyServer.Start(TransportFault.GoAway, http2: true, breaksAll: true);
        await using var staying = FaultyServer.Start(TransportFault.None, http2: true);
        await using var mesh = new TestMesh();
        mesh.Xds.Publish(Configs.Host("catalog", Configs.Forward("catalog") with { Retry = Safe }, Configs.Cluster(new ClusterConfig { Name = "catalog", Http2 = true }, leaving.Address, staying.Address)));
        using var http = mesh.Client();

        // In turn: one of the two calls begins at the endpoint that leaves.
        await Method("POST").Send(http, static () => { });
        await Method("POST").Send(http, static () => { });

        Assert.InRange(leaving.Requests, 1, 10);
        Assert.Equal(2, staying.Requests);
        RetryTests.AssertIdle(mesh);
    }

    // A stream whose client still sends cannot be sent again: what it sent before is gone (gRFC A6, "committed"). "-": SocketsHttpHandler
    // itself begins again with what was not processed, finds no body to send and breaks off, which a server may see or not; the call fails.
    [Theory]
    //                               safe: unary server-stream duplex       listed
    [InlineData("Refused", "2 2 2", "2 2 2")]
    [InlineData("TlsFailure", "2 2 2", "2 2 2")]
    [InlineData("GoAway", "2 2 -", "2 2 -")]
    [InlineData("RefusedStream", "2 2 -", "2 2 -")]
    [InlineData("ResetBeforeHeaders", "1 1 1", "2 2 1")]
    [InlineData("ResetAfterHeaders", "1 1 1", "1 1 1")]
    [InlineData("Silence", "1 1 1", "2 2 1")]
    [InlineData("HalfBody", "1 1 1", "1 1 1")]
    public Task Grpc(string fault, string safe, string listed) => CheckAsync(fault, safe, listed, http2: true, [Unary, ServerStream, Duplex]);

    private static (string Name, Func<HttpClient, Action, Task> Send)[] Http => [Method("GET"), Method("HEAD"), Method("PUT"), Method("DELETE"), Method("POST"), Method("PATCH")];

    private static (string Name, Func<HttpClient, Action, Task> Send) Unary => ("unary", static async (http, sawHeaders) =>
    {
        using var call = Invoker(http).AsyncUnaryCall(Describe(MethodType.Unary, "unary"), null, new CallOptions(cancellationToken: TestEnd), [1]);
        await call.ResponseHeadersAsync;
        sawHeaders();
        Assert.Empty(await call);
    }
    );

    private static (string Name, Func<HttpClient, Action, Task> Send) ServerStream => ("server-stream", static async (http, sawHeaders) =>
    {
        using var call = Invoker(http).AsyncServerStreamingCall(Describe(MethodType.ServerStreaming, "server"), null, new CallOptions(cancellationToken: TestEnd), [1]);
        await call.ResponseHeadersAsync;
        sawHeaders();
        await foreach (var message in call.ResponseStream.ReadAllAsync(TestEnd))
        {
            Assert.Empty(message);
        }
    }
    );

    private static (string Name, Func<HttpClient, Action, Task> Send) Duplex => ("duplex", static async (http, sawHeaders) =>
    {
        using var call = Invoker(http).AsyncDuplexStreamingCall(Describe(MethodType.DuplexStreaming, "duplex"), null, new CallOptions(cancellationToken: TestEnd));
        await call.RequestStream.WriteAsync([1], TestEnd);
        await call.ResponseHeadersAsync;
        sawHeaders();
        await foreach (var message in call.ResponseStream.ReadAllAsync(TestEnd))
        {
            Assert.Empty(message);
        }
    }
    );

    private static (string Name, Func<HttpClient, Action, Task> Send) Method(string method, int bodyLength = 4) => (method, async (http, sawHeaders) =>
    {
        using var request = new HttpRequestMessage(new HttpMethod(method), "http://catalog/");
        if (method is "PUT" or "POST" or "PATCH")
        {
            request.Content = new ByteArrayContent(new byte[bodyLength]);
        }

        using var response = await http.SendAsync(request, HttpCompletionOption.ResponseHeadersRead, TestEnd);
        sawHeaders();
        Assert.Equal(method == "HEAD" ? "" : "fine", await response.Content.ReadAsStringAsync(TestEnd));
    }
    );

    private static async Task CheckAsync(string fault, string safe, string listed, bool http2, (string Name, Func<HttpClient, Action, Task> Send)[] calls)
    {
        foreach (var (policy, expected) in new[] { (Safe, safe), (Listed, listed) })
        {
            var seen = new List<string>();
            foreach (var call in calls)
            {
                seen.Add(fault is "Refused" or "TlsFailure"
                    ? await AttemptsOverAsync(fault == "TlsFailure", http2, policy, call.Send)
                    : await AttemptsAsync(Enum.Parse<TransportFault>(fault), http2, policy, call.Send));
            }

            Assert.Equal(expected, string.Join(' ', seen));
        }
    }

    /// <summary>The attempts that one server sees, which breaks the first.</summary>
    private static async Task<string> AttemptsAsync(TransportFault fault, bool http2, RetryConfig policy, Func<HttpClient, Action, Task> send)
    {
        var time = new FakeTimeProvider();
        await using var server = FaultyServer.Start(fault, http2);
        await using var mesh = new TestMesh(time: time);
        mesh.Xds.Publish(Configs.Host("catalog", Configs.Forward("catalog") with { Retry = policy }, Configs.Cluster(new ClusterConfig { Name = "catalog", Http2 = http2 }, server.Address)));
        using var http = mesh.Client();

        var call = SucceedsAsync(send(http, server.SawHeaders));
        await server.Asked.WaitAsync(TestEnd);
        if (fault == TransportFault.Silence)
        {
            time.Advance(PerTry);
        }

        var succeeded = await call;
        RetryTests.AssertIdle(mesh);
        return !succeeded && fault is (TransportFault.GoAway or TransportFault.RefusedStream) ? "-" : $"{server.Requests}";
    }

    /// <summary>1 or 2: whether another endpoint saw the call after one that cannot be connected to.</summary>
    private static async Task<string> AttemptsOverAsync(bool tls, bool http2, RetryConfig policy, Func<HttpClient, Action, Task> send)
    {
        var ca = TestCa.Create();
        await using var stranger = tls ? await TestBackend.StartAsync(static http => Task.CompletedTask, new TestIdentitySource(ca.Issue("shop", "stranger"))) : null;
        await using var server = FaultyServer.Start(TransportFault.None, http2);
        await using var mesh = new TestMesh(new TestIdentitySource(ca.Issue("shop", "storefront")));
        var cluster = new ClusterConfig { Name = "catalog", Http2 = http2, Tls = tls ? new UpstreamTlsConfig { PeerNames = [StringMatcher.Exact("spiffe://mesh.local/ns/shop/sa/catalog")] } : null };
        mesh.Xds.Publish(Configs.Host("catalog", Configs.Forward("catalog") with { Retry = policy }, new ClusterState
        {
            Config = cluster,
            Endpoints = new EndpointsConfig
            {
                Name = "catalog",
                Localities =
                [
                    new LocalityConfig { Endpoints = [new EndpointConfig { Address = stranger?.Address ?? RetryTests.DeadEndpoint() }] },
                    new LocalityConfig { Priority = 1, Endpoints = [new EndpointConfig { Address = server.Address, MeshTls = false }] },
                ],
            },
        }));
        using var http = mesh.Client();

        await send(http, server.SawHeaders);

        RetryTests.AssertIdle(mesh);
        return $"{1 + server.Requests}";
    }

    private static async Task<bool> SucceedsAsync(Task call)
    {
        try
        {
            await call;
            return true;
        }
        catch (Exception e) when (e is HttpRequestException or RpcException or IOException)
        {
            return false;
        }
    }

    private static CallInvoker Invoker(HttpClient http) => GrpcChannel.ForAddress("http://catalog", new GrpcChannelOptions { HttpClient = http }).CreateCallInvoker();

    private static Method<byte[], byte[]> Describe(MethodType type, string name)
        => new(type, "test", name, Marshallers.Create<byte[]>(static bytes => bytes, static bytes => bytes), Marshallers.Create<byte[]>(static bytes => bytes, static bytes => bytes));
}
