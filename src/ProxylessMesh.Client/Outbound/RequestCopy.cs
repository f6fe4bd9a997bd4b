using System.Net;

namespace ProxylessMesh.Client.Outbound;

/// <summary>
/// What a request was before it was sent, to make further messages from while the first is in flight: one for each hedged attempt or
/// mirror. Take it before the request is sent: from then on the request belongs to whoever sends it.
/// </summary>
/// <remarks>
/// Nothing is read from a stream that the request itself needs: a body that is not in memory can be copied only once it was sent whole
/// and was small enough to be kept (<see cref="RecordingContent"/>).
/// </remarks>
internal sealed class RequestCopy
{
    private readonly HttpRequestMessage _template;
    private readonly HttpContent? _body;

    /// <param name="request">As the copies shall be; its content as <see cref="RecordingContent.For"/> gave it.</param>
    public RequestCopy(HttpRequestMessage request)
    {
        _body = request.Content;
        _template = Copy(request);
        if (_body is not null)
        {
            // The headers alone; in here, because asking a content for its length changes it.
            _template.Content = new SharedContent(_body, _body);
        }
    }

    /// <summary>The whole body is there: a copy can be made.</summary>
    public bool CanMake => _body is not RecordingContent recording || recording.Whole is not null;

    /// <summary>The message that sends the body itself; the others are made from what it sent.</summary>
    public HttpRequestMessage MakeFirst()
    {
        var copy = Copy(_template);
        copy.Content = _body;
        return copy;
    }

    /// <returns>A message of its own, with the method, address, version, options and headers of the request as they were; null while the body is not there.</returns>
    public HttpRequestMessage? TryMake()
    {
        var copy = Copy(_template);
        if (_template.Content is not { } template)
        {
            return copy;
        }

        if (_body is not RecordingContent recording)
        {
            copy.Content = new SharedContent(_body!, template);
            return copy;
        }

        return recording.Whole is { } bytes ? WithBody(copy, bytes) : null;
    }

    /// <summary>The same with bytes that were copied before; null where those are not whole.</summary>
    public HttpRequestMessage? TryMake(RecordingStream body) => body.IsWhole ? WithBody(Copy(_template), body.Recorded) : null;

    private HttpRequestMessage WithBody(HttpRequestMessage copy, ReadOnlyMemory<byte> bytes)
    {
        copy.Content = new ReadOnlyMemoryContent(bytes);
        ContentHeaders.Copy(_template.Content!, copy.Content);
        return copy;
    }

    // Without the body. Values are taken as they are: a header that is not valid goes out as the application wrote it.
    private static HttpRequestMessage Copy(HttpRequestMessage request)
    {
        var copy = new HttpRequestMessage(request.Method, request.RequestUri) { Version = request.Version, VersionPolicy = request.VersionPolicy };
        foreach (var (name, values) in request.Headers.NonValidated)
        {
            copy.Headers.TryAddWithoutValidation(name, values);
        }

        foreach (var (name, value) in request.Options)
        {
            ((IDictionary<string, object?>)copy.Options)[name] = value;
        }

        return copy;
    }

    /// <summary>Sends a body that is in memory anyway, as often as asked, without owning it.</summary>
    private sealed class SharedContent : HttpContent
    {
        private readonly HttpContent _inner;

        public SharedContent(HttpContent inner, HttpContent headers)
        {
            _inner = inner;
            ContentHeaders.Copy(headers, this);
        }

        protected override Task SerializeToStreamAsync(Stream stream, TransportContext? context)
            => _inner.CopyToAsync(stream, context);

        protected override Task SerializeToStreamAsync(Stream stream, TransportContext? context, CancellationToken cancellationToken)
            => _inner.CopyToAsync(stream, context, cancellationToken);

        protected override bool TryComputeLength(out long length)
        {
            length = 0;
            return false;
        }
    }
}
