using Microsoft.AspNetCore.Http;
using ProxylessMesh.Authorization;
using ProxylessMesh.Client.Resilience;

namespace ProxylessMesh.Limits;

/// <summary>
/// Lets a caller's deadline travel on: it bounds every outgoing call made while this one is served. A call whose deadline has already
/// passed is not started, as nobody waits for its answer.
/// </summary>
internal sealed class DeadlineMiddleware(RequestDelegate next, TimeProvider time)
{
    public Task InvokeAsync(HttpContext context)
    {
        if (context.Features.Get<IMeshPeerFeature>() is null || !DeadlineHeaders.TryRead(context.Request.Headers, out var remaining))
        {
            return next(context);
        }

        return remaining > TimeSpan.Zero ? BoundAsync(context, remaining) : RefusalResponse.DeadlineExceeded.WriteAsync(context);
    }

    // Async on purpose: what it sets on the execution context ends with it and cannot reach the connection's next request.
    private async Task BoundAsync(HttpContext context, TimeSpan remaining)
    {
        MeshDeadline.Current = new MeshDeadline(time, remaining);
        await next(context);
    }
}
