using System.Diagnostics;
using System.Net;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.ServiceDiscovery;
using ProxylessMesh.TestSupport;

namespace ProxylessMesh.Client.Tests.Outbound;

public sealed class HandlerCoverageTests
{
    private static CancellationToken TestEnd => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Client_that_sets_its_own_primary_handler_is_covered_and_one_that_opts_out_is_not()
    {
        await using var backend = await TestBackend.StartAsync(static http => http.Response.WriteAsync("mesh"));
        await using var mesh = new TestMesh(configure: static services =>
        {
            services.AddHttpClient("own").ConfigurePrimaryHttpMessageHandler(static () => new Stub());
            services.AddHttpClient("out").ConfigurePrimaryHttpMessageHandler(static () => new Stub()).WithoutMesh();
        });
        mesh.Xds.Publish(Configs.Host("catalog", backend.Address));
        using var own = mesh.Client("own");
        using var outside = mesh.Client("out");

        Assert.Equal("mesh", await own.GetStringAsync(new Uri("http://catalog/"), TestEnd));
        Assert.Equal("stub", await outside.GetStringAsync(new Uri("http://catalog/"), TestEnd));
    }

    [Fact]
    public async Task Client_with_a_resilience_handler_of_its_own_is_warned_about_once()
    {
        await using var backend = await TestBackend.StartAsync(static http => http.Response.WriteAsync("mesh"));
        await using var mesh = new TestMesh(configure: static services => services.AddHttpClient("nested").AddStandardResilienceHandler());
        mesh.Xds.Publish(Configs.Host("catalog", backend.Address));

        for (var i = 0; i < 2; i++)
        {
            using var client = mesh.Client("nested");
            Assert.Equal("mesh", await client.GetStringAsync(new Uri("http://catalog/"), TestEnd));
        }

        Assert.Contains("'nested'", Assert.Single(mesh.Logs.Entries, static entry => entry.Event.Id == 2501 && entry.Level == LogLevel.Warning).Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Service_discovery_above_the_mesh_leaves_the_name_to_it()
    {
        await using var backend = await TestBackend.StartAsync(static http => http.Response.WriteAsync(http.Request.Host.Value!));
        await using var mesh = new TestMesh(configure: static services =>
        {
            services.AddSingleton<IConfiguration>(new ConfigurationBuilder().Build());
            services.AddServiceDiscovery();
            services.AddHttpClient("found").AddServiceDiscovery();
        });
        mesh.Xds.Publish(Configs.Host("catalog", backend.Address));
        using var client = mesh.Client("found");

        Assert.Equal("catalog", await client.GetStringAsync(new Uri("http://catalog/"), TestEnd));

        var resolver = mesh.Services.GetRequiredService<ServiceEndpointResolver>();
        var endpoints = await resolver.GetEndpointsAsync("http://catalog", TestEnd);
        Assert.Equal("catalog", Assert.IsType<DnsEndPoint>(Assert.Single(endpoints.Endpoints).EndPoint).Host);
    }

    [Fact]
    public async Task One_span_per_call_and_its_context_on_the_wire()
    {
        using var app = new ActivitySource("HandlerCoverageTests");
        var spans = new List<Activity>();
        using var listener = new ActivityListener
        {
            ShouldListenTo = static source => source.Name is "ProxylessMesh" or "HandlerCoverageTests",
            Sample = static (ref ActivityCreationOptions<ActivityContext> _) => ActivitySamplingResult.AllDataAndRecorded,
            ActivityStopped = activity =>
            {
                lock (spans)
                {
                    spans.Add(activity);
                }
            },
        };
        ActivitySource.AddActivityListener(listener);
        await using var backend = await TestBackend.StartAsync(static http => http.Response.WriteAsync(http.Request.Headers.TraceParent.ToString()));
        await using var mesh = TestMesh.With(Configs.Host("catalog", RetryTests.DeadEndpoint(), backend.Address));
        using var client = mesh.Client();
        using var parent = app.StartActivity("test");
        using var request = new HttpRequestMessage(HttpMethod.Get, "http://catalog/");

        using var response = await client.SendAsync(request, TestEnd);
        var seen = await response.Content.ReadAsStringAsync(TestEnd);

        Assert.Same(parent, Activity.Current);
        Assert.False(request.Headers.Contains("traceparent"));
        var mine = spans.Where(span => span.TraceId == parent!.TraceId).ToList();
        var call = Assert.Single(mine, static span => span.OperationName == "GET");
        Assert.Equal(parent!.SpanId, call.ParentSpanId);
        Assert.Equal("catalog", call.GetTagItem("proxyless_mesh.cluster"));
        Assert.Contains(mine.Select(static span => span.SpanId.ToHexString()), id => seen.Contains(id, StringComparison.Ordinal));
    }

    private sealed class Stub : HttpMessageHandler
    {
        protected override Task<HttpResponseMessage> SendAsync(HttpRequestMessage request, CancellationToken cancellationToken)
            => Task.FromResult(new HttpResponseMessage { RequestMessage = request, Content = new StringContent("stub") });
    }
}
