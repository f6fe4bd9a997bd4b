using System.Globalization;
using System.Net;
using ProxylessMesh.Client.Resilience;

namespace ProxylessMesh.Client.Outbound;

/// <summary>Says what an answer or an exception means: the one place that knows what counts as a failure and what was not processed.</summary>
internal static class AttemptOutcome
{
    // RFC 9113 §7.
    private const long RefusedStream = 7;

    public static CallOutcome Of(HttpResponseMessage response, bool isGrpc, bool endpointLeaves)
    {
        var status = (int)response.StatusCode;
        var grpcStatus = isGrpc ? GrpcStatusOf(response.Headers) ?? (status == 200 ? null : GrpcStatusOf(status)) : null;
        var draining = status == 503 && (endpointLeaves || response.Headers.NonValidated.Contains("x-envoy-immediate-health-check-fail"));
        return new CallOutcome(OutcomeKind.Answered, status, grpcStatus, draining);
    }

    /// <summary>Of an exception that is no cancellation by the caller or a timeout of ours.</summary>
    public static CallOutcome Of(Exception error, bool isGrpc)
    {
        // gRPC over HTTP/2: a connection that breaks is UNAVAILABLE.
        var status = 14;
        for (var inner = error; inner is not null; inner = inner.InnerException)
        {
            switch (inner)
            {
                case EndpointConnectException connect:
                    return new CallOutcome(connect.Kind);
                case HttpProtocolException { ErrorCode: RefusedStream }:
                case HttpProtocolException protocol when IsBehindGoAway(protocol):
                    return new CallOutcome(OutcomeKind.RefusedStream);
                case HttpProtocolException protocol:
                    status = GrpcStatusOfReset(protocol.ErrorCode);
                    break;
                case HttpRequestException { HttpRequestError: HttpRequestError.ConnectionError or HttpRequestError.SecureConnectionError or HttpRequestError.VersionNegotiationError }:
                    return new CallOutcome(OutcomeKind.ConnectFailed);
            }
        }

        return new CallOutcome(OutcomeKind.Reset, GrpcStatus: isGrpc ? status : null);
    }

    // A GOAWAY excludes the stream (RFC 9113 §6.8). SocketsHttpHandler begins such a call again itself, but not when it hears of it while it sends
    // the body: then this exception comes, and only its text tells it from the reset of one stream. With another text the call is not repeated.
    private static bool IsBehindGoAway(HttpProtocolException error)
        => error.Message.StartsWith("The HTTP/2 server closed the connection.", StringComparison.Ordinal);

    // gRPC over HTTP/2, "Errors".
    private static int GrpcStatusOfReset(long http2Error) => http2Error switch
    {
        8 => 1,
        11 => 8,
        12 => 7,
        _ => 13,
    };

    public static int? GrpcStatusOf(System.Net.Http.Headers.HttpHeaders headers)
        => headers.NonValidated.TryGetValues("grpc-status", out var values)
            ? int.TryParse(values.ToString(), NumberStyles.None, CultureInfo.InvariantCulture, out var status) ? status : 2
            : null;

    /// <summary>What a gRPC status counts as for outlier detection (Envoy's mapping).</summary>
    public static int HttpStatusOf(int grpcStatus) => grpcStatus switch
    {
        0 => (int)HttpStatusCode.OK,
        1 => 499,
        3 or 9 or 11 => (int)HttpStatusCode.BadRequest,
        4 => (int)HttpStatusCode.GatewayTimeout,
        5 => (int)HttpStatusCode.NotFound,
        6 or 10 => (int)HttpStatusCode.Conflict,
        7 => (int)HttpStatusCode.Forbidden,
        8 => (int)HttpStatusCode.TooManyRequests,
        12 => (int)HttpStatusCode.NotImplemented,
        14 => (int)HttpStatusCode.ServiceUnavailable,
        16 => (int)HttpStatusCode.Unauthorized,
        _ => (int)HttpStatusCode.InternalServerError,
    };

    /// <summary>What an HTTP status means to a gRPC caller (gRPC over HTTP2, "HTTP status to gRPC status").</summary>
    public static int GrpcStatusOf(int httpStatus) => httpStatus switch
    {
        400 => 13,
        401 => 16,
        403 => 7,
        404 => 12,
        429 or 502 or 503 or 504 => 14,
        _ => 2,
    };
}
