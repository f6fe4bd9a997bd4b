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
