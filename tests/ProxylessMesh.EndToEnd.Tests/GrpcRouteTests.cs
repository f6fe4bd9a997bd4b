using Grpc.Core;
using Grpc.Net.Client;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;

namespace ProxylessMesh.EndToEnd.Tests;

/// <summary>gRPC calls by the routes that are written for them, from the manifest to the method that answers.</summary>
public sealed class GrpcRouteTests
{
    private static CancellationToken TestEnd => TestContext.Current.CancellationToken;

    [Fact(Timeout = TestMesh.TimeLimit)]
    public async Task Methods_and_metadata_choose_the_service_and_what_nothing_matches_is_unavailable()
    {
        await using var mesh = await TestMesh.StartAsync();
        await mesh.WriteManifestAsync("route.yaml", """
            apiVersion: gateway.networking.k8s.io/v1
            kind: GRPCRoute
            metadata: { name: server, namespace: test }
            spec:
              parentRefs: [{ group: "", kind: Service, name: server }]
              rules:
                - matches: [{ method: { service: shop.v1.Pricing, method: Quote } }]
                  backendRefs: [{ name: server, port: 80 }]
                - matches: [{ method: { service: shop.v1.Pricing }, headers: [{ name: x-beta, value: "yes" }] }]
                  backendRefs: [{ name: other, port: 80 }]
            """);
        await mesh.StartServerAsync("server", Answering("server"));
        await mesh.StartServerAsync("other", Answering("other"));
        using var channel = await ConnectAsync(mesh);
        await Eventually.TrueAsync(async () => await TryAsync(channel, "Quote") is (StatusCode.OK, "server"), TestEnd);
        await Eventually.TrueAsync(async () => await TryAsync(channel, "History", ("x-beta", "yes")) is (StatusCode.OK, "other"), TestEnd);

        Assert.Equal((StatusCode.OK, "server"), await TryAsync(channel, "Quote", ("x-beta", "yes")));
        // gRFC A28, "Route matching".
        Assert.Equal(StatusCode.Unavailable, (await TryAsync(channel, "History")).Status);
    }

    [Fact(Timeout = TestMesh.TimeLimit)]
    public async Task A_status_that_the_route_retries_is_absorbed_and_another_is_the_callers()
    {
        var calls = 0;
        await using var mesh = await TestMesh.StartAsync();
        await mesh.WriteManifestAsync("route.yaml", """
            apiVersion: networking.istio.io/v1
            kind: VirtualService
            metadata: { name: server, namespace: test }
            spec: { hosts: [server], http: [{ retries: { attempts: 2, retryOn: unavailable }, route: [{ destination: { host: server } }] }] }
            """);
        await mesh.StartServerAsync("server", app => app.MapPost("/shop.v1.Pricing/{method}", (string method, HttpContext http) =>
        {
            var failing = Interlocked.Increment(ref calls) % 2 == 1;
            return method switch
            {
                "Shaky" when failing => AnswerAsync(http, StatusCode.Unavailable, null),
                "Broken" => AnswerAsync(http, StatusCode.Internal, null),
                _ => AnswerAsync(http, StatusCode.OK, method),
            };
        }));
        using var channel = await ConnectAsync(mesh);
        await Eventually.TrueAsync(async () => await TryAsync(channel, "Ready") is (StatusCode.OK, _), TestEnd);

        // Every other call fails, so each answer is a second attempt's.
        calls = 0;
        for (var i = 0; i < 10; i++)
        {
            Assert.Equal((StatusCode.OK, "Shaky"), await TryAsync(channel, "Shaky"));
        }

        Assert.Equal(20, calls);
        Assert.Equal(StatusCode.Internal, (await TryAsync(channel, "Broken")).Status);
        Assert.Equal(21, calls);
    }

    [Fact(Timeout = TestMesh.TimeLimit)]
    public async Task A_deadline_reaches_the_second_hop()
    {
        await using var mesh = await TestMesh.StartAsync();
        await mesh.StartServerAsync("server", static app => app.MapPost("/shop.v1.Pricing/{method}", static http => AnswerAsync(http, StatusCode.OK, http.Request.Headers["grpc-timeout"].ToString())));
        await mesh.StartServerAsync(
            "front",
            static app => app.MapPost("/shop.v1.Pricing/{method}", static async http =>
            {
                using var channel = Connect(http.RequestServices, "http://server");
                var (status, answer) = await TryAsync(channel, "Deadline");
                await AnswerAsync(http, status, answer);
            }));
        using var channel = await ConnectAsync(mesh, "http://front");
        await Eventually.TrueAsync(async () => await TryAsync(channel, "Ready") is (StatusCode.OK, _), TestEnd);

        // The front sets no deadline of its own, and its caller gave it less than a minute.
        using var limited = CallInvoker(channel, "Limited", new CallOptions(deadline: TimeProvider.System.GetUtcNow().UtcDateTime.AddMinutes(1), cancellationToken: TestEnd));
        var timeout = System.Text.Encoding.UTF8.GetString(await limited.ResponseAsync);

        Assert.Matches("^[0-9]{1,8}[munS]$", timeout);
        using var unlimited = CallInvoker(channel, "Unlimited", new CallOptions(cancellationToken: TestEnd));
        Assert.Empty(await unlimited.ResponseAsync);
    }

    private static async Task<GrpcChannel> ConnectAsync(TestMesh mesh, string address = "xds:///server") => Connect((await mesh.StartClientAsync()).Services, address);

    private static GrpcChannel Connect(IServiceProvider services, string address)
        => services.CreateMeshChannel(address);

    private static async Task<(StatusCode Status, string Answer)> TryAsync(GrpcChannel channel, string method, params (string Key, string Value)[] metadata)
    {
        var headers = new Metadata();
        foreach (var (key, value) in metadata)
        {
            headers.Add(key, value);
        }

        using var call = CallInvoker(channel, method, new CallOptions(headers, cancellationToken: TestEnd));
        try
        {
            return (StatusCode.OK, System.Text.Encoding.UTF8.GetString(await call.ResponseAsync));
        }
        catch (RpcException e)
        {
            return (e.StatusCode, e.Status.Detail);
        }
    }

    private static AsyncUnaryCall<byte[]> CallInvoker(GrpcChannel channel, string method, CallOptions options)
    {
        var bytes = Marshallers.Create(static (byte[] message) => message, static message => message);
        return channel.CreateCallInvoker().AsyncUnaryCall(new Method<byte[], byte[]>(MethodType.Unary, "shop.v1.Pricing", method, bytes, bytes), null, options, []);
    }

    private static Action<WebApplication> Answering(string name)
        => app => app.MapPost("/shop.v1.Pricing/{method}", http => AnswerAsync(http, StatusCode.OK, name));

    // gRPC over HTTP/2 by hand: one message, or trailers only.
    private static async Task AnswerAsync(HttpContext http, StatusCode status, string? message)
    {
        await http.Request.Body.CopyToAsync(Stream.Null, http.RequestAborted);
        http.Response.ContentType = "application/grpc";
        if (message is null)
        {
            http.Response.Headers["grpc-status"] = ((int)status).ToString(System.Globalization.CultureInfo.InvariantCulture);
            return;
        }

        var content = System.Text.Encoding.UTF8.GetBytes(message);
        var frame = new byte[5 + content.Length];
        System.Buffers.Binary.BinaryPrimitives.WriteInt32BigEndian(frame.AsSpan(1), content.Length);
        content.CopyTo(frame, 5);
        await http.Response.Body.WriteAsync(frame, http.RequestAborted);
        http.Response.AppendTrailer("grpc-status", ((int)status).ToString(System.Globalization.CultureInfo.InvariantCulture));
    }
}
