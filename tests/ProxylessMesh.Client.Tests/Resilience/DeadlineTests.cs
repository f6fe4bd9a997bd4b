using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Time.Testing;
using ProxylessMesh.Client.Resilience;
using ProxylessMesh.TestSupport;

namespace ProxylessMesh.Client.Tests.Resilience;

public sealed class DeadlineTests
{
    private static CancellationToken TestEnd => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Deadline_of_the_call_being_served_bounds_the_calls_made_meanwhile()
    {
        var time = new FakeTimeProvider();
        await using var backend = await TestBackend.StartAsync(static http => http.Response.WriteAsync(http.Request.Headers["x-envoy-expected-rq-timeout-ms"].ToString()));
        await using var mesh = new TestMesh(time: time);
        mesh.Xds.Publish(Configs.Host("catalog", Configs.Forward("catalog") with { Timeout = TimeSpan.FromSeconds(10) }, Configs.Cluster("catalog", backend.Address)));
        using var client = mesh.Client();

        MeshDeadline.Current = new MeshDeadline(time, TimeSpan.FromSeconds(4));
        time.Advance(TimeSpan.FromSeconds(1));
        Assert.Equal("3000", await client.GetStringAsync(new Uri("http://catalog/"), TestEnd));

        time.Advance(TimeSpan.FromSeconds(3));
        var error = await Assert.ThrowsAsync<MeshException>(() => client.GetAsync(new Uri("http://catalog/"), TestEnd));
        Assert.Equal(MeshError.DeadlineExceeded, error.Error);
        MeshDeadline.Current = null;
        Assert.Equal("10000", await client.GetStringAsync(new Uri("http://catalog/"), TestEnd));
    }

    [Fact]
    public async Task What_ends_after_a_call_ends_no_later_call_that_its_deadline_is_used_for_again()
    {
        await using var backend = await TestBackend.StartAsync(static http => http.Response.WriteAsync("here"));
        await using var mesh = new TestMesh();
        mesh.Xds.Publish(Configs.Host("catalog", Configs.Forward("catalog") with { Timeout = TimeSpan.FromSeconds(60) }, Configs.Cluster("catalog", backend.Address)));
        using var client = mesh.Client();

        for (var i = 0; i < 200; i++)
        {
            using var caller = CancellationTokenSource.CreateLinkedTokenSource(TestEnd);
            Assert.Equal("here", await client.GetStringAsync(new Uri("http://catalog/"), caller.Token));
            await caller.CancelAsync();
        }
    }

    [Fact]
    public async Task A_deadline_that_has_passed_is_never_used_again()
    {
        var deadline = CallDeadline.Start(TimeSpan.FromMilliseconds(1), TimeProvider.System, CancellationToken.None)!;
        var passed = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        await using var registration = deadline.Token.UnsafeRegister(static source => ((TaskCompletionSource)source!).SetResult(), passed);
        await passed.Task.WaitAsync(TestEnd);

        deadline.LetGoOfCaller(mayBeKept: true);
        Assert.False(deadline.End());
        Assert.True(deadline.Passed);
    }

    [Fact]
    public void A_deadline_of_another_clock_is_not_used_again()
    {
        var deadline = CallDeadline.Start(TimeSpan.FromSeconds(1), new FakeTimeProvider(), CancellationToken.None)!;
        deadline.LetGoOfCaller(mayBeKept: true);

        Assert.False(deadline.End());
    }

    [Fact]
    public void A_deadline_fires_at_its_end_however_far_away()
    {
        var time = new FakeTimeProvider();
        var limit = TimeSpan.FromDays(49.9);
        var deadline = CallDeadline.Start(limit, time, CancellationToken.None)!;

        time.Advance(limit - TimeSpan.FromSeconds(1));
        Assert.False(deadline.Token.IsCancellationRequested);
        time.Advance(TimeSpan.FromSeconds(2));
        Assert.True(deadline.Passed);
    }

    [Fact]
    public void A_deadline_may_be_longer_than_any_clock_counts()
    {
        var deadline = CallDeadline.Start(TimeSpan.MaxValue, new FakeTimeProvider(), CancellationToken.None)!;

        Assert.False(deadline.Passed);
        Assert.True(deadline.Remaining > TimeSpan.FromDays(3000));
        Assert.False(deadline.End());
    }

    [Fact]
    public void A_deadline_whose_caller_gave_up_is_never_used_again()
    {
        using var caller = new CancellationTokenSource();
        var deadline = CallDeadline.Start(TimeSpan.FromMinutes(1), TimeProvider.System, caller.Token)!;
        caller.Cancel();

        deadline.LetGoOfCaller(mayBeKept: true);
        Assert.False(deadline.End());
        Assert.False(deadline.Passed);
    }

    [Theory]
    [InlineData("5S", 5000.0)]
    [InlineData("250m", 250.0)]
    [InlineData("2M", 120_000.0)]
    [InlineData("1H", 3_600_000.0)]
    [InlineData("5000u", 5.0)]
    [InlineData("99999900n", 99.9999)]
    [InlineData("", null)]
    [InlineData("S", null)]
    [InlineData("123456789m", null)]
    [InlineData("-1S", null)]
    [InlineData("1x", null)]
    public void Grpc_timeout_is_read_as_the_protocol_says(string text, double? milliseconds)
        => Assert.Equal(milliseconds, GrpcTimeout.Parse(text)?.TotalMilliseconds);

    [Theory]
    [InlineData(1)]
    [InlineData(999)]
    [InlineData(100_000_000)]
    [InlineData(86_400_000_000)]
    public void Grpc_timeout_is_never_longer_than_what_is_left(long microseconds)
    {
        var left = TimeSpan.FromMicroseconds(microseconds);

        var written = GrpcTimeout.Parse(GrpcTimeout.Format(left));

        Assert.NotNull(written);
        Assert.InRange(written.Value, left * 0.99, left);
    }
}
