using Microsoft.AspNetCore.Http;
using ProxylessMesh.Limits;

namespace ProxylessMesh.Tests.Limits;

public sealed class DeadlineHeadersTests
{
    [Theory]
    [InlineData("grpc-timeout", "2H", 2 * 3600 * 1000.0)]
    [InlineData("grpc-timeout", "3M", 3 * 60 * 1000.0)]
    [InlineData("grpc-timeout", "4S", 4000.0)]
    [InlineData("grpc-timeout", "250m", 250.0)]
    [InlineData("grpc-timeout", "1500u", 1.5)]
    [InlineData("grpc-timeout", "0n", 0.0)]
    [InlineData("x-envoy-expected-rq-timeout-ms", "1500", 1500.0)]
    [InlineData("x-envoy-expected-rq-timeout-ms", "0", 0.0)]
    public void Deadline_is_read(string name, string value, double milliseconds)
    {
        Assert.True(DeadlineHeaders.TryRead(Headers(name, value), out var remaining));
        Assert.Equal(milliseconds, remaining.TotalMilliseconds);
    }

    [Theory]
    [InlineData("grpc-timeout", "")]
    [InlineData("grpc-timeout", "S")]
    [InlineData("grpc-timeout", "10")]
    [InlineData("grpc-timeout", "-1S")]
    [InlineData("grpc-timeout", "1.5S")]
    [InlineData("grpc-timeout", "123456789S")]
    [InlineData("grpc-timeout", " 1S")]
    [InlineData("x-envoy-expected-rq-timeout-ms", "-1")]
    [InlineData("x-envoy-expected-rq-timeout-ms", "soon")]
    [InlineData("x-envoy-expected-rq-timeout-ms", "9999999999999999999999")]
    [InlineData("x-envoy-expected-rq-timeout-ms", "999999999999999")]
    [InlineData("grpc-timeout", "99999999H")]
    [InlineData("x-other", "5")]
    public void Header_that_is_no_deadline_is_ignored(string name, string value)
        => Assert.False(DeadlineHeaders.TryRead(Headers(name, value), out _));

    private static HeaderDictionary Headers(string name, string value) => new() { [name] = value };
}
