using System.Net;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Time.Testing;
using ProxylessMesh.Load;
using ProxylessMesh.Xds.Resources;
using Xds.Data.Orca.V3;
using static ProxylessMesh.Tests.Policies;

namespace ProxylessMesh.Tests.Limits;

public sealed class LoadReportMiddlewareTests
{
    private static readonly LoadReportFilterConfig Reports = new("load");

    private static CancellationToken Cancelled => TestContext.Current.CancellationToken;

    [Fact]
    public async Task An_http_answer_carries_a_report_in_envoys_text_form()
    {
        await using var app = await MeshApp.StartAsync(Strict().WithFilters(Reports));
        using var client = app.Client();

        using var answer = await client.GetAsync("/", Cancelled);

        var report = Assert.Single(answer.Headers.GetValues("endpoint-load-metrics"));
        Assert.Matches("^TEXT cpu_utilization=[0-9.]+,mem_utilization=[0-9.]+,application_utilization=[0-9.]+,rps_fractional=", report);
    }

    [Fact]
    public async Task Nothing_is_reported_where_nobody_asks()
    {
        await using var app = await MeshApp.StartAsync(Strict());
        using var client = app.Client();

        using var answer = await client.GetAsync("/", Cancelled);

        Assert.False(answer.Headers.Contains("endpoint-load-metrics"));
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task A_grpc_answer_carries_a_report_where_its_status_is(bool hasMessage)
    {
        await using var app = await MeshApp.StartAsync(Strict().WithFilters(Reports), async http =>
        {
            http.Response.ContentType = "application/grpc";
            if (!hasMessage)
            {
                http.Response.Headers["grpc-status"] = "5";
                return;
            }

            await http.Response.Body.WriteAsync(new byte[] { 0, 0, 0, 0, 0 }, http.RequestAborted);
            http.Response.AppendTrailer("grpc-status", "0");
        });
        using var client = app.Client();
        using var request = new HttpRequestMessage(HttpMethod.Post, "/shop.Catalog/Get") { Version = HttpVersion.Version20, Content = new ByteArrayContent([0, 0, 0, 0, 0]) };
        request.Content.Headers.TryAddWithoutValidation("Content-Type", "application/grpc");

        using var answer = await client.SendAsync(request, Cancelled);
        await answer.Content.ReadAsByteArrayAsync(Cancelled);

        var where = hasMessage ? answer.TrailingHeaders : answer.Headers;
        Assert.Single(where.GetValues("grpc-status"));
        var report = OrcaLoadReport.Parser.ParseFrom(Convert.FromBase64String(Assert.Single(where.GetValues("endpoint-load-metrics-bin"))));
        Assert.True(report.NamedMetrics.ContainsKey("thread_pool_queue"));
        Assert.Equal(hasMessage, answer.TrailingHeaders.Any());
    }

    [Fact]
    public void A_report_counts_calls_and_errors_by_the_second()
    {
        var time = new FakeTimeProvider();
        var load = new ServerLoad(time);
        Assert.Equal(0, load.Current().CallsPerSecond);
        for (var i = 0; i < 10; i++)
        {
            load.CallStarted();
            load.CallEnded(isError: i < 4);
        }

        load.CallStarted();
        var early = load.Current();
        time.Advance(TimeSpan.FromSeconds(2));
        var report = load.Current();

        Assert.Equal(0, early.CallsPerSecond);
        Assert.Equal(5, report.CallsPerSecond);
        Assert.Equal(2, report.ErrorsPerSecond);
        Assert.Equal(1, report.Running);
        Assert.Same(report, load.Current());
        Assert.InRange(report.Processor, 0, 1);
        Assert.True(report.Application >= report.Processor);
    }

    [Fact]
    public void Both_forms_of_a_report_say_the_same()
    {
        var report = new LoadReport { MeasuredAt = 0, Processor = 0.25, Memory = 0.5, Application = 1.5, CallsPerSecond = 120.5, ErrorsPerSecond = 2, GcPauseShare = 0.01, ThreadPoolQueue = 1.5, Running = 7 };

        Assert.Equal(
            "TEXT cpu_utilization=0.25,mem_utilization=0.5,application_utilization=1.5,rps_fractional=120.5,eps=2,named_metrics.gc_pause=0.01,named_metrics.thread_pool_queue=1.5,named_metrics.in_flight=7",
            report.Text);
        var binary = OrcaLoadReport.Parser.ParseFrom(Convert.FromBase64String(report.Binary));
        Assert.Equal((0.25, 0.5, 1.5, 120.5, 2), (binary.CpuUtilization, binary.MemUtilization, binary.ApplicationUtilization, binary.RpsFractional, binary.Eps));
        Assert.Equal(7, binary.NamedMetrics["in_flight"]);
    }
}
