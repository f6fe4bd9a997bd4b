using System.Globalization;
using System.Net;
using System.Net.Http.Headers;
using System.Text;
using ProxylessMesh.Client.Routing;

namespace ProxylessMesh.Client.Outbound;

/// <summary>Answers that the mesh gives itself. For gRPC: nothing but trailers, so that the client reports the right status.</summary>
internal static class LocalAnswer
{
    private static readonly MediaTypeHeaderValue PlainText = new("text/plain");
    private static readonly MediaTypeHeaderValue GrpcContentType = new("application/grpc");

    public static bool IsGrpc(HttpRequestMessage request)
        => request.Content is { } content
            && content.Headers.NonValidated.TryGetValues("Content-Type", out var type)
            && type.ToString().StartsWith("application/grpc", StringComparison.OrdinalIgnoreCase);

    public static HttpResponseMessage Grpc(HttpRequestMessage request, int status, string message)
    {
        var response = new HttpResponseMessage(HttpStatusCode.OK)
        {
            Version = HttpVersion.Version20,
            RequestMessage = request,
            Content = new ByteArrayContent([]) { Headers = { ContentType = GrpcContentType } },
        };
        response.Headers.TryAddWithoutValidation("grpc-status", status.ToString(CultureInfo.InvariantCulture));
        response.Headers.TryAddWithoutValidation("grpc-message", Uri.EscapeDataString(message));
        return response;
    }

    public static HttpResponseMessage Http(HttpRequestMessage request, int status, string message) => new((HttpStatusCode)status)
    {
        Version = HttpVersion.Version20,
        RequestMessage = request,
        Content = new StringContent(message),
    };

    /// <summary>What a route answers itself. A gRPC caller gets the status that the HTTP status means; a redirect is nothing it could follow (gRFC A28).</summary>
    public static HttpResponseMessage Of(RouteAnswer answer, HttpRequestMessage request, Uri uri, string authority)
    {
        var location = answer.Location(uri, request.Headers.Host ?? authority);
        if (IsGrpc(request))
        {
            return location is null
                ? Grpc(request, AttemptOutcome.GrpcStatusOf(answer.Status), Encoding.UTF8.GetString(answer.Body.Span))
                : Grpc(request, 14, $"the route redirects to {location}");
        }

        var response = new HttpResponseMessage((HttpStatusCode)answer.Status)
        {
            Version = HttpVersion.Version20,
            RequestMessage = request,
            Content = new ReadOnlyMemoryContent(answer.Body),
        };
        if (answer.Body.Length > 0)
        {
            response.Content.Headers.ContentType = PlainText;
        }

        if (location is not null)
        {
            response.Headers.TryAddWithoutValidation("Location", location);
        }

        return response;
    }

    /// <summary>An injected abort, in the words of the caller's protocol.</summary>
    public static HttpResponseMessage Abort(HttpRequestMessage request, bool isGrpc, int? httpStatus, int? grpcStatus)
    {
        const string Message = "fault injected by the mesh";
        return isGrpc
            ? Grpc(request, grpcStatus ?? AttemptOutcome.GrpcStatusOf(httpStatus ?? 500), Message)
            : Http(request, httpStatus ?? AttemptOutcome.HttpStatusOf(grpcStatus ?? 2), Message);
    }

    /// <summary>The gRPC status of an error of the mesh (gRFC A28, A31, A32).</summary>
    public static int GrpcStatusOf(MeshError error) => error == MeshError.DeadlineExceeded ? 4 : 14;
}
