using System.Collections.Concurrent;
using System.Globalization;
using System.Net;
using System.Net.Http.Headers;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.Extensions.Time.Testing;
using ProxylessMesh.Client.Resilience;
using ProxylessMesh.TestSupport;
using ProxylessMesh.Xds.Resources;

namespace ProxylessMesh.Client.Tests.Outbound;

// Over 400 lines: every test needs the same servers that hold, fail or answer, and apart they would be written twice.
public sealed class HedgingTests
{
    private static readonly HedgeConfig TwoAfterASecond = new() { MaxAttempts = 2, Delay = TimeSpan.FromSeconds(1), NonFatalGrpcStatuses = [14] };

    private readonly FakeTimeProvider _time = new();

    private static CancellationToken TestEnd => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Second_attempt_overtakes_a_slow_first_which_is_called_off()
    {
        await using var servers = await Servers.StartAsync(2);
        await using var mesh = Mesh(servers, TwoAfterASecond);
        using var client = mesh.Client();
        using var request = new HttpRequestMessage(HttpMethod.Get, "http://catalog/");

        var call = client.SendAsync(request, TestEnd);
        var first = await servers.NextAsync();
        var second = await SecondAsync(mesh, servers);
        Assert.NotEqual(first.Server, second.Server);
        Assert.Equal(2, mesh.Cluster("catalog").Members.Breaker.Active);
        second.Answer(200);

        using var response = await call;
        Assert.Equal($"{second.Server}", await response.Content.ReadAsStringAsync(TestEnd));
        Assert.Same(request, response.RequestMessage);
        await first.Aborted.WaitAsync(TestEnd);
        Assert.Equal(("", "2"), (first.Stamp, second.Stamp));
        Assert.False(request.Headers.Contains("x-envoy-attempt-count"));
        RetryTests.AssertIdle(mesh);
    }

    [Fact]
    public async Task First_attempt_that_answers_in_time_is_the_only_one()
    {
        await using var servers = await Servers.StartAsync(2);
        await using var mesh = Mesh(servers, TwoAfterASecond);
        using var client = mesh.Client();

        var call = client.GetAsync(new Uri("http://catalog/"), TestEnd);
        (await servers.NextAsync()).Answer(503);

        Assert.Equal(HttpStatusCode.ServiceUnavailable, (await call).StatusCode);
        Assert.Equal(1, servers.Requests);
        RetryTests.AssertIdle(mesh);
    }

    [Fact]
    public async Task Without_a_delay_all_go_at_once_each_to_another_endpoint()
    {
        await using var servers = await Servers.StartAsync(3);
        await using var mesh = Mesh(servers, TwoAfterASecond with { MaxAttempts = 3, Delay = TimeSpan.Zero });
        using var client = mesh.Client();

        var call = client.GetAsync(new Uri("http://catalog/"), TestEnd);
        var seen = new[] { await servers.NextAsync(), await servers.NextAsync(), await servers.NextAsync() };
        seen[1].Answer(200);

        Assert.Equal($"{seen[1].Server}", await (await call).Content.ReadAsStringAsync(TestEnd));
        Assert.Equal(3, seen.Select(static one => one.Server).Distinct().Count());
        RetryTests.AssertIdle(mesh);
    }

    [Theory]
    [InlineData("POST", false, 1)]
    [InlineData("POST", true, 2)]
    [InlineData("PUT", false, 2)]
    public async Task Only_a_call_that_may_be_carried_out_twice_is_hedged(string method, bool hasKey, int expected)
    {
        await using var servers = await Servers.StartAsync(2);
        await using var mesh = Mesh(servers, TwoAfterASecond with { Delay = TimeSpan.Zero });
        using var client = mesh.Client();
        using var request = new HttpRequestMessage(new HttpMethod(method), "http://catalog/") { Content = new StringContent("body") };
        if (hasKey)
        {
            request.Headers.Add("Idempotency-Key", "42");
        }

        var call = client.SendAsync(request, TestEnd);
        for (var i = 1; i < expected; i++)
        {
            Assert.Equal("body", (await servers.NextAsync()).Body);
        }

        var last = await servers.NextAsync();
        Assert.Equal("body", last.Body);
        last.Answer(200);

        Assert.Equal(HttpStatusCode.OK, (await call).StatusCode);
        Assert.Equal(expected, servers.Requests);
    }

    [Fact]
    public async Task Status_that_leaves_hope_brings_the_next_attempt_at_once()
    {
        await using var servers = await Servers.StartAsync(2);
        await using var mesh = Mesh(servers, TwoAfterASecond);
        using var client = mesh.Client();

        var call = client.SendAsync(Grpc(), TestEnd);
        (await servers.NextAsync()).AnswerGrpc(14);
        (await servers.NextAsync()).AnswerGrpc(0);

        using var response = await call;
        Assert.Equal("0", response.Headers.GetValues("grpc-status").Single());
        RetryTests.AssertIdle(mesh);
    }

    [Fact]
    public async Task Status_that_leaves_no_hope_ends_the_call_and_the_other_attempt()
    {
        await using var servers = await Servers.StartAsync(2);
        await using var mesh = Mesh(servers, TwoAfterASecond with { Delay = TimeSpan.Zero });
        using var client = mesh.Client();

        var call = client.SendAsync(Grpc(), TestEnd);
        var (first, second) = (await servers.NextAsync(), await servers.NextAsync());
        first.AnswerGrpc(7);

        using var response = await call;
        Assert.Equal("7", response.Headers.GetValues("grpc-status").Single());
        await second.Aborted.WaitAsync(TestEnd);
        RetryTests.AssertIdle(mesh);
    }

    [Fact]
    public async Task When_all_fail_the_last_failure_is_the_calls()
    {
        await using var servers = await Servers.StartAsync(3);
        await using var mesh = Mesh(servers, TwoAfterASecond with { MaxAttempts = 3, NonFatalGrpcStatuses = [13, 14] });
        using var client = mesh.Client();

        var call = client.SendAsync(Grpc(), TestEnd);
        (await servers.NextAsync()).AnswerGrpc(14);
        (await servers.NextAsync()).AnswerGrpc(14);
        (await servers.NextAsync()).AnswerGrpc(13);

        using var response = await call;
        Assert.Equal("13", response.Headers.GetValues("grpc-status").Single());
        Assert.Equal(3, servers.Requests);
        RetryTests.AssertIdle(mesh);
    }

    [Fact]
    public async Task Pushback_without_a_time_ends_the_hedging_but_not_the_attempts_under_way()
    {
        await using var servers = await Servers.StartAsync(3);
        await using var mesh = Mesh(servers, TwoAfterASecond with { MaxAttempts = 3 });
        using var client = mesh.Client();

        var call = client.SendAsync(Grpc(), TestEnd);
        var first = await servers.NextAsync();
        var second = await SecondAsync(mesh, servers);
        first.AnswerGrpc(14, pushback: -1);
        second.AnswerGrpc(0);

        using var response = await call;
        Assert.Equal("0", response.Headers.GetValues("grpc-status").Single());
        Assert.Equal(2, servers.Requests);
        RetryTests.AssertIdle(mesh);
    }

    [Fact]
    public async Task Pushback_with_a_time_moves_the_next_attempt_there()
    {
        await using var servers = await Servers.StartAsync(2);
        await using var mesh = Mesh(servers, TwoAfterASecond with { Delay = TimeSpan.FromHours(10) });
        using var client = mesh.Client();

        var call = client.SendAsync(Grpc(), TestEnd);
        var before = _time.GetUtcNow();
        (await servers.NextAsync()).AnswerGrpc(14, pushback: 5000);
        (await SecondAsync(mesh, servers)).AnswerGrpc(0);

        using var response = await call;
        Assert.InRange(_time.GetUtcNow() - before, TimeSpan.FromSeconds(5), TimeSpan.FromHours(9));
        Assert.Equal("0", response.Headers.GetValues("grpc-status").Single());
    }

    [Fact]
    public async Task Nobody_is_hedged_beyond_the_retry_budget()
    {
        await using var servers = await Servers.StartAsync(2);
        await using var mesh = Mesh(servers, TwoAfterASecond with { Delay = TimeSpan.Zero }, new CircuitBreakerConfig { MaxRetries = 0 });
        using var client = mesh.Client();

        var call = client.GetAsync(new Uri("http://catalog/"), TestEnd);
        (await servers.NextAsync()).Answer(200);

        Assert.Equal(HttpStatusCode.OK, (await call).StatusCode);
        Assert.Equal(1, servers.Requests);
        RetryTests.AssertIdle(mesh);
    }

    [Fact]
    public async Task Per_try_timeout_brings_another_attempt_and_the_first_may_still_win()
    {
        await using var servers = await Servers.StartAsync(2);
        var retry = new RetryConfig { On = RetryConditions.ServerError, MaxRetries = 1, PerTryTimeout = TimeSpan.FromSeconds(1) };
        await using var mesh = Mesh(servers, new HedgeConfig { OnPerTryTimeout = true, MaxAttempts = 2 }, retry: retry);
        using var client = mesh.Client();

        var call = client.GetAsync(new Uri("http://catalog/"), TestEnd);
        var first = await servers.NextAsync();
        var second = await SecondAsync(mesh, servers);
        first.Answer(200);

        Assert.Equal($"{first.Server}", await (await call).Content.ReadAsStringAsync(TestEnd));
        await second.Aborted.WaitAsync(TestEnd);
        RetryTests.AssertIdle(mesh);
    }

    [Fact]
    public async Task Body_that_is_still_being_written_or_is_too_large_is_sent_once()
    {
        await using var servers = await Servers.StartAsync(2);
        await using var mesh = Mesh(servers, TwoAfterASecond with { Delay = TimeSpan.Zero });
        using var client = mesh.Client();
        using var request = new HttpRequestMessage(HttpMethod.Put, "http://catalog/") { Content = new StreamContent(new MemoryStream(new byte[200_000])) };

        var call = client.SendAsync(request, TestEnd);
        (await servers.NextAsync()).Answer(200);

        Assert.Equal(HttpStatusCode.OK, (await call).StatusCode);
        Assert.Equal(1, servers.Requests);
        RetryTests.AssertIdle(mesh);
    }

    [Fact]
    public async Task Body_that_nobody_asked_for_yet_goes_with_the_next_attempt()
    {
        await using var backend = await TestBackend.StartAsync(static http => http.Request.Body.CopyToAsync(http.Response.Body, http.RequestAborted), HttpProtocols.Http2);
        await using var mesh = TestMesh.With(Configs.Host(
            "catalog",
            Configs.Forward("catalog") with { Hedge = TwoAfterASecond with { Delay = TimeSpan.FromHours(1) } },
            Configs.Cluster(new ClusterConfig { Name = "catalog", Http2 = true }, RetryTests.DeadEndpoint(), backend.Address)));
        using var client = mesh.Client();
        for (var i = 0; i < 2; i++)
        {
            using var response = await client.PutAsync(new Uri("http://catalog/"), new StreamContent(new MemoryStream("body"u8.ToArray())), TestEnd);
            Assert.Equal("body", await response.Content.ReadAsStringAsync(TestEnd));
        }

        RetryTests.AssertIdle(mesh);
    }

    [Fact]
    public async Task Deadline_ends_all_attempts()
    {
        await using var servers = await Servers.StartAsync(2);
        await using var mesh = Mesh(servers, TwoAfterASecond with { Delay = TimeSpan.Zero }, timeout: TimeSpan.FromSeconds(3));
        using var client = mesh.Client();

        var call = client.GetAsync(new Uri("http://catalog/"), TestEnd);
        var (first, second) = (await servers.NextAsync(), await servers.NextAsync());
        _time.Advance(TimeSpan.FromSeconds(3));

        Assert.Equal(MeshError.DeadlineExceeded, (await Assert.ThrowsAsync<MeshException>(() => call)).Error);
        await Task.WhenAll(first.Aborted, second.Aborted).WaitAsync(TestEnd);
        RetryTests.AssertIdle(mesh);
    }

    [Fact]
    public async Task Call_made_while_serving_a_retry_is_not_hedged()
    {
        await using var servers = await Servers.StartAsync(2);
        await using var mesh = Mesh(servers, TwoAfterASecond with { Delay = TimeSpan.Zero });
        using var client = mesh.Client();

        ServedCall.IsRetry = true;
        var call = client.GetAsync(new Uri("http://catalog/"), TestEnd);
        (await servers.NextAsync()).Answer(200);

        Assert.Equal(HttpStatusCode.OK, (await call).StatusCode);
        Assert.Equal(1, servers.Requests);
    }

    private static HttpRequestMessage Grpc() => new(HttpMethod.Post, "http://catalog/test/unary")
    {
        Content = new ByteArrayContent(new byte[5]) { Headers = { ContentType = new MediaTypeHeaderValue("application/grpc") } },
    };

    // The clock goes on in small steps, because the wait may begin a moment after the first request was seen, and stands still as soon
    // as the second attempt is under way, because connecting has a limit too.
    private async Task<Held> SecondAsync(TestMesh mesh, Servers servers)
    {
        while (mesh.Cluster("catalog").Members.Breaker.Active < 2)
        {
            _time.Advance(TimeSpan.FromMilliseconds(10));
            await Task.Yield();
        }

        return await servers.NextAsync();
    }

    private TestMesh Mesh(Servers servers, HedgeConfig hedge, CircuitBreakerConfig? breaker = null, RetryConfig? retry = null, TimeSpan? timeout = null)
    {
        var mesh = new TestMesh(time: _time);
        mesh.Xds.Publish(Configs.Host(
            "catalog",
            Configs.Forward("catalog") with { Hedge = hedge, Retry = retry, Timeout = timeout },
            Configs.Cluster(new ClusterConfig { Name = "catalog", Http2 = true, CircuitBreaker = breaker ?? CircuitBreakerConfig.Unlimited }, servers.Addresses)));
        return mesh;
    }

    /// <summary>Servers that hold every request until the test answers it.</summary>
    private sealed class Servers : IAsyncDisposable
    {
        private readonly List<TestBackend> _backends = [];
        private readonly ConcurrentQueue<Held> _held = new();
        private readonly SemaphoreSlim _arrived = new(0);
        private int _requests;

        public IPEndPoint[] Addresses => [.. _backends.Select(static backend => backend.Address)];

        public int Requests => Volatile.Read(ref _requests);

        public static async Task<Servers> StartAsync(int count)
        {
            var servers = new Servers();
            for (var i = 0; i < count; i++)
            {
                var number = i;
                servers._backends.Add(await TestBackend.StartAsync(http => servers.ServeAsync(http, number), HttpProtocols.Http2));
            }

            return servers;
        }

        public async Task<Held> NextAsync()
        {
            await _arrived.WaitAsync(TestEnd);
            Assert.True(_held.TryDequeue(out var held));
            return held;
        }

        public async ValueTask DisposeAsync()
        {
            foreach (var backend in _backends)
            {
                await backend.DisposeAsync();
            }

            _arrived.Dispose();
        }

        private async Task ServeAsync(HttpContext http, int number)
        {
            using var reader = new StreamReader(http.Request.Body);
            var held = new Held(number, http.Request.Headers["x-envoy-attempt-count"].ToString(), await reader.ReadToEndAsync(http.RequestAborted));
            await using var aborted = http.RequestAborted.Register(held.Abort);
            Interlocked.Increment(ref _requests);
            _held.Enqueue(held);
            _arrived.Release();
            await held.RespondAsync(http);
        }
    }

    private sealed class Held(int server, string stamp, string body)
    {
        private readonly TaskCompletionSource<Func<HttpContext, Task>> _answer = new(TaskCreationOptions.RunContinuationsAsynchronously);
        private readonly TaskCompletionSource _aborted = new(TaskCreationOptions.RunContinuationsAsynchronously);

        public int Server { get; } = server;

        public string Stamp { get; } = stamp;

        public string Body { get; } = body;

        public Task Aborted => _aborted.Task;

        public void Answer(int status) => _answer.TrySetResult(http =>
        {
            http.Response.StatusCode = status;
            return http.Response.WriteAsync(Server.ToString(CultureInfo.InvariantCulture));
        });

        public void AnswerGrpc(int status, int? pushback = null) => _answer.TrySetResult(http =>
        {
            http.Response.ContentType = "application/grpc";
            http.Response.Headers["grpc-status"] = status.ToString(CultureInfo.InvariantCulture);
            if (pushback is { } wait)
            {
                http.Response.Headers["grpc-retry-pushback-ms"] = wait.ToString(CultureInfo.InvariantCulture);
            }

            return Task.CompletedTask;
        });

        public void Abort()
        {
            _aborted.TrySetResult();
            _answer.TrySetResult(static _ => Task.CompletedTask);
        }

        public async Task RespondAsync(HttpContext http) => await (await _answer.Task)(http);
    }
}
