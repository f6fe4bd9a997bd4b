using System.Buffers.Binary;
using System.Net;
using System.Net.Http.Headers;
using System.Text;
using ProxylessMesh.Xds.Resources;

namespace ProxylessMesh.Client.Clusters;

/// <summary>Makes one check of an endpoint over its own transport: HTTP, gRPC (<c>grpc.health.v1.Health/Check</c>), or a connection alone.</summary>
internal static class HealthProbe
{
    /// <summary>Marks requests that are checks: their connections are not held back by <c>max_connections</c>.</summary>
    public static readonly HttpRequestOptionsKey<bool> Mark = new("mesh.health-check");

    private const int MaxAnswerBytes = 1024;

    public static async Task<CheckResult> AskAsync(ClusterEndpoint endpoint, ClusterConfig cluster, HealthCheckConfig check, TimeProvider time, CancellationToken cancellationToken)
    {
        using var limit = new CancellationTokenSource(check.Timeout, time);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(limit.Token, cancellationToken);
        try
        {
            return check.Kind switch
            {
                HealthCheckKind.Tcp => await ConnectAsync(endpoint, either.Token).ConfigureAwait(false),
                HealthCheckKind.Grpc => await AskGrpcAsync(endpoint, cluster, check, either.Token).ConfigureAwait(false),
                _ => await AskHttpAsync(endpoint, cluster, check, either.Token).ConfigureAwait(false),
            };
        }
        catch (Exception e) when (e is HttpRequestException or IOException or OperationCanceledException or ObjectDisposedException && !cancellationToken.IsCancellationRequested)
        {
            return CheckResult.Unreachable;
        }
    }

    private static async Task<CheckResult> ConnectAsync(ClusterEndpoint endpoint, CancellationToken cancellationToken)
    {
        if (endpoint.Transport is CountedTransport transport)
        {
            var stream = await transport.ConnectAsync(cancellationToken).ConfigureAwait(false);
            await stream.DisposeAsync().ConfigureAwait(false);
        }

        return CheckResult.Passed;
    }

    private static async Task<CheckResult> AskHttpAsync(ClusterEndpoint endpoint, ClusterConfig cluster, HealthCheckConfig check, CancellationToken cancellationToken)
    {
        using var request = Request(HttpMethod.Get, endpoint, cluster, check, check.Path, isHttp2: endpoint.MeshTls || cluster.Http2);
        using var response = await endpoint.Transport.SendAsync(request, cancellationToken).ConfigureAwait(false);
        var isGoing = response.Headers.NonValidated.Contains("x-envoy-immediate-health-check-fail");
        return !isGoing && IsExpected(check, (int)response.StatusCode) ? CheckResult.Passed : CheckResult.Refused;
    }

    private static bool IsExpected(HealthCheckConfig check, int status)
    {
        foreach (var (start, end) in check.ExpectedStatuses)
        {
            if (status >= start && status < end)
            {
                return true;
            }
        }

        return check.ExpectedStatuses.IsEmpty && status == 200;
    }

    // grpc.health.v1: HealthCheckRequest { string service = 1; }, HealthCheckResponse { ServingStatus status = 1; } with SERVING = 1.
    private static async Task<CheckResult> AskGrpcAsync(ClusterEndpoint endpoint, ClusterConfig cluster, HealthCheckConfig check, CancellationToken cancellationToken)
    {
        using var request = Request(HttpMethod.Post, endpoint, cluster, check, "/grpc.health.v1.Health/Check", isHttp2: true);
        request.Headers.TE.Add(new TransferCodingWithQualityHeaderValue("trailers"));
        request.Content = new ByteArrayContent(Frame(check.GrpcService)) { Headers = { ContentType = new MediaTypeHeaderValue("application/grpc") } };
        using var response = await endpoint.Transport.SendAsync(request, cancellationToken).ConfigureAwait(false);
        var body = await response.Content.ReadAsStreamAsync(cancellationToken).ConfigureAwait(false);
        var answer = new byte[MaxAnswerBytes];
        var length = await body.ReadAtLeastAsync(answer, answer.Length, throwOnEndOfStream: false, cancellationToken).ConfigureAwait(false);
        var status = response.TrailingHeaders.NonValidated.TryGetValues("grpc-status", out var trailer) ? trailer.ToString() : null;
        return response.StatusCode == HttpStatusCode.OK && status == "0" && answer.AsSpan(0, length) is [_, _, _, _, _, 8, 1, ..] ? CheckResult.Passed : CheckResult.Refused;
    }

    private static byte[] Frame(string service)
    {
        var name = Encoding.UTF8.GetBytes(service);
        using var message = new MemoryStream();
        if (name.Length > 0)
        {
            message.WriteByte(10);
            for (var left = name.Length; ; left >>= 7)
            {
                message.WriteByte((byte)(left > 127 ? (left & 127) | 128 : left));
                if (left <= 127)
                {
                    break;
                }
            }

            message.Write(name);
        }

        var frame = new byte[5 + message.Length];
        BinaryPrimitives.WriteInt32BigEndian(frame.AsSpan(1), (int)message.Length);
        message.ToArray().CopyTo(frame, 5);
        return frame;
    }

    private static HttpRequestMessage Request(HttpMethod method, ClusterEndpoint endpoint, ClusterConfig cluster, HealthCheckConfig check, string path, bool isHttp2)
    {
        // A cluster's name need not be one of a host.
        var host = check.Host.Length > 0 ? check.Host : Uri.CheckHostName(cluster.Name) == UriHostNameType.Dns ? cluster.Name : endpoint.Name;
        var request = new HttpRequestMessage(method, $"{(endpoint.MeshTls ? Uri.UriSchemeHttps : Uri.UriSchemeHttp)}://{host}{path}")
        {
            Version = isHttp2 ? HttpVersion.Version20 : HttpVersion.Version11,
            VersionPolicy = HttpVersionPolicy.RequestVersionExact,
        };
        request.Headers.TryAddWithoutValidation("User-Agent", "ProxylessMesh-HealthCheck");
        request.Options.Set(Mark, true);
        return request;
    }
}
