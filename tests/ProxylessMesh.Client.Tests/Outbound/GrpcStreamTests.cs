using Grpc.Core;
using Grpc.Net.Client;
using ProxylessMesh.Xds.Resources;

namespace ProxylessMesh.Client.Tests.Outbound;

public sealed class GrpcStreamTests
{
    private static readonly RetryConfig Unavailable = new() { On = RetryConditions.Unavailable, MaxRetries = 3, BaseInterval = TimeSpan.Zero };

    private static CancellationToken TestEnd => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Each_kind_of_call_carries_messages_larger_than_any_buffer()
    {
        await using var server = await EchoGrpc.StartAsync();
        await using var mesh = Mesh(new ClusterConfig { Name = "echo" }, null, server);
        using var channel = Channel(mesh);
        var invoker = channel.CreateCallInvoker();
        var large = new byte[3_000_000];
        Array.Fill(large, (byte)3);

        Assert.Equal(large, await invoker.AsyncUnaryCall(EchoGrpc.Unary, null, Options(), large));

        using var client = invoker.AsyncClientStreamingCall(EchoGrpc.ClientStream, null, Options());
        await client.RequestStream.WriteAsync(large, TestEnd);
        await client.RequestStream.WriteAsync(large, TestEnd);
        await client.RequestStream.CompleteAsync();
        Assert.Equal(6_000_000, BitConverter.ToInt32(await client));

        using var repeated = invoker.AsyncServerStreamingCall(EchoGrpc.ServerStream, null, Options(), large);
        Assert.Equal([large.Length, large.Length, large.Length], await repeated.ResponseStream.ReadAllAsync(TestEnd).Select(static message => message.Length).ToListAsync(TestEnd));

        using var duplex = invoker.AsyncDuplexStreamingCall(EchoGrpc.Duplex, null, Options());
        for (var i = 0; i < 3; i++)
        {
            await duplex.RequestStream.WriteAsync(large, TestEnd);
            Assert.True(await duplex.ResponseStream.MoveNext(TestEnd));
            Assert.Equal(large, duplex.ResponseStream.Current);
        }

        await duplex.RequestStream.CompleteAsync();
        Assert.False(await duplex.ResponseStream.MoveNext(TestEnd));
        RetryTests.AssertIdle(mesh, "echo");
    }

    [Fact]
    public async Task Calls_of_one_channel_go_to_all_endpoints()
    {
        await using var one = await EchoGrpc.StartAsync();
        await using var other = await EchoGrpc.StartAsync();
        await using var mesh = Mesh(new ClusterConfig { Name = "echo", LoadBalancer = new LoadBalancerConfig { Kind = LoadBalancerKind.RoundRobin } }, null, one, other);
        using var channel = Channel(mesh);
        for (var i = 0; i < 20; i++)
        {
            await channel.CreateCallInvoker().AsyncUnaryCall(EchoGrpc.Unary, null, Options(), [1]);
        }

        Assert.Equal((10, 10), (one.Calls, other.Calls));
    }

    [Fact]
    public async Task Stream_on_a_hedged_route_is_one_call_for_as_long_as_its_client_sends()
    {
        await using var server = await EchoGrpc.StartAsync();
        await using var mesh = TestMesh.With(Configs.Host(
            "echo", Configs.Forward("echo") with { Hedge = new HedgeConfig { MaxAttempts = 3, Delay = TimeSpan.Zero, NonFatalGrpcStatuses = [14] } }, Configs.Cluster("echo", server.Address)));
        using var channel = Channel(mesh);
        using var call = channel.CreateCallInvoker().AsyncDuplexStreamingCall(EchoGrpc.Duplex, null, Options());
        for (var i = 0; i < 20; i++)
        {
            await call.RequestStream.WriteAsync([(byte)i], TestEnd);
            Assert.True(await call.ResponseStream.MoveNext(TestEnd));
            Assert.Equal([(byte)i], call.ResponseStream.Current);
        }

        await call.RequestStream.CompleteAsync();
        Assert.False(await call.ResponseStream.MoveNext(TestEnd));
        Assert.Equal(1, server.Calls);
        RetryTests.AssertIdle(mesh, "echo");
    }

    // gRFC A6: a call is committed when headers came; a status without them is one that may be given up.
    [Theory]
    [InlineData("unary", 4)]
    [InlineData("server", 1)]
    public async Task Status_after_the_first_message_is_final(string method, int expectedCalls)
    {
        await using var server = await EchoGrpc.StartAsync();
        await using var mesh = Mesh(new ClusterConfig { Name = "echo" }, Unavailable, server);
        using var channel = Channel(mesh);
        var invoker = channel.CreateCallInvoker();

        var error = await Assert.ThrowsAsync<RpcException>(async () =>
        {
            if (method == "unary")
            {
                await invoker.AsyncUnaryCall(EchoGrpc.Unary, null, Options("status", 14), [1]);
                return;
            }

            using var call = invoker.AsyncServerStreamingCall(EchoGrpc.ServerStream, null, Options("status", 14), [3]);
            await call.ResponseStream.ReadAllAsync(TestEnd).CountAsync(TestEnd);
        });

        Assert.Equal(StatusCode.Unavailable, error.StatusCode);
        Assert.Equal(expectedCalls, server.Calls);
        RetryTests.AssertIdle(mesh, "echo");
    }

    [Theory]
    [InlineData(14, true)]
    [InlineData(13, true)]
    [InlineData(5, false)]
    public async Task Status_in_the_trailers_counts_for_outlier_detection(int status, bool isFailure)
    {
        await using var server = await EchoGrpc.StartAsync();
        var detection = new OutlierDetectionConfig { Consecutive5xx = 3, MaxEjectionPercent = 100 };
        await using var mesh = Mesh(new ClusterConfig { Name = "echo", OutlierDetection = detection }, null, server);
        using var channel = Channel(mesh);
        for (var i = 0; i < 3; i++)
        {
            using var call = channel.CreateCallInvoker().AsyncServerStreamingCall(EchoGrpc.ServerStream, null, Options("status", status), [3]);
            await Assert.ThrowsAsync<RpcException>(async () => await call.ResponseStream.ReadAllAsync(TestEnd).CountAsync(TestEnd));
        }

        Assert.Equal(isFailure, mesh.Cluster("echo").Endpoints.Single().Outlier.IsEjected);
    }

    [Theory]
    [InlineData("unary")]
    [InlineData("client")]
    [InlineData("server")]
    [InlineData("duplex")]
    public async Task Cancellation_reaches_the_server(string method)
    {
        await using var server = await EchoGrpc.StartAsync();
        await using var mesh = Mesh(new ClusterConfig { Name = "echo" }, Unavailable, server);
        using var channel = Channel(mesh);
        using var cancel = new CancellationTokenSource();
        var invoker = channel.CreateCallInvoker();
        var options = Options("silence").WithCancellationToken(cancel.Token);
        Task call = method switch
        {
            "unary" => invoker.AsyncUnaryCall(EchoGrpc.Unary, null, options, [1]).ResponseAsync,
            "client" => invoker.AsyncClientStreamingCall(EchoGrpc.ClientStream, null, options).ResponseAsync,
            "server" => invoker.AsyncServerStreamingCall(EchoGrpc.ServerStream, null, options, [2]).ResponseStream.ReadAllAsync(TestEnd).CountAsync(TestEnd).AsTask(),
            _ => invoker.AsyncDuplexStreamingCall(EchoGrpc.Duplex, null, options).ResponseStream.MoveNext(TestEnd),
        };
        while (server.Calls == 0)
        {
            await Task.Yield();
        }

        await cancel.CancelAsync();

        Assert.Equal(StatusCode.Cancelled, (await Assert.ThrowsAsync<RpcException>(() => call)).StatusCode);
        await server.Cancelled.WaitAsync(TestEnd);
        await IdleAsync(mesh);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task Deadline_ends_the_call_on_both_sides(bool isRoutes)
    {
        await using var server = await EchoGrpc.StartAsync();
        var limit = TimeSpan.FromMilliseconds(300);
        await using var mesh = new TestMesh();
        mesh.Xds.Publish(Configs.Host(
            "echo", Configs.Forward("echo") with { Retry = Unavailable, MaxStreamDuration = isRoutes ? limit : null }, Configs.Cluster("echo", server.Address)));
        using var channel = Channel(mesh);
        var options = isRoutes ? Options("silence") : Options("silence").WithDeadline(TimeProvider.System.GetUtcNow().UtcDateTime + limit);

        var error = await Assert.ThrowsAsync<RpcException>(async () => await channel.CreateCallInvoker().AsyncUnaryCall(EchoGrpc.Unary, null, options, [1]));

        Assert.Equal(StatusCode.DeadlineExceeded, error.StatusCode);
        await server.Cancelled.WaitAsync(TestEnd);
        Assert.Equal(1, server.Calls);
        await IdleAsync(mesh);
    }

    internal static GrpcChannel Channel(TestMesh mesh)
        => GrpcChannel.ForAddress("http://echo", new GrpcChannelOptions { HttpClient = mesh.Client(), MaxReceiveMessageSize = null, MaxSendMessageSize = null });

    internal static CallOptions Options(string? fault = null, int status = 0)
    {
        var headers = new Metadata();
        if (fault is not null)
        {
            headers.Add("fault", fault);
            headers.Add("status", $"{status}");
        }

        return new CallOptions(headers, cancellationToken: TestEnd);
    }

    /// <summary>Waits until nothing is counted any more: a client may hear of its own cancellation before the transport does.</summary>
    internal static async Task IdleAsync(TestMesh mesh, string host = "echo")
    {
        var members = mesh.Cluster(host).Members;
        var waited = TimeProvider.System.GetTimestamp();
        while ((members.Breaker.Active != 0 || mesh.Cluster(host).Endpoints.Any(static endpoint => endpoint.ActiveCalls != 0))
            && TimeProvider.System.GetElapsedTime(waited) < TimeSpan.FromSeconds(20))
        {
            await Task.Yield();
        }

        RetryTests.AssertIdle(mesh, host);
    }

    private static TestMesh Mesh(ClusterConfig cluster, RetryConfig? retry, params EchoGrpc[] servers)
        => TestMesh.With(Configs.Host("echo", Configs.Forward("echo") with { Retry = retry }, Configs.Cluster(cluster, [.. servers.Select(static server => server.Address)])));
}
