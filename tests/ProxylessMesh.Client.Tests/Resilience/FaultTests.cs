using System.Collections.Frozen;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Time.Testing;
using ProxylessMesh.Client.Resilience;
using ProxylessMesh.Client.Tests.Outbound;
using ProxylessMesh.TestSupport;
using ProxylessMesh.Xds.Matching;
using ProxylessMesh.Xds.Resources;

namespace ProxylessMesh.Client.Tests.Resilience;

public sealed class FaultTests
{
    private static readonly FractionMatcher All = new(FractionMatcher.Always);

    private static CancellationToken TestEnd => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Abort_answers_in_place_of_the_server()
    {
        var calls = 0;
        await using var backend = await TestBackend.StartAsync(http =>
        {
            calls++;
            return Task.CompletedTask;
        });
        await using var mesh = TestMesh.With(Configs.Host("catalog", backend.Address).With(new FaultConfig { AbortHttpStatus = 555, AbortFraction = All }));
        using var client = mesh.Client();

        using var response = await client.GetAsync(new Uri("http://catalog/"), TestEnd);

        Assert.Equal(555, (int)response.StatusCode);
        Assert.Equal(0, calls);
        RetryTests.AssertIdle(mesh);
    }

    [Fact]
    public async Task Delay_holds_the_call_back_within_its_deadline()
    {
        var time = new FakeTimeProvider();
        await using var backend = await TestBackend.StartAsync(static http => http.Response.WriteAsync("late"));
        var config = Configs.Host("catalog", Configs.Forward("catalog") with { Timeout = TimeSpan.FromSeconds(3) }, Configs.Cluster("catalog", backend.Address));
        await using var mesh = new TestMesh(time: time);
        mesh.Xds.Publish(config.With(new FaultConfig { Delay = TimeSpan.FromSeconds(2), DelayFraction = All }));
        using var client = mesh.Client();

        var call = client.GetStringAsync(new Uri("http://catalog/"), TestEnd);
        Assert.False(call.IsCompleted);
        time.Advance(TimeSpan.FromSeconds(2));
        Assert.Equal("late", await call);

        mesh.Xds.Publish(config.With(new FaultConfig { Delay = TimeSpan.FromSeconds(4), DelayFraction = All }));
        var tooLate = client.GetStringAsync(new Uri("http://catalog/"), TestEnd);
        time.Advance(TimeSpan.FromSeconds(3));
        Assert.Equal(MeshError.DeadlineExceeded, (await Assert.ThrowsAsync<MeshException>(() => tooLate)).Error);
        RetryTests.AssertIdle(mesh);
    }

    [Fact]
    public async Task Faults_in_flight_have_a_limit()
    {
        var time = new FakeTimeProvider();
        await using var backend = await TestBackend.StartAsync(static http => http.Response.WriteAsync("now"));
        await using var mesh = new TestMesh(time: time);
        mesh.Xds.Publish(Configs.Host("catalog", backend.Address).With(new FaultConfig { Delay = TimeSpan.FromSeconds(2), DelayFraction = All, MaxActiveFaults = 1 }));
        using var client = mesh.Client();

        var held = client.GetStringAsync(new Uri("http://catalog/"), TestEnd);
        Assert.Equal("now", await client.GetStringAsync(new Uri("http://catalog/"), TestEnd));
        Assert.False(held.IsCompleted);

        time.Advance(TimeSpan.FromSeconds(2));
        Assert.Equal("now", await held);
    }

    [Fact]
    public async Task Fault_is_for_calls_with_its_headers()
    {
        await using var backend = await TestBackend.StartAsync(static http => http.Response.WriteAsync("here"));
        var fault = new FaultConfig { AbortHttpStatus = 503, AbortFraction = All, Headers = [new HeaderMatcher { Name = "x-user", Value = StringMatcher.Exact("tester") }] };
        await using var mesh = TestMesh.With(Configs.Host("catalog", backend.Address).With(fault));
        using var client = mesh.Client();

        using var others = await SendAsync(client, ("x-user", "ann"));
        using var testers = await SendAsync(client, ("x-user", "tester"));

        Assert.Equal(200, (int)others.StatusCode);
        Assert.Equal(503, (int)testers.StatusCode);
    }

    [Theory]
    [InlineData(100, null, 418)]
    [InlineData(100, "100", 418)]
    [InlineData(100, "0", 200)]
    [InlineData(0, "100", 200)]
    public async Task Call_says_its_abort_within_what_the_config_allows(int allowedPercent, string? asked, int expected)
    {
        await using var backend = await TestBackend.StartAsync(static http => http.Response.WriteAsync("here"));
        var fault = new FaultConfig { AbortByHeader = true, AbortFraction = new FractionMatcher(allowedPercent * 10_000), DelayByHeader = true };
        await using var mesh = TestMesh.With(Configs.Host("catalog", backend.Address).With(fault));
        using var client = mesh.Client();

        using var plain = await SendAsync(client);
        using var response = asked is null
            ? await SendAsync(client, ("x-envoy-fault-abort-request", "418"))
            : await SendAsync(client, ("x-envoy-fault-abort-request", "418"), ("x-envoy-fault-abort-request-percentage", asked));

        Assert.Equal(200, (int)plain.StatusCode);
        Assert.Equal(expected, (int)response.StatusCode);
    }

    [Fact]
    public async Task Call_says_its_delay()
    {
        var time = new FakeTimeProvider();
        await using var backend = await TestBackend.StartAsync(static http => http.Response.WriteAsync("late"));
        await using var mesh = new TestMesh(time: time);
        mesh.Xds.Publish(Configs.Host("catalog", backend.Address).With(new FaultConfig { DelayByHeader = true, DelayFraction = All }));
        using var client = mesh.Client();

        var call = SendAsync(client, ("x-envoy-fault-delay-request", "1500"));
        time.Advance(TimeSpan.FromMilliseconds(1499));
        Assert.False(call.IsCompleted);
        time.Advance(TimeSpan.FromMilliseconds(1));

        using var response = await call;
        Assert.Equal(200, (int)response.StatusCode);
    }

    [Theory]
    [InlineData(FaultException.ConnectionRefused, HttpRequestError.ConnectionError)]
    [InlineData(FaultException.NameResolution, HttpRequestError.NameResolutionError)]
    [InlineData(FaultException.Tls, HttpRequestError.SecureConnectionError)]
    [InlineData(FaultException.ResponseEnded, HttpRequestError.ResponseEnded)]
    internal async Task Exception_is_what_the_network_would_throw(FaultException kind, HttpRequestError expected)
    {
        await using var backend = await TestBackend.StartAsync(static http => http.Response.WriteAsync("here"));
        await using var mesh = TestMesh.With(Configs.Host("catalog", backend.Address).With(new FaultConfig { Exception = kind, ExceptionFraction = All }));
        using var client = mesh.Client();

        var error = await Assert.ThrowsAsync<HttpRequestException>(() => SendAsync(client));

        Assert.Equal(expected, error.HttpRequestError);
        RetryTests.AssertIdle(mesh);
    }

    [Fact]
    public async Task Timeout_is_the_exception_of_a_timeout()
    {
        await using var backend = await TestBackend.StartAsync(static http => http.Response.WriteAsync("here"));
        await using var mesh = TestMesh.With(Configs.Host("catalog", backend.Address).With(new FaultConfig { Exception = FaultException.Timeout, ExceptionFraction = All }));
        using var client = mesh.Client();

        var error = await Assert.ThrowsAsync<TaskCanceledException>(() => SendAsync(client));

        Assert.IsType<TimeoutException>(error.InnerException);
        RetryTests.AssertIdle(mesh);
    }

    [Fact]
    public async Task Body_breaks_after_its_bytes_and_speaks_against_nobody()
    {
        await using var backend = await TestBackend.StartAsync(static http => http.Response.WriteAsync(new string('x', 10_000)));
        var cluster = new ClusterConfig { Name = "catalog", OutlierDetection = new OutlierDetectionConfig { Consecutive5xx = 1, MaxEjectionPercent = 100 } };
        await using var mesh = TestMesh.With(Configs.Host("catalog", Configs.Forward("catalog"), Configs.Cluster(cluster, backend.Address)).With(new FaultConfig { CutAfterBytes = 1234, CutFraction = All }));
        using var client = mesh.Client();

        using var response = await client.GetAsync(new Uri("http://catalog/"), HttpCompletionOption.ResponseHeadersRead, TestEnd);
        var body = await response.Content.ReadAsStreamAsync(TestEnd);
        using var read = new MemoryStream();
        var error = await Assert.ThrowsAsync<HttpIOException>(() => body.CopyToAsync(read, TestEnd));

        Assert.Equal(HttpRequestError.ResponseEnded, error.HttpRequestError);
        Assert.Equal(1234, read.Length);
        Assert.False(Assert.Single(mesh.Cluster("catalog").Endpoints).Outlier.IsEjected);
        RetryTests.AssertIdle(mesh);
        Assert.Equal(0, mesh.Services.GetRequiredService<FaultInjector>().Active);
    }

    [Fact]
    public async Task Fault_of_an_answer_sees_the_call_as_it_was_before_its_route_changed_it()
    {
        await using var backend = await TestBackend.StartAsync(static http => http.Response.WriteAsync(new string('x', 100)));
        var route = Configs.Route(Configs.Forward("catalog")) with { Headers = new HeaderOperationsConfig { RequestRemove = ["x-user"] } };
        var fault = new FaultConfig { CutAfterBytes = 1, CutFraction = All, Headers = [new HeaderMatcher { Name = "x-user" }] };
        await using var mesh = TestMesh.With(Configs.Host("catalog", [route], Configs.Cluster("catalog", backend.Address)).With(fault));
        using var client = mesh.Client();

        await Assert.ThrowsAnyAsync<HttpRequestException>(() => SendAsync(client, ("x-user", "ann")));
        using var response = await SendAsync(client);

        Assert.Equal(200, (int)response.StatusCode);
        Assert.Equal(0, mesh.Services.GetRequiredService<FaultInjector>().Active);
    }

    [Fact]
    public async Task Body_arrives_at_the_rate_of_the_fault()
    {
        var time = new FakeTimeProvider();
        await using var backend = await TestBackend.StartAsync(static http => http.Response.WriteAsync(new string('x', 2000)));
        await using var mesh = new TestMesh(time: time);
        mesh.Xds.Publish(Configs.Host("catalog", backend.Address).With(new FaultConfig { ResponseBytesPerSecond = 1000, ResponseFraction = All }));
        using var client = mesh.Client();

        using var response = await client.GetAsync(new Uri("http://catalog/"), HttpCompletionOption.ResponseHeadersRead, TestEnd);
        var body = await response.Content.ReadAsStreamAsync(TestEnd);
        var buffer = new byte[4096];
        var started = time.GetUtcNow();
        var total = 0;
        while (true)
        {
            var reading = body.ReadAsync(buffer, TestEnd).AsTask();
            while (!reading.IsCompleted)
            {
                time.Advance(TimeSpan.FromMilliseconds(1));
                await Task.Yield();
            }

            var count = await reading;
            Assert.InRange(count, 0, 50);
            total += count;
            if (count == 0)
            {
                break;
            }
        }

        // Never faster; slower only by how much the test's own clock runs on while the socket is read.
        Assert.Equal(2000, total);
        Assert.True(time.GetUtcNow() - started >= TimeSpan.FromSeconds(2));
        RetryTests.AssertIdle(mesh);
        Assert.Equal(0, mesh.Services.GetRequiredService<FaultInjector>().Active);
    }

    [Fact]
    public async Task Fault_ends_at_its_time_by_itself()
    {
        var time = new FakeTimeProvider();
        await using var backend = await TestBackend.StartAsync(static http => http.Response.WriteAsync("here"));
        await using var mesh = new TestMesh(time: time);
        mesh.Xds.Publish(Configs.Host("catalog", backend.Address).With(new FaultConfig { AbortHttpStatus = 503, AbortFraction = All, Until = time.GetUtcNow() + TimeSpan.FromMinutes(5) }));
        using var client = mesh.Client();

        using var during = await SendAsync(client);
        time.Advance(TimeSpan.FromMinutes(5));
        using var after = await SendAsync(client);

        Assert.Equal(503, (int)during.StatusCode);
        Assert.Equal(200, (int)after.StatusCode);
    }

    [Fact]
    public async Task Experiment_adds_to_the_filter_and_its_end_is_the_end_of_both()
    {
        var time = new FakeTimeProvider();
        await using var backend = await TestBackend.StartAsync(static http => http.Response.WriteAsync("here"));
        var overrides = new Dictionary<string, HttpFilterConfig>
        {
            ["fault"] = new FaultFilterConfig("fault", new FaultConfig { AbortHttpStatus = 503, AbortFraction = All, Headers = [new HeaderMatcher { Name = "x-abort" }] }),
            ["proxylessmesh.fault"] = new FaultFilterConfig("proxylessmesh.fault", new FaultConfig { CutAfterBytes = 2, CutFraction = All, Until = time.GetUtcNow() + TimeSpan.FromMinutes(5) }),
        };
        var route = Configs.Route(Configs.Forward("catalog")) with { FilterOverrides = overrides.ToFrozenDictionary() };
        await using var mesh = new TestMesh(time: time);
        mesh.Xds.Publish(Configs.Host("catalog", [route], Configs.Cluster("catalog", backend.Address)).With(FaultConfig.None));
        using var client = mesh.Client();

        using var aborted = await SendAsync(client, ("x-abort", "1"));
        time.Advance(TimeSpan.FromMinutes(5));
        using var after = await SendAsync(client, ("x-abort", "1"));

        Assert.Equal(503, (int)aborted.StatusCode);
        Assert.Equal("here", await after.Content.ReadAsStringAsync(TestEnd));
    }

    private static async Task<HttpResponseMessage> SendAsync(HttpClient client, params (string Name, string Value)[] headers)
    {
        using var request = new HttpRequestMessage(HttpMethod.Get, "http://catalog/");
        foreach (var (name, value) in headers)
        {
            request.Headers.Add(name, value);
        }

        return await client.SendAsync(request, TestEnd);
    }
}
