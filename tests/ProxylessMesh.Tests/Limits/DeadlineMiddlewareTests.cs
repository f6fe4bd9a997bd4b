using System.Net;
using Microsoft.AspNetCore.Http;
using ProxylessMesh.Client.Resilience;

namespace ProxylessMesh.Tests.Limits;

public sealed class DeadlineMiddlewareTests
{
    private static CancellationToken TestEnd => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Rest_of_the_callers_deadline_bounds_what_the_application_calls_and_ends_with_the_call()
    {
        await using var app = await MeshApp.StartAsync(Policies.Strict(), static http => http.Response.WriteAsync(MeshDeadline.Current is { } deadline ? $"{deadline.Remaining.TotalSeconds is > 0 and <= 20}" : "none"));
        using var client = app.Client(version: HttpVersion.Version11);
        using var request = new HttpRequestMessage(HttpMethod.Get, "/") { Version = HttpVersion.Version11, Headers = { { "x-envoy-expected-rq-timeout-ms", "20000" } } };

        using var bounded = await client.SendAsync(request, TestEnd);

        Assert.Equal("True", await bounded.Content.ReadAsStringAsync(TestEnd));
        Assert.Equal("none", await client.GetStringAsync("/", TestEnd));
    }

    [Fact]
    public async Task Call_whose_deadline_has_passed_is_not_started()
    {
        var reached = false;
        await using var app = await MeshApp.StartAsync(Policies.Strict(), _ =>
        {
            reached = true;
            return Task.CompletedTask;
        });
        using var client = app.Client();
        client.DefaultRequestHeaders.Add("x-envoy-expected-rq-timeout-ms", "0");

        using var answer = await client.GetAsync("/", TestEnd);

        Assert.Equal(HttpStatusCode.GatewayTimeout, answer.StatusCode);
        Assert.False(reached);
    }

    [Theory]
    [InlineData("x-envoy-attempt-count", "1", false)]
    [InlineData("x-envoy-attempt-count", "2", true)]
    [InlineData("grpc-previous-rpc-attempts", "1", true)]
    [InlineData("grpc-previous-rpc-attempts", "many", false)]
    public async Task Application_that_serves_a_retry_is_known_to_until_the_call_ends(string header, string value, bool isRetry)
    {
        await using var app = await MeshApp.StartAsync(Policies.Strict(), static http => http.Response.WriteAsync($"{ServedCall.IsRetry}"));
        using var client = app.Client(version: HttpVersion.Version11);
        using var request = new HttpRequestMessage(HttpMethod.Get, "/") { Version = HttpVersion.Version11, Headers = { { header, value } } };

        using var answer = await client.SendAsync(request, TestEnd);

        Assert.Equal($"{isRetry}", await answer.Content.ReadAsStringAsync(TestEnd));
        Assert.Equal("False", await client.GetStringAsync("/", TestEnd));
    }
}
