using System.Globalization;
using Microsoft.AspNetCore.Connections.Features;
using Microsoft.AspNetCore.Http;

namespace ProxylessMesh.Authorization;

/// <summary>
/// An answer in place of the application's: by HTTP status, or for gRPC by a trailers-only response (status in the headers, no body).
/// It says nothing about policies: their names are for the log.
/// </summary>
internal sealed class RefusalResponse(int httpStatus, int grpcStatus, string message)
{
    public static readonly RefusalResponse Denied = new(StatusCodes.Status403Forbidden, 7, "The mesh does not allow this call.");

    public static readonly RefusalResponse TokenRefused = new(StatusCodes.Status401Unauthorized, 16, "A valid token is needed.");

    public static readonly RefusalResponse TokenForOthers = new(StatusCodes.Status403Forbidden, 7, "The token is not for this service.");

    public static readonly RefusalResponse BodyTooLarge = new(StatusCodes.Status413PayloadTooLarge, 8, "The body is too large.");

    public static readonly RefusalResponse NoPolicyYet = new(StatusCodes.Status503ServiceUnavailable, 14, "This workload has not received its mesh policy yet. Try again.") { RetryAfterSeconds = 1 };

    public static readonly RefusalResponse NotMesh = new(StatusCodes.Status503ServiceUnavailable, 14, "This endpoint is not set up for the mesh.");

    public static readonly RefusalResponse PlaintextRefused = new(StatusCodes.Status403Forbidden, 7, "This port takes mesh TLS only.") { Closes = true };

    /// <summary>RFC 9110 §15.5.20: another connection, with what the caller can prove now, may have another answer.</summary>
    public static readonly RefusalResponse PeerOutdated = new(StatusCodes.Status421MisdirectedRequest, 14, "What this connection was made with is no longer valid. Connect again.") { Closes = true };

    public static readonly RefusalResponse NoRoute = new(StatusCodes.Status404NotFound, 14, "The mesh has no route for this call here.");

    public static readonly RefusalResponse AmbiguousPath = new(StatusCodes.Status400BadRequest, 3, "The path of this call can be read in more than one way.");

    public static readonly RefusalResponse DeadlineExceeded = new(StatusCodes.Status504GatewayTimeout, 4, "The caller's deadline had passed before the call was started.");

    private int RetryAfterSeconds { get; init; }

    // Envoy's word for it: callers do not repeat such a call unless their policy says so.
    private bool IsRateLimited { get; init; }

    private bool Closes { get; init; }

    /// <summary>One call too many. <paramref name="retryAfter"/> is rounded up to whole seconds (RFC 9110 §10.2.3); zero: not said.</summary>
    public static RefusalResponse RateLimited(int status, TimeSpan retryAfter)
        => new(status, status == StatusCodes.Status429TooManyRequests ? 8 : 14, "Too many calls. Try again later.") { RetryAfterSeconds = (int)Math.Ceiling(retryAfter.TotalSeconds), IsRateLimited = true };

    /// <summary>As many calls run as this process serves well.</summary>
    public static RefusalResponse Overloaded(int status) => new(status, 14, "This workload is overloaded. Try another one.");

    /// <summary>An authorizer said no, or could not be asked.</summary>
    public static RefusalResponse NotAuthorized(int status)
        => new(status, status switch { StatusCodes.Status401Unauthorized => 16, StatusCodes.Status429TooManyRequests => 8, >= 500 => 14, _ => 7 }, "The mesh does not allow this call.");

    public Task WriteAsync(HttpContext context)
    {
        var response = context.Response;
        if (IsRateLimited)
        {
            response.Headers["x-envoy-ratelimited"] = "true";
        }

        if (Closes)
        {
            // Connection: close, or GOAWAY.
            context.Features.Get<IConnectionLifetimeNotificationFeature>()?.RequestClose();
        }

        if (RetryAfterSeconds > 0)
        {
            response.Headers.RetryAfter = RetryAfterSeconds.ToString(CultureInfo.InvariantCulture);
        }

        if (IsGrpc(context.Request))
        {
            response.ContentType = "application/grpc";
            response.Headers["grpc-status"] = grpcStatus.ToString(CultureInfo.InvariantCulture);
            response.Headers["grpc-message"] = message;
            return response.CompleteAsync();
        }

        response.StatusCode = httpStatus;
        response.ContentType = "text/plain; charset=utf-8";
        return response.WriteAsync(message, context.RequestAborted);
    }

    /// <summary>A gRPC call, by its content type.</summary>
    public static bool IsGrpc(HttpRequest request) => request.ContentType is { } type && type.StartsWith("application/grpc", StringComparison.OrdinalIgnoreCase);
}
