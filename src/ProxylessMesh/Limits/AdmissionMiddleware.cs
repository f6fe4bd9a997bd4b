using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Logging;
using ProxylessMesh.Admission;
using ProxylessMesh.Authentication;
using ProxylessMesh.Authorization;
using ProxylessMesh.Snapshots;
using ProxylessMesh.Telemetry;

namespace ProxylessMesh.Limits;

/// <summary>Lets an authorized call in when its route has a token and room for it. A route without limits costs one lookup.</summary>
internal sealed partial class AdmissionMiddleware(RequestDelegate next, InboundMeter meter, TimeProvider time, ILogger<AdmissionMiddleware> logger)
{
    private readonly LogThrottle _throttle = new(time);

    public Task InvokeAsync(HttpContext context)
        => context.Features.Get<InboundRoute>() is { Admission: { } admission } && context.Features.Get<IMeshPeerFeature>() is MeshPeer peer
            ? AdmitAsync(context, admission, peer)
            : next(context);

    private Task AdmitAsync(HttpContext context, CallAdmission admission, MeshPeer peer)
    {
        foreach (var limiter in admission.RateLimiters)
        {
            if (!limiter.TryAcquire(peer, out var retryAfter))
            {
                return RefuseAsync(context, peer, "rate_limit", RefusalResponse.RateLimited(limiter.Status, retryAfter));
            }
        }

        if (admission.Concurrency is { } concurrency && !concurrency.TryEnter())
        {
            return RefuseAsync(context, peer, "concurrency", RefusalResponse.Overloaded(StatusCodes.Status503ServiceUnavailable));
        }

        if (admission.Gradient is { } gradient && !gradient.TryEnter(CriticalityOf(context.Request)))
        {
            admission.Concurrency?.Exit();
            return RefuseAsync(context, peer, "adaptive_concurrency", RefusalResponse.Overloaded(gradient.Status));
        }

        return admission is { Concurrency: null, Gradient: null } ? next(context) : RunAsync(context, admission);
    }

    private async Task RunAsync(HttpContext context, CallAdmission admission)
    {
        var started = time.GetTimestamp();
        var ended = false;
        try
        {
            await next(context);
            ended = true;
        }
        finally
        {
            admission.Concurrency?.Exit();
            admission.Gradient?.Exit(started, isSample: ended && !context.RequestAborted.IsCancellationRequested);
        }
    }

    private Task RefuseAsync(HttpContext context, MeshPeer peer, string limit, RefusalResponse response)
    {
        meter.Shed(limit);
        if (_throttle.TryEnter(peer.RemoteAddress, limit, out var suppressed))
        {
            LogShed(limit, context.Request.Method, context.Request.Path.ToUriComponent(), peer, suppressed);
        }

        return response.WriteAsync(context);
    }

    private static CallCriticality CriticalityOf(HttpRequest request)
        => !request.Headers.TryGetValue("x-mesh-criticality", out var word) ? CallCriticality.Default
            : word == "sheddable" ? CallCriticality.Sheddable
            : word == "critical" ? CallCriticality.Critical
            : CallCriticality.Default;

    [LoggerMessage(4040, LogLevel.Warning, "Shed by the limit '{Limit}': {Method} {Path} of {Peer}. Raise the limit in the InboundLimits of this workload, or give it more instances. Left out since the last such line: {Suppressed}.")]
    private partial void LogShed(string limit, string method, string? path, MeshPeer peer, long suppressed);
}
