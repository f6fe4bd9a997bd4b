using System.Globalization;
using System.Text.Json;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.Extensions.Options;
using ProxylessMesh.Client.Workloads;

namespace ProxylessMesh.Tool.Echo;

/// <summary>Answers any HTTP call and any method of any gRPC service with what it saw.</summary>
internal sealed class EchoResponder(IOptions<MeshOptions> mesh, MeshNode node, EchoSettings settings, TimeProvider time)
{
    private const int MaxBodyBytes = 64 * 1024;

    /// <summary>With this header a stream of messages is answered by one, after the last: what a client-streaming method does.</summary>
    private const string AnswerOnceHeader = "x-echo-once";

    public async Task AnswerAsync(HttpContext http)
    {
        if (settings.Delay > TimeSpan.Zero)
        {
            await Task.Delay(settings.Delay, time, http.RequestAborted);
        }

        var fails = settings.FailPercent >= 100 || Random.Shared.NextDouble() * 100 < settings.FailPercent;
        if (http.Request.ContentType?.StartsWith("application/grpc", StringComparison.Ordinal) == true)
        {
            await AnswerGrpcAsync(http, fails ? settings.GrpcStatus : 0);
        }
        else
        {
            await AnswerHttpAsync(http, fails ? settings.Status : StatusCodes.Status200OK);
        }
    }

    private async Task AnswerHttpAsync(HttpContext http, int status)
    {
        var body = await TextOfAsync(http.Request.Body, http.RequestAborted);
        http.Response.StatusCode = status;
        if (status is >= 200 and not (StatusCodes.Status204NoContent or StatusCodes.Status205ResetContent or StatusCodes.Status304NotModified))
        {
            await http.Response.WriteAsJsonAsync(Describe(http, http.Request.Protocol, body, 0), EchoJson.Default.EchoAnswer, cancellationToken: http.RequestAborted);
        }
    }

    private async Task AnswerGrpcAsync(HttpContext http, int status)
    {
        http.Response.ContentType = "application/grpc";
        if (status == 0)
        {
            var once = http.Request.Headers.ContainsKey(AnswerOnceHeader);
            var last = "";
            var count = 0;
            while (await GrpcFrames.ReadAsync(http.Request.Body, http.RequestAborted) is { } message)
            {
                last = message;
                if (!once)
                {
                    await WriteAsync(http, message, count);
                }

                count++;
            }

            if (once)
            {
                await WriteAsync(http, last, count);
            }
        }

        http.Response.AppendTrailer("grpc-status", status.ToString(CultureInfo.InvariantCulture));
    }

    private async Task WriteAsync(HttpContext http, string message, int number)
    {
        var text = JsonSerializer.Serialize(Describe(http, "gRPC", message, number), EchoJson.Default.EchoAnswer);
        await http.Response.Body.WriteAsync(GrpcFrames.Write(text), http.RequestAborted);
        await http.Response.Body.FlushAsync(http.RequestAborted);
    }

    private EchoAnswer Describe(HttpContext http, string protocol, string body, int message)
        => new()
        {
            Service = mesh.Value.Service,
            Namespace = mesh.Value.Namespace,
            Version = mesh.Value.Version,
            Instance = node.InstanceId,
            Protocol = protocol,
            Method = http.Request.Method,
            Host = http.Request.Host.Value ?? "",
            Path = http.Features.Get<IHttpRequestFeature>()?.RawTarget ?? http.Request.Path,
#pragma warning disable CA1308 // Header names are compared and shown in lower case, as HTTP/2 sends them.
            Headers = new SortedDictionary<string, string>(http.Request.Headers.ToDictionary(static header => header.Key.ToLowerInvariant(), static header => string.Join(',', header.Value.AsEnumerable())), StringComparer.Ordinal),
#pragma warning restore CA1308
            Peer = http.Features.Get<IMeshPeerFeature>()?.Id?.ToString(),
            Port = http.Connection.LocalPort,
            Body = body,
            Message = message,
        };

    private static async Task<string> TextOfAsync(Stream body, CancellationToken cancellationToken)
    {
        var bytes = new byte[MaxBodyBytes];
        var length = await body.ReadAtLeastAsync(bytes, bytes.Length, throwOnEndOfStream: false, cancellationToken);
        return System.Text.Encoding.UTF8.GetString(bytes, 0, length);
    }
}
