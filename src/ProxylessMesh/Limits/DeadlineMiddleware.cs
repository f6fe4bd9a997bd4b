using Microsoft.AspNetCore.Http;
using ProxylessMesh.Authorization;
using ProxylessMesh.Client.Resilience;

namespace ProxylessMesh.Limits;

/// <summary>
/// Lets what a caller said about its call travel on to the calls made while serving it: its deadline, which bounds them, and that it is
/// a retry, which they then are not. A call whose deadline has already passed is not started, as nobody waits for its answer.
/// </summary>
internal sealed class DeadlineMiddleware(RequestDelegate next, TimeProvider time)
{
    public Task InvokeAsync(HttpContext context)
    {
        var headers = context.Request.Headers;
        if (context.Features.Get<IMeshPeerFeature>() is null)
        {
            return next(context);
        }

        TimeSpan? limit = DeadlineHeaders.TryRead(headers, out var remaining) ? remaining : null;
        if (limit <= TimeSpan.Zero)
        {
            return RefusalResponse.DeadlineExceeded.WriteAsync(context);
        }

        var isRetry = AttemptHeaders.IsRetry(headers);
        return limit is null && !isRetry ? next(context) : ServeAsync(context, limit, isRetry);
    }

    // Async on purpose: what it sets on the execution context ends with it and cannot reach the connection's next request.
    private async Task ServeAsync(HttpContext context, TimeSpan? limit, bool isRetry)
    {
        if (limit is { } remaining)
        {
            MeshDeadline.Current = new MeshDeadline(time, remaining);
        }

        if (isRetry)
        {
            ServedCall.IsRetry = true;
        }

        await next(context);
    }
}
