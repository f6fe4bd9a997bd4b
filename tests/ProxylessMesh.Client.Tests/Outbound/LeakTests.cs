using System.Collections.Concurrent;
using System.Globalization;
using System.Net;
using Grpc.Core;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using ProxylessMesh.TestSupport;
using ProxylessMesh.Xds.Resources;

namespace ProxylessMesh.Client.Tests.Outbound;

/// <summary>Whatever becomes of calls, what is counted while they live returns to zero.</summary>
public sealed class LeakTests
{
    private const int Calls = 10_000;

    private static CancellationToken TestEnd => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Ten_thousand_mixed_calls_with_faults_leave_no_count_behind()
    {
        await using var backend = await TestBackend.StartAsync(ServeAsync, HttpProtocols.Http2);
        backend.Logs.Expect("");
        await using var grpc = await EchoGrpc.StartAsync();
        await using var mesh = new TestMesh();
        mesh.Xds.Publish(Http(backend.Address));
        mesh.Xds.Publish(Grpc(grpc.Address));
        using var http = mesh.Client();
        using var channel = GrpcStreamTests.Channel(mesh);
        var invoker = channel.CreateCallInvoker();
        var ends = new ConcurrentDictionary<string, int>();

        await Parallel.ForAsync(0, Calls, new ParallelOptions { MaxDegreeOfParallelism = 48, CancellationToken = TestEnd }, async (i, _) =>
        {
            var random = new Random(i);
            var end = random.Next(2) == 0 ? await CallHttpAsync(http, random) : await CallGrpcAsync(invoker, random);
            ends.AddOrUpdate(end, 1, static (_, count) => count + 1);
        });

        await GrpcStreamTests.IdleAsync(mesh, "echo");
        await GrpcStreamTests.IdleAsync(mesh, "catalog");
        foreach (var host in new[] { "echo", "catalog" })
        {
            Assert.Equal(0, mesh.Cluster(host).Members.HighPriorityBreaker.Active);
        }

        // Of each kind there were many, or the test shows nothing.
        Assert.All(["http 200", "http 503", "http error", "http cancelled", "http abandoned", "grpc OK", "grpc Unavailable", "grpc Cancelled", "grpc abandoned"], kind => Assert.True(ends.GetValueOrDefault(kind) > 100, $"{kind}: {string.Join(", ", ends)}"));
    }

    private static Xds.XdsConfig Http(IPEndPoint address)
    {
        var retry = new RetryConfig { On = RetryConditions.ServerError, MaxRetries = 2, BaseInterval = TimeSpan.FromMilliseconds(1) };
        var plain = Configs.Forward("catalog") with { Retry = retry, Timeout = TimeSpan.FromSeconds(20) };
        var hedged = plain with { Hedge = new HedgeConfig { MaxAttempts = 3, Delay = TimeSpan.FromMilliseconds(1) } };
        var cluster = new ClusterConfig { Name = "catalog", Http2 = true, CircuitBreaker = new CircuitBreakerConfig { MaxRequests = 60 }, OutlierDetection = new OutlierDetectionConfig { Consecutive5xx = 50, MaxEjectionPercent = 100 } };
        return Configs.Host("catalog", [Configs.Route(hedged, "/hedged"), Configs.Route(plain)], Configs.Cluster(cluster, address, RetryTests.DeadEndpoint()));
    }

    private static Xds.XdsConfig Grpc(IPEndPoint address)
    {
        var retry = new RetryConfig { On = RetryConditions.Unavailable, MaxRetries = 1, BaseInterval = TimeSpan.FromMilliseconds(1) };
        var plain = Configs.Forward("echo") with { Retry = retry, MaxStreamDuration = TimeSpan.FromSeconds(20) };
        var hedged = plain with { Retry = null, Hedge = new HedgeConfig { MaxAttempts = 2, Delay = TimeSpan.Zero, NonFatalGrpcStatuses = [14] } };
        return Configs.Host("echo", [Configs.Route(hedged, "/echo/unary"), Configs.Route(plain)], Configs.Cluster("echo", address));
    }

    private static async Task<string> CallHttpAsync(HttpClient client, Random random)
    {
        using var cancel = new CancellationTokenSource();
        var path = random.Next(6) switch { 0 => "error", 1 => "reset", 2 => "half", 3 => "wait", 4 => "large", _ => "fine" };
        using var request = new HttpRequestMessage(random.Next(2) == 0 ? HttpMethod.Get : HttpMethod.Post, $"http://catalog/{(random.Next(3) == 0 ? "hedged/" : "")}{path}");
        request.Content = random.Next(3) switch { 0 => new StringContent("body"), 1 => new StreamContent(new MemoryStream(new byte[random.Next(2) == 0 ? 10_000 : 80_000])), _ => null };
        try
        {
            var call = client.SendAsync(request, HttpCompletionOption.ResponseHeadersRead, cancel.Token);
            if (path == "wait")
            {
                await Task.Yield();
                await cancel.CancelAsync();
            }

            using var response = await call;
            if (random.Next(4) == 0 && path == "large")
            {
                return "http abandoned";
            }

            await response.Content.CopyToAsync(Stream.Null, cancel.Token);
            return $"http {(int)response.StatusCode}";
        }
        catch (OperationCanceledException)
        {
            return "http cancelled";
        }
        catch (Exception e) when (e is HttpRequestException or IOException)
        {
            return "http error";
        }
    }

    private static async Task<string> CallGrpcAsync(CallInvoker invoker, Random random)
    {
        using var cancel = new CancellationTokenSource();
        var fault = random.Next(5) switch { 0 => "status", 1 => "reset", 2 => "silence", _ => null };
        var options = GrpcStreamTests.Options(fault, 14).WithCancellationToken(cancel.Token);
        try
        {
            switch (random.Next(4))
            {
                case 0:
                    using (var call = invoker.AsyncUnaryCall(EchoGrpc.Unary, null, options, [1]))
                    {
                        await StopAsync(fault, cancel);
                        await call;
                    }

                    break;
                case 1:
                    using (var call = invoker.AsyncClientStreamingCall(EchoGrpc.ClientStream, null, options))
                    {
                        await StopAsync(fault, cancel);
                        await call.RequestStream.WriteAsync([1], cancel.Token);
                        await call.RequestStream.CompleteAsync();
                        await call;
                    }

                    break;
                case 2:
                    using (var call = invoker.AsyncServerStreamingCall(EchoGrpc.ServerStream, null, options, [20]))
                    {
                        await StopAsync(fault, cancel);
                        await call.ResponseStream.MoveNext(cancel.Token);
                        if (random.Next(2) == 0)
                        {
                            return "grpc abandoned";
                        }

                        await call.ResponseStream.ReadAllAsync(cancel.Token).CountAsync(cancel.Token);
                    }

                    break;
                default:
                    using (var call = invoker.AsyncDuplexStreamingCall(EchoGrpc.Duplex, null, options))
                    {
                        await StopAsync(fault, cancel);
                        await call.RequestStream.WriteAsync([1], cancel.Token);
                        await call.ResponseStream.MoveNext(cancel.Token);
                        if (random.Next(2) == 0)
                        {
                            return "grpc abandoned";
                        }

                        await call.RequestStream.CompleteAsync();
                        await call.ResponseStream.MoveNext(cancel.Token);
                    }

                    break;
            }

            return "grpc OK";
        }
        catch (RpcException e)
        {
            return $"grpc {e.StatusCode}";
        }
        catch (Exception e) when (e is OperationCanceledException or InvalidOperationException or IOException)
        {
            // A write to a call that has just ended.
            return "grpc Cancelled";
        }
    }

    // A silent server is waited for no longer than it takes to have sent the call.
    private static async Task StopAsync(string? fault, CancellationTokenSource cancel)
    {
        if (fault == "silence")
        {
            await Task.Yield();
            await cancel.CancelAsync();
        }
    }

    private static async Task ServeAsync(HttpContext http)
    {
        switch (http.Request.Path.Value!.Split('/')[^1])
        {
            case "error":
                http.Response.StatusCode = 503;
                return;
            case "reset":
                http.Abort();
                return;
            case "half":
                await http.Response.WriteAsync("half");
                await http.Response.Body.FlushAsync();
                http.Abort();
                return;
            case "wait":
                await Task.Delay(Timeout.InfiniteTimeSpan, TimeProvider.System, http.RequestAborted).ContinueWith(static _ => { }, TaskScheduler.Default);
                return;
            case "large":
                await http.Response.Body.WriteAsync(new byte[80_000]);
                return;
            default:
                await http.Response.WriteAsync(http.Request.Method.Length.ToString(CultureInfo.InvariantCulture));
                return;
        }
    }
}
