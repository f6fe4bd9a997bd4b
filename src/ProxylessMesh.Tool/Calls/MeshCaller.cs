using System.Diagnostics;
using System.Globalization;
using System.Net;
using System.Net.Http.Headers;
using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using ProxylessMesh.Tool.Echo;

namespace ProxylessMesh.Tool.Calls;

/// <summary>A call to make.</summary>
internal sealed record CallRequest
{
    public required HttpMethod Method { get; init; }

    public required Uri Url { get; init; }

    public IReadOnlyList<KeyValuePair<string, string>> Headers { get; init; } = [];

    public string? Body { get; init; }

    /// <summary>One gRPC message is sent: the body as text, or an empty one.</summary>
    public bool IsGrpc { get; init; }
}

/// <summary>Sends calls through the data plane of a process that joined the mesh, and tells what became of each.</summary>
internal sealed class MeshCaller(MeshHttpHandlerFactory handlers) : IDisposable
{
    private readonly DecisionRecorder _decisions = new();

    // Redirects are answers here.
    private readonly HttpMessageInvoker _client = new(handlers.Create(new SocketsHttpHandler { AllowAutoRedirect = false, UseCookies = false }));

    /// <summary>Makes one call. Only a cancellation is thrown.</summary>
    public async Task<CallResult> SendAsync(CallRequest call, CancellationToken cancellationToken)
    {
        using var activity = _decisions.Start();
        var started = Stopwatch.GetTimestamp();
        CallResult result;
        try
        {
            using var request = Request(call);
            using var response = await _client.SendAsync(request, cancellationToken);
            result = await ReadAsync(response, call.IsGrpc, cancellationToken);
        }
        catch (Exception exception) when (exception is HttpRequestException or IOException or InvalidDataException || (exception is OperationCanceledException && !cancellationToken.IsCancellationRequested))
        {
            var error = (exception as MeshException)?.Error;
            result = new CallResult { Status = ProxyStatus(error), Error = exception.Message, MeshError = error?.ToString(), IsUnreachable = error == MeshError.ConfigUnavailable };
        }

        return result with { Decision = _decisions.End(activity), Milliseconds = Math.Round(Stopwatch.GetElapsedTime(started).TotalMilliseconds, 3) };
    }

    public void Dispose()
    {
        _client.Dispose();
        _decisions.Dispose();
    }

    // An application gets an exception; whoever compares meshes asks for the status that a proxy would have answered.
    private static int? ProxyStatus(MeshError? error) => error switch
    {
        null or MeshError.UnknownHost or MeshError.ConfigUnavailable => null,
        MeshError.NoRoute => 404,
        MeshError.DeadlineExceeded => 504,
        MeshError.ExchangeFailed => 502,
        _ => 503,
    };

    private static HttpRequestMessage Request(CallRequest call)
    {
        var request = new HttpRequestMessage(call.IsGrpc ? HttpMethod.Post : call.Method, call.Url);
        if (call.IsGrpc)
        {
            request.Version = HttpVersion.Version20;
            request.VersionPolicy = HttpVersionPolicy.RequestVersionExact;
            request.Headers.TE.Add(new TransferCodingWithQualityHeaderValue("trailers"));
            request.Content = new ByteArrayContent(GrpcFrames.Write(call.Body ?? ""));
            request.Content.Headers.ContentType = new MediaTypeHeaderValue("application/grpc");
        }
        else if (call.Body is not null)
        {
            request.Content = new ByteArrayContent(Encoding.UTF8.GetBytes(call.Body));
        }

        foreach (var (name, value) in call.Headers)
        {
            if (!request.Headers.TryAddWithoutValidation(name, value))
            {
                (request.Content ??= new ByteArrayContent([])).Headers.TryAddWithoutValidation(name, value);
            }
        }

        return request;
    }

    private static async Task<CallResult> ReadAsync(HttpResponseMessage response, bool isGrpc, CancellationToken cancellationToken)
    {
        string text;
        if (isGrpc && response.Content.Headers.ContentType?.MediaType?.StartsWith("application/grpc", StringComparison.Ordinal) == true)
        {
            text = await LastMessageAsync(response, cancellationToken);
        }
        else
        {
            text = await response.Content.ReadAsStringAsync(cancellationToken);
        }

        var (who, seen) = Echoed(text);
        var trailers = Pairs(response.TrailingHeaders.NonValidated);
        return new CallResult
        {
            Status = (int)response.StatusCode,
            GrpcStatus = isGrpc ? GrpcStatus(response, trailers) : null,
            GrpcMessage = isGrpc ? Value(response, trailers, "grpc-message") : null,
            Headers = Pairs(response.Headers.NonValidated.Concat(response.Content.Headers.NonValidated)),
            Trailers = trailers,
            AnsweredBy = who,
            Seen = seen,
            Body = seen is null && text.Length > 0 ? text : null,
        };
    }

    private static async Task<string> LastMessageAsync(HttpResponseMessage response, CancellationToken cancellationToken)
    {
        var last = "";
        await using var body = await response.Content.ReadAsStreamAsync(cancellationToken);
        while (await GrpcFrames.ReadAsync(body, cancellationToken) is { } message)
        {
            last = message;
        }

        return last;
    }

    // A status is in the trailers, or in the headers of an answer without messages. None at all: UNKNOWN.
    private static int GrpcStatus(HttpResponseMessage response, SortedDictionary<string, string> trailers)
        => int.TryParse(Value(response, trailers, "grpc-status"), NumberStyles.None, CultureInfo.InvariantCulture, out var status) ? status : 2;

    private static string? Value(HttpResponseMessage response, SortedDictionary<string, string> trailers, string name)
        => trailers.GetValueOrDefault(name) ?? (response.Headers.TryGetValues(name, out var values) ? string.Join(',', values) : null);

    // As they came: HttpClient would rewrite what it can parse, such as a Location.
    private static SortedDictionary<string, string> Pairs(IEnumerable<KeyValuePair<string, HeaderStringValues>> headers)
    {
        var pairs = new SortedDictionary<string, string>(StringComparer.OrdinalIgnoreCase);
        foreach (var (name, values) in headers)
        {
            pairs[name] = string.Join(',', values.AsEnumerable());
        }

        return pairs;
    }

    private static (Answerer? Who, JsonNode? Seen) Echoed(string text)
    {
        try
        {
            return text.StartsWith('{') && JsonSerializer.Deserialize(text, EchoJson.Default.EchoAnswer) is { } echo
                ? (new Answerer(echo.Service, echo.Namespace, echo.Version, echo.Instance), JsonNode.Parse(text))
                : default;
        }
        catch (JsonException)
        {
            return default;
        }
    }
}
