using System.Net;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging.Abstractions;
using ProxylessMesh.Client.Clusters;
using ProxylessMesh.Client.Outbound;
using ProxylessMesh.Client.Snapshots;
using ProxylessMesh.Client.Telemetry;
using ProxylessMesh.Xds.Matching;
using ProxylessMesh.Xds.Resources;

namespace ProxylessMesh.Client.Tests.Outbound;

public sealed class AllocationTests
{
    [Fact]
    public async Task Match_and_pick_allocate_nothing()
    {
        SkipInDebug();
        var route = new RouteRuleConfig
        {
            Match = new RequestMatcher { Path = PathMatcher.Prefix("/"), Headers = [new HeaderMatcher { Name = "x-user", Value = StringMatcher.Exact("beta") }] },
            Action = Configs.Forward("catalog"),
        };
        var balancer = new LoadBalancerConfig { Kind = LoadBalancerKind.LeastRequest };
        await using var mesh = TestMesh.With(Configs.Host(
            "catalog",
            [route, Configs.Route(Configs.Forward("catalog"))],
            Configs.Cluster(new ClusterConfig { Name = "catalog", LoadBalancer = balancer }, new IPEndPoint(IPAddress.Loopback, 1), new IPEndPoint(IPAddress.Loopback, 2))));
        var snapshots = mesh.Services.GetRequiredService<SnapshotSource>();
        using var request = new HttpRequestMessage(HttpMethod.Get, "http://catalog/items?x=1") { Headers = { { "x-user", "someone" } } };

        var perCall = PerCall(() =>
        {
            Assert.True(HostKey.TryGet(request.RequestUri, out var key));
            var host = snapshots.Find(key);
            var rule = host.State.Routes!.Match(new HttpRequestInput(request, request.RequestUri!, host.Authority));
            return rule!.Clusters!.Pick().Cluster!.Pick();
        });

        Assert.Equal(0, perCall);
    }

    [Fact]
    public async Task Handler_stays_within_its_bound_over_a_transport_that_answers_at_once()
    {
        SkipInDebug();
        await using var mesh = new TestMesh(configure: static services => services.AddSingleton(static provider => new EndpointTable(
            static (_, _, _) => new HttpMessageInvoker(new AnswersAtOnce()),
            TimeProvider.System,
            provider.GetRequiredService<MeshMeter>(),
            NullLogger<EndpointTable>.Instance)));
        mesh.Xds.Publish(Configs.Host("catalog", new IPEndPoint(IPAddress.Loopback, 1), new IPEndPoint(IPAddress.Loopback, 2)));
        using var client = new HttpMessageInvoker(mesh.Services.GetRequiredService<MeshHttpHandlerFactory>().Create());
        using var request = new HttpRequestMessage(HttpMethod.Get, "http://catalog/");

        var perCall = PerCall(() => client.SendAsync(request, CancellationToken.None));

        // Budget of performance.md: no more than the 160 bytes that HttpClient's own timeout costs. Not reached yet; this holds what is.
        Assert.InRange(perCall, 0, 280);
        TestContext.Current.TestOutputHelper?.WriteLine($"{perCall} bytes per call");
    }

    [Fact]
    public async Task Handler_stays_within_its_bound_where_the_route_limits_the_time()
    {
        SkipInDebug();
        await using var mesh = new TestMesh(configure: static services => services.AddSingleton(static provider => new EndpointTable(
            static (_, _, _) => new HttpMessageInvoker(new AnswersAtOnce()),
            TimeProvider.System,
            provider.GetRequiredService<MeshMeter>(),
            NullLogger<EndpointTable>.Instance)));
        mesh.Xds.Publish(Configs.Host(
            "catalog",
            Configs.Forward("catalog") with { Timeout = TimeSpan.FromSeconds(15) },
            Configs.Cluster("catalog", new IPEndPoint(IPAddress.Loopback, 1), new IPEndPoint(IPAddress.Loopback, 2))));
        using var client = new HttpMessageInvoker(mesh.Services.GetRequiredService<MeshHttpHandlerFactory>().Create());
        var uri = new Uri("http://catalog/");

        var alone = PerCall(() =>
        {
            using var request = new HttpRequestMessage(HttpMethod.Get, uri);
            return request;
        });
        var perCall = PerCall(() =>
        {
            using var request = new HttpRequestMessage(HttpMethod.Get, uri);
            return client.SendAsync(request, CancellationToken.None);
        });

        TestContext.Current.TestOutputHelper?.WriteLine($"{perCall - alone} bytes per call");

        // 136 of them are the header that tells the next hop; the deadline is used again.
        Assert.InRange(perCall - alone, 0, 416);
    }

    private static void SkipInDebug()
    {
#if DEBUG
        Assert.Skip("Allocation is measured in Release: Debug boxes state machines.");
#endif
    }

    private sealed class AnswersAtOnce : HttpMessageHandler
    {
        private static readonly Task<HttpResponseMessage> Ok = Task.FromResult(new HttpResponseMessage { Content = new ByteArrayContent([]) });

        protected override Task<HttpResponseMessage> SendAsync(HttpRequestMessage request, CancellationToken cancellationToken) => Ok;
    }

    internal static long PerCall(Func<object?> call)
    {
        const int Calls = 10_000;
        for (var i = 0; i < 100; i++)
        {
            call();
        }

        var before = GC.GetAllocatedBytesForCurrentThread();
        for (var i = 0; i < Calls; i++)
        {
            call();
        }

        return (GC.GetAllocatedBytesForCurrentThread() - before) / Calls;
    }
}
