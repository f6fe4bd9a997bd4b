using System.Net;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Time.Testing;
using ProxylessMesh.Client.Clusters;
using ProxylessMesh.Client.Telemetry;
using ProxylessMesh.Xds.Resources;

namespace ProxylessMesh.Client.Tests.Outbound;

/// <summary>The header that tells the next hop how long it has: one value on each attempt, and the application's own afterwards.</summary>
public sealed class ExpectedTimeoutTests
{
    private const string Name = "x-envoy-expected-rq-timeout-ms";

    [Theory]
    [InlineData(null, "none")]
    [InlineData(null, "remove")]
    [InlineData(null, "set")]
    [InlineData("7", "none")]
    [InlineData("7", "remove")]
    [InlineData("7", "set")]
    public async Task Each_attempt_says_what_is_left_and_the_message_is_as_before_afterwards(string? own, string change)
    {
        var time = new FakeTimeProvider();
        var transport = new FailsFirst(time);
        await using var mesh = new TestMesh(time: time, configure: services => services.AddSingleton(provider => new EndpointTable(
            (_, _, _) => new HttpMessageInvoker(transport, disposeHandler: false),
            time,
            provider.GetRequiredService<MeshMeter>(),
            NullLogger<EndpointTable>.Instance)));
        var headers = new HeaderOperationsConfig
        {
            RequestRemove = change == "remove" ? [Name] : [],
            RequestSet = change == "set" ? [new(Name, "9")] : [],
        };
        var action = Configs.Forward("catalog") with { Timeout = TimeSpan.FromSeconds(15) };
        mesh.Xds.Publish(Configs.Host(
            "catalog",
            [Configs.Route(action) with { Headers = headers }],
            Configs.Cluster("catalog", new IPEndPoint(IPAddress.Loopback, 1), new IPEndPoint(IPAddress.Loopback, 2))));
        using var client = new HttpMessageInvoker(mesh.Services.GetRequiredService<MeshHttpHandlerFactory>().Create());
        using var request = new HttpRequestMessage(HttpMethod.Get, "http://catalog/");
        if (own is not null)
        {
            request.Headers.Add(Name, own);
        }

        using var first = await client.SendAsync(request, TestContext.Current.CancellationToken);
        using var second = await client.SendAsync(request, TestContext.Current.CancellationToken);

        // An attempt that finds no connection is made again at once, at another endpoint, two seconds later by this transport's clock.
        Assert.Equal(["15000", "13000", "15000"], transport.Told);
        Assert.Equal(own, request.Headers.TryGetValues(Name, out var left) ? Assert.Single(left) : null);
    }

    private sealed class FailsFirst(FakeTimeProvider time) : HttpMessageHandler
    {
        public List<string> Told { get; } = [];

        protected override Task<HttpResponseMessage> SendAsync(HttpRequestMessage request, CancellationToken cancellationToken)
        {
            Told.Add(string.Join('|', request.Headers.GetValues(Name)));
            if (Told.Count > 1)
            {
                return Task.FromResult(new HttpResponseMessage());
            }

            time.Advance(TimeSpan.FromSeconds(2));
            return Task.FromException<HttpResponseMessage>(new HttpRequestException(HttpRequestError.ConnectionError));
        }
    }
}
