using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Time.Testing;
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
}
