using System.Net;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Time.Testing;
using ProxylessMesh.TestSupport;
using ProxylessMesh.Xds.Resources;

namespace ProxylessMesh.Client.Tests.Outbound;

public sealed class InFlightTests
{
    private static CancellationToken TestEnd => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Call_counts_until_the_end_of_its_body()
    {
        var goOn = new TaskCompletionSource();
        await using var backend = await TestBackend.StartAsync(async http =>
        {
            await http.Response.WriteAsync("begin ");
            await http.Response.Body.FlushAsync();
            await goOn.Task;
            await http.Response.WriteAsync("end");
        });
        await using var mesh = TestMesh.With(Configs.Host("catalog", backend.Address));
        using var client = mesh.Client();

        using var response = await client.GetAsync(new Uri("http://catalog/"), HttpCompletionOption.ResponseHeadersRead, TestEnd);
        Assert.Equal(1, mesh.Cluster("catalog").Members.Breaker.Active);
        Assert.Equal(1, Assert.Single(mesh.Cluster("catalog").Endpoints).ActiveCalls);

        goOn.SetResult();
        Assert.Equal("begin end", await response.Content.ReadAsStringAsync(TestEnd));
        RetryTests.AssertIdle(mesh);
    }

    [Fact]
    public async Task Unread_answer_ends_with_its_disposal()
    {
        await using var backend = await TestBackend.StartAsync(static http => http.Response.WriteAsync(new string('x', 1_000_000)));
        await using var mesh = TestMesh.With(Configs.Host("catalog", backend.Address));
        using var client = mesh.Client();

        var response = await client.GetAsync(new Uri("http://catalog/"), HttpCompletionOption.ResponseHeadersRead, TestEnd);
        response.Dispose();

        RetryTests.AssertIdle(mesh);
    }

    [Fact]
    public async Task Cancelled_call_throws_what_http_clients_throw_and_leaves_nothing_behind()
    {
        var asked = new TaskCompletionSource();
        await using var backend = await TestBackend.StartAsync(async http =>
        {
            asked.TrySetResult();
            await Task.Delay(Timeout.InfiniteTimeSpan, TimeProvider.System, http.RequestAborted).ContinueWith(static _ => { }, TaskScheduler.Default);
        });
        await using var mesh = TestMesh.With(Configs.Host("catalog", backend.Address));
        using var client = mesh.Client();
        using var cancel = new CancellationTokenSource();

        var call = client.GetAsync(new Uri("http://catalog/"), cancel.Token);
        await asked.Task.WaitAsync(TestEnd);
        await cancel.CancelAsync();

        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => call);
        RetryTests.AssertIdle(mesh);
    }

    [Fact]
    public async Task Mixed_calls_leave_no_count_behind()
    {
        var calls = 0;
        await using var good = await TestBackend.StartAsync(http =>
        {
            switch (Interlocked.Increment(ref calls) % 4)
            {
                case 0:
                    http.Abort();
                    return Task.CompletedTask;
                case 1:
                    http.Response.StatusCode = 503;
                    return Task.CompletedTask;
                default:
                    return http.Response.WriteAsync("fine");
            }
        });
        await using var mesh = TestMesh.With(Configs.Host("catalog", RetryTests.DeadEndpoint(), good.Address));
        using var client = mesh.Client();

        await Parallel.ForAsync(0, 200, new ParallelOptions { MaxDegreeOfParallelism = 16, CancellationToken = TestEnd }, async (i, end) =>
        {
            try
            {
                using var response = await client.GetAsync(new Uri("http://catalog/"), i % 2 == 0 ? HttpCompletionOption.ResponseContentRead : HttpCompletionOption.ResponseHeadersRead, end);
            }
            catch (MeshException)
            {
                // Some fail; that is not what this test is about.
                return;
            }
        });

        RetryTests.AssertIdle(mesh);
    }

    [Fact]
    public async Task Route_timeout_ends_a_call_that_waits_for_its_answer()
    {
        var time = new FakeTimeProvider();
        var asked = new TaskCompletionSource<string>();
        await using var backend = await TestBackend.StartAsync(async http =>
        {
            asked.TrySetResult(http.Request.Headers["x-envoy-expected-rq-timeout-ms"].ToString());
            await Task.Delay(Timeout.InfiniteTimeSpan, TimeProvider.System, http.RequestAborted).ContinueWith(static _ => { }, TaskScheduler.Default);
        });
        await using var mesh = new TestMesh(time: time);
        mesh.Xds.Publish(Configs.Host("catalog", Configs.Forward("catalog") with { Timeout = TimeSpan.FromSeconds(2) }, Configs.Cluster("catalog", backend.Address)));
        using var client = mesh.Client();

        var call = client.GetAsync(new Uri("http://catalog/"), TestEnd);
        Assert.Equal("2000", await asked.Task.WaitAsync(TestEnd));
        time.Advance(TimeSpan.FromSeconds(2));

        var error = await Assert.ThrowsAsync<MeshException>(() => call);
        Assert.Equal(MeshError.DeadlineExceeded, error.Error);
        RetryTests.AssertIdle(mesh);
    }

    [Fact]
    public async Task Route_timeout_cuts_a_body_that_never_ends()
    {
        var time = new FakeTimeProvider();
        await using var backend = await TestBackend.StartAsync(async http =>
        {
            await http.Response.WriteAsync("begin");
            await http.Response.Body.FlushAsync();
            await Task.Delay(Timeout.InfiniteTimeSpan, TimeProvider.System, http.RequestAborted).ContinueWith(static _ => { }, TaskScheduler.Default);
        });
        await using var mesh = new TestMesh(time: time);
        mesh.Xds.Publish(Configs.Host("catalog", Configs.Forward("catalog") with { Timeout = TimeSpan.FromSeconds(2) }, Configs.Cluster("catalog", backend.Address)));
        using var client = mesh.Client();

        using var response = await client.GetAsync(new Uri("http://catalog/"), HttpCompletionOption.ResponseHeadersRead, TestEnd);
        var reading = response.Content.ReadAsStringAsync(TestEnd);
        time.Advance(TimeSpan.FromSeconds(2));

        var error = await Assert.ThrowsAnyAsync<Exception>(() => reading);
        Assert.Contains(Errors(error), static e => e is MeshException { Error: MeshError.DeadlineExceeded });
        RetryTests.AssertIdle(mesh);
    }

    [Fact]
    public async Task Attempt_that_falls_silent_is_repeated_before_its_headers_and_cut_after_them()
    {
        var time = new FakeTimeProvider();
        var calls = 0;
        var silent = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        await using var backend = await TestBackend.StartAsync(async http =>
        {
            if (Interlocked.Increment(ref calls) == 2)
            {
                await http.Response.WriteAsync("begin");
                await http.Response.Body.FlushAsync();
            }

            silent.TrySetResult();
            await Task.Delay(Timeout.InfiniteTimeSpan, TimeProvider.System, http.RequestAborted).ContinueWith(static _ => { }, TaskScheduler.Default);
        });
        var retry = new RetryConfig { On = RetryConditions.Reset, MaxRetries = 1, PerTryIdleTimeout = TimeSpan.FromSeconds(2), BaseInterval = TimeSpan.Zero };
        await using var mesh = new TestMesh(time: time);
        mesh.Xds.Publish(Configs.Host("catalog", Configs.Forward("catalog") with { Retry = retry }, Configs.Cluster("catalog", backend.Address)));
        using var client = mesh.Client();

        var call = client.GetAsync(new Uri("http://catalog/"), HttpCompletionOption.ResponseHeadersRead, TestEnd);
        await silent.Task.WaitAsync(TestEnd);
        time.Advance(TimeSpan.FromSeconds(2));
        using var response = await call;
        var reading = response.Content.ReadAsStringAsync(TestEnd);
        time.Advance(TimeSpan.FromSeconds(2));

        var error = await Assert.ThrowsAnyAsync<Exception>(() => reading);
        Assert.Contains(Errors(error), static e => e is MeshException { Error: MeshError.DeadlineExceeded });
        Assert.Equal(2, calls);
        RetryTests.AssertIdle(mesh);
    }

    [Fact]
    public async Task Per_try_timeout_gives_the_rest_to_another_endpoint()
    {
        await using var slow = await TestBackend.StartAsync(static http => Task.Delay(Timeout.InfiniteTimeSpan, TimeProvider.System, http.RequestAborted).ContinueWith(static _ => { }, TaskScheduler.Default));
        await using var fast = await TestBackend.StartAsync(static http => http.Response.WriteAsync("fast"));
        var retry = new RetryConfig { On = RetryConditions.Reset, MaxRetries = 1, PerTryTimeout = TimeSpan.FromMilliseconds(200) };
        await using var mesh = TestMesh.With(Configs.Host("catalog", Configs.Forward("catalog") with { Retry = retry }, Configs.Cluster("catalog", slow.Address, fast.Address)));
        using var client = mesh.Client();

        Assert.Equal("fast", await client.GetStringAsync(new Uri("http://catalog/"), TestEnd));
        Assert.Equal("fast", await client.GetStringAsync(new Uri("http://catalog/"), TestEnd));
        RetryTests.AssertIdle(mesh);
    }

    [Fact]
    public async Task Circuit_breaker_refuses_what_is_above_its_limit()
    {
        var goOn = new TaskCompletionSource();
        var asked = new TaskCompletionSource();
        await using var backend = await TestBackend.StartAsync(http =>
        {
            asked.TrySetResult();
            return goOn.Task;
        });
        var cluster = new ClusterConfig { Name = "catalog", CircuitBreaker = new CircuitBreakerConfig { MaxRequests = 1 } };
        await using var mesh = TestMesh.With(Configs.Host("catalog", Configs.Forward("catalog"), Configs.Cluster(cluster, backend.Address)));
        using var client = mesh.Client();

        var first = client.GetAsync(new Uri("http://catalog/"), TestEnd);
        await asked.Task.WaitAsync(TestEnd);
        var error = await Assert.ThrowsAsync<MeshException>(() => client.GetAsync(new Uri("http://catalog/"), TestEnd));
        goOn.SetResult();

        Assert.Equal(MeshError.CircuitBreakerOpen, error.Error);
        Assert.Equal(HttpStatusCode.OK, (await first).StatusCode);
        RetryTests.AssertIdle(mesh);
    }

    private static IEnumerable<Exception> Errors(Exception? error)
    {
        for (; error is not null; error = error.InnerException)
        {
            yield return error;
        }
    }
}
