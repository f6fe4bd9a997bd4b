using System.Net;
using System.Net.Sockets;
using Microsoft.AspNetCore.Http;
using ProxylessMesh.Client.Resilience;
using ProxylessMesh.TestSupport;
using ProxylessMesh.Xds.Resources;

namespace ProxylessMesh.Client.Tests.Outbound;

public sealed class RetryTests
{
    private static CancellationToken TestEnd => TestContext.Current.CancellationToken;

    [Theory]
    [InlineData("GET")]
    [InlineData("POST")]
    [InlineData("PUT")]
    public async Task Call_that_could_not_connect_goes_to_another_endpoint_whatever_its_method(string method)
    {
        await using var backend = await TestBackend.StartAsync(Echo);
        await using var mesh = TestMesh.With(Configs.Host("catalog", DeadEndpoint(), backend.Address));
        using var client = mesh.Client();

        for (var i = 0; i < 4; i++)
        {
            using var request = new HttpRequestMessage(new HttpMethod(method), "http://catalog/") { Content = new StringContent("body") };
            using var response = await client.SendAsync(request, TestEnd);
            Assert.Equal("body", await response.Content.ReadAsStringAsync(TestEnd));
        }

        AssertIdle(mesh);
    }

    [Theory]
    [InlineData("GET", true)]
    [InlineData("PUT", true)]
    [InlineData("DELETE", true)]
    [InlineData("POST", false)]
    [InlineData("PATCH", false)]
    public async Task Call_whose_connection_broke_is_repeated_only_where_that_is_safe(string method, bool isRetried)
    {
        var calls = 0;
        await using var backend = await TestBackend.StartAsync(http =>
        {
            if (Interlocked.Increment(ref calls) == 1)
            {
                http.Abort();
            }

            return Task.CompletedTask;
        });
        await using var mesh = TestMesh.With(Configs.Host("catalog", backend.Address));
        using var client = mesh.Client();
        using var request = new HttpRequestMessage(new HttpMethod(method), "http://catalog/");

        var answer = client.SendAsync(request, TestEnd);

        if (isRetried)
        {
            Assert.Equal(HttpStatusCode.OK, (await answer).StatusCode);
        }
        else
        {
            var error = await Assert.ThrowsAsync<MeshException>(() => answer);
            Assert.Equal(MeshError.ExchangeFailed, error.Error);
        }

        Assert.Equal(isRetried ? 2 : 1, calls);
        AssertIdle(mesh);
    }

    [Theory]
    [InlineData(503, "None", 1)]
    [InlineData(503, "ServerError", 3)]
    [InlineData(500, "ServerError", 3)]
    [InlineData(500, "GatewayError", 1)]
    [InlineData(502, "GatewayError", 3)]
    [InlineData(409, "Retriable4xx", 3)]
    [InlineData(418, "RetriableStatusCodes", 3)]
    [InlineData(404, "ServerError, Retriable4xx", 1)]
    public async Task Answer_is_given_up_only_where_the_policy_says_so(int status, string on, int expectedCalls)
    {
        var calls = 0;
        await using var backend = await TestBackend.StartAsync(http =>
        {
            Interlocked.Increment(ref calls);
            http.Response.StatusCode = status;
            return http.Response.WriteAsync("sorry");
        });
        var retry = new RetryConfig { On = Enum.Parse<RetryConditions>(on), MaxRetries = 2, StatusCodes = [418], BaseInterval = TimeSpan.FromMilliseconds(1), MaxInterval = TimeSpan.FromMilliseconds(2) };
        await using var mesh = TestMesh.With(Configs.Host("catalog", Configs.Forward("catalog") with { Retry = retry }, Configs.Cluster("catalog", backend.Address)));
        using var client = mesh.Client();

        using var response = await client.PostAsync(new Uri("http://catalog/"), new StringContent("x"), TestEnd);

        Assert.Equal(status, (int)response.StatusCode);
        Assert.Equal("sorry", await response.Content.ReadAsStringAsync(TestEnd));
        Assert.Equal(expectedCalls, calls);
        AssertIdle(mesh);
    }

    [Fact]
    public async Task Retry_goes_to_an_endpoint_that_was_not_tried_and_is_stamped()
    {
        var seen = new List<string>();
        await using var first = await TestBackend.StartAsync(http => Refuse(http, "first", seen));
        await using var second = await TestBackend.StartAsync(http => Refuse(http, "second", seen));
        var retry = new RetryConfig { On = RetryConditions.ServerError, MaxRetries = 1 };
        await using var mesh = TestMesh.With(Configs.Host("catalog", Configs.Forward("catalog") with { Retry = retry }, Configs.Cluster("catalog", first.Address, second.Address)));
        using var client = mesh.Client();
        using var request = new HttpRequestMessage(HttpMethod.Get, "http://catalog/");

        using var response = await client.SendAsync(request, TestEnd);

        Assert.Equal(["first", "second"], seen.Select(static line => line.Split(' ')[0]).Order());
        Assert.Equal(["", "2"], seen.Select(static line => line.Split(' ')[1]));
        Assert.False(request.Headers.Contains("x-envoy-attempt-count"));
    }

    [Theory]
    [InlineData(1000, 2)]
    [InlineData(100_000, 1)]
    public async Task Body_of_a_stream_is_sent_again_whole_or_not_at_all(int bytes, int expectedCalls)
    {
        var lengths = new List<long>();
        await using var backend = await TestBackend.StartAsync(async http =>
        {
            using var body = new MemoryStream();
            await http.Request.Body.CopyToAsync(body, http.RequestAborted);
            lengths.Add(body.Length);
            http.Response.StatusCode = lengths.Count == 1 ? 503 : 200;
        });
        var retry = new RetryConfig { On = RetryConditions.ServerError, MaxRetries = 3 };
        await using var mesh = TestMesh.With(Configs.Host("catalog", Configs.Forward("catalog") with { Retry = retry }, Configs.Cluster("catalog", backend.Address)));
        using var client = mesh.Client();

        using var response = await client.PostAsync(new Uri("http://catalog/"), new StreamContent(new MemoryStream(new byte[bytes])), TestEnd);

        Assert.Equal(expectedCalls, lengths.Count);
        Assert.All(lengths, length => Assert.Equal(bytes, length));
        AssertIdle(mesh);
    }

    [Fact]
    public async Task All_endpoints_dead_is_told_with_what_was_tried()
    {
        await using var mesh = TestMesh.With(Configs.Host("catalog", DeadEndpoint(), DeadEndpoint()));
        using var client = mesh.Client();

        var error = await Assert.ThrowsAsync<MeshException>(() => client.GetAsync(new Uri("http://catalog/"), TestEnd));

        Assert.Equal(MeshError.ConnectionFailed, error.Error);
        Assert.Equal(HttpRequestError.ConnectionError, error.HttpRequestError);
        Assert.Contains("3 attempt(s)", error.Message, StringComparison.Ordinal);
        AssertIdle(mesh);
    }

    [Fact]
    public async Task Endpoint_that_does_not_connect_is_left_out_at_once()
    {
        var dead = DeadEndpoint();
        await using var backend = await TestBackend.StartAsync(Echo);
        var cluster = new ClusterConfig { Name = "catalog", LoadBalancer = new LoadBalancerConfig { Kind = LoadBalancerKind.LeastRequest } };
        await using var mesh = TestMesh.With(Configs.Host("catalog", Configs.Forward("catalog"), Configs.Cluster(cluster, dead, backend.Address)));
        using var client = mesh.Client();
        for (var i = 0; i < 20; i++)
        {
            using var response = await client.GetAsync(new Uri("http://catalog/"), TestEnd);
        }

        var picks = Enumerable.Range(0, 100).Select(_ => mesh.Cluster("catalog").Pick()!.Address).Distinct();

        Assert.Equal(backend.Address, Assert.Single(picks));
    }

    [Fact]
    public async Task Call_made_while_serving_a_retry_is_left_to_whoever_retries()
    {
        var calls = 0;
        await using var backend = await TestBackend.StartAsync(http =>
        {
            calls++;
            http.Response.StatusCode = 503;
            return Task.CompletedTask;
        });
        var retry = new RetryConfig { On = RetryConditions.ServerError, MaxRetries = 2, BaseInterval = TimeSpan.Zero };
        await using var mesh = TestMesh.With(Configs.Host("catalog", Configs.Forward("catalog") with { Retry = retry }, Configs.Cluster("catalog", backend.Address)));
        using var client = mesh.Client();

        ServedCall.IsRetry = true;
        using var served = await client.GetAsync(new Uri("http://catalog/"), TestEnd);
        Assert.Equal(1, calls);

        ServedCall.IsRetry = false;
        using var own = await client.GetAsync(new Uri("http://catalog/"), TestEnd);
        Assert.Equal(4, calls);
    }

    [Fact]
    public async Task Call_that_was_not_processed_is_repeated_where_nobody_asked_for_retries()
    {
        await using var backend = await TestBackend.StartAsync(Echo);
        var none = new RetryConfig { On = RetryConditions.None };
        await using var mesh = TestMesh.With(Configs.Host("catalog", Configs.Forward("catalog") with { Retry = none }, Configs.Cluster("catalog", DeadEndpoint(), backend.Address)));
        using var client = mesh.Client();
        ServedCall.IsRetry = true;

        for (var i = 0; i < 4; i++)
        {
            using var response = await client.PostAsync(new Uri("http://catalog/"), new StringContent("body"), TestEnd);
            Assert.Equal("body", await response.Content.ReadAsStringAsync(TestEnd));
        }
    }

    [Theory]
    [InlineData("60000", 1)]
    [InlineData("20", 2)]
    [InlineData("-1", 1)]
    public async Task Answer_that_asks_for_more_patience_than_there_is_time_is_handed_on(string pushback, int expectedCalls)
    {
        var calls = 0;
        await using var backend = await TestBackend.StartAsync(http =>
        {
            http.Response.StatusCode = Interlocked.Increment(ref calls) == 1 ? 503 : 200;
            http.Response.Headers["grpc-retry-pushback-ms"] = pushback;
            return Task.CompletedTask;
        });
        var retry = new RetryConfig { On = RetryConditions.ServerError, MaxRetries = 1 };
        await using var mesh = TestMesh.With(Configs.Host("catalog", Configs.Forward("catalog") with { Retry = retry, Timeout = TimeSpan.FromSeconds(30) }, Configs.Cluster("catalog", backend.Address)));
        using var client = mesh.Client();

        using var response = await client.GetAsync(new Uri("http://catalog/"), TestEnd);

        Assert.Equal(expectedCalls == 1 ? HttpStatusCode.ServiceUnavailable : HttpStatusCode.OK, response.StatusCode);
        Assert.Equal(expectedCalls, calls);
        AssertIdle(mesh);
    }

    [Fact]
    public async Task Key_for_idempotency_makes_a_post_safe_to_repeat()
    {
        var calls = 0;
        await using var backend = await TestBackend.StartAsync(http =>
        {
            if (Interlocked.Increment(ref calls) == 1)
            {
                http.Abort();
            }

            return Task.CompletedTask;
        });
        await using var mesh = TestMesh.With(Configs.Host("catalog", backend.Address));
        using var client = mesh.Client();
        using var request = new HttpRequestMessage(HttpMethod.Post, "http://catalog/") { Headers = { { "Idempotency-Key", "42" } } };

        using var response = await client.SendAsync(request, TestEnd);

        Assert.Equal(2, calls);
    }

    internal static IPEndPoint DeadEndpoint()
    {
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        return (IPEndPoint)listener.LocalEndpoint;
    }

    internal static void AssertIdle(TestMesh mesh, string host = "catalog")
    {
        var cluster = mesh.Cluster(host);
        Assert.Equal(0, cluster.Members.Breaker.Active);
        Assert.Equal(0, cluster.Members.RetryBudget.Active);
        Assert.All(cluster.Endpoints, static endpoint => Assert.Equal(0, endpoint.ActiveCalls));
    }

    private static Task Echo(HttpContext http) => http.Request.Body.CopyToAsync(http.Response.Body, http.RequestAborted);

    private static Task Refuse(HttpContext http, string name, List<string> seen)
    {
        lock (seen)
        {
            seen.Add($"{name} {http.Request.Headers["x-envoy-attempt-count"]}");
        }

        http.Response.StatusCode = 503;
        return Task.CompletedTask;
    }
}
