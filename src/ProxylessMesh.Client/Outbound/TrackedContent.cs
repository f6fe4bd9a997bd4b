using System.Net;

namespace ProxylessMesh.Client.Outbound;

/// <summary>An answer's body that tells its call when it has ended, however that happens: read, broken, cancelled or thrown away.</summary>
internal sealed class TrackedContent : HttpContent
{
    private readonly HttpContent _inner;
    private readonly HttpResponseMessage _response;
    private readonly OutboundCall _call;
    private readonly Attempt _attempt;

    public TrackedContent(HttpResponseMessage response, OutboundCall call, Attempt attempt)
    {
        var inner = response.Content;
        _inner = inner;
        _response = response;
        _call = call;
        _attempt = attempt;
        foreach (var (name, values) in inner.Headers.NonValidated)
        {
            Headers.TryAddWithoutValidation(name, values);
        }
    }

    public OutboundCall Call => _call;

    /// <summary>Only the first end counts; any thread may tell it.</summary>
    public void Ended(BodyEnd end) => _attempt.BodyEnded(end, _call.IsGrpc ? _response : null);

    protected override async Task SerializeToStreamAsync(Stream stream, TransportContext? context)
        => await SerializeToStreamAsync(stream, context, CancellationToken.None).ConfigureAwait(false);

    protected override async Task SerializeToStreamAsync(Stream stream, TransportContext? context, CancellationToken cancellationToken)
    {
        var body = await CreateContentReadStreamAsync(cancellationToken).ConfigureAwait(false);
        await using (body.ConfigureAwait(false))
        {
            await body.CopyToAsync(stream, cancellationToken).ConfigureAwait(false);
        }
    }

    protected override void SerializeToStream(Stream stream, TransportContext? context, CancellationToken cancellationToken)
    {
        using var body = CreateContentReadStream(cancellationToken);
        body.CopyTo(stream);
    }

    protected override Task<Stream> CreateContentReadStreamAsync() => CreateContentReadStreamAsync(CancellationToken.None);

    protected override async Task<Stream> CreateContentReadStreamAsync(CancellationToken cancellationToken)
        => new TrackedStream(await _inner.ReadAsStreamAsync(cancellationToken).ConfigureAwait(false), this);

    protected override Stream CreateContentReadStream(CancellationToken cancellationToken)
        => new TrackedStream(_inner.ReadAsStream(cancellationToken), this);

    protected override bool TryComputeLength(out long length)
    {
        length = 0;
        return false;
    }

    protected override void Dispose(bool disposing)
    {
        if (disposing)
        {
            _inner.Dispose();
            Ended(BodyEnd.Abandoned);
        }

        base.Dispose(disposing);
    }
}

/// <summary>How an answer's body ended.</summary>
internal enum BodyEnd
{
    /// <summary>Read to its last byte: trailers are there.</summary>
    Complete,

    /// <summary>The connection or stream broke.</summary>
    Broken,

    /// <summary>Not read to its end, by choice.</summary>
    Abandoned,
}
