using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;
using ProxylessMesh.Authorization;
using ProxylessMesh.Load;
using ProxylessMesh.Snapshots;

namespace ProxylessMesh.Limits;

/// <summary>
/// Tells callers how busy this process is, where the control plane says that they want to know: in a header of HTTP answers, in a
/// trailer of gRPC calls (gRFC A51), so that they can weigh endpoints (A58).
/// </summary>
internal sealed class LoadReportMiddleware(RequestDelegate next, ServerLoad load)
{
    public Task InvokeAsync(HttpContext context)
        => context.Features.Get<InboundRoute>() is { Admission.ReportsLoad: true } ? ReportAsync(context) : next(context);

    private async Task ReportAsync(HttpContext context)
    {
        var isGrpc = RefusalResponse.IsGrpc(context.Request);
        if (!isGrpc)
        {
            context.Response.OnStarting(
                static state =>
                {
                    var (response, load) = ((HttpResponse, ServerLoad))state;
                    response.Headers[LoadReport.HeaderName] = load.Current().Text;
                    return Task.CompletedTask;
                },
                (context.Response, load));
        }

        load.CallStarted();
        var failed = true;
        try
        {
            await next(context);
            failed = context.Response.StatusCode >= StatusCodes.Status500InternalServerError;
        }
        finally
        {
            load.CallEnded(failed);
        }

        if (isGrpc)
        {
            ReportInTrailer(context, load.Current().Binary);
        }
    }

    private static void ReportInTrailer(HttpContext context, string report)
    {
        // An answer that has not begun becomes trailers only: its status stands in the headers, and no second block may follow (gRPC over HTTP/2).
        if (!context.Response.HasStarted)
        {
            context.Response.Headers[LoadReport.TrailerName] = report;
        }
        else if (context.Features.Get<IHttpResponseTrailersFeature>() is { Trailers: { IsReadOnly: false } trailers })
        {
            trailers[LoadReport.TrailerName] = report;
        }
    }
}
