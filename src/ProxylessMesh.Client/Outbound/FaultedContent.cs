using System.Net;
using ProxylessMesh.Client.Resilience;

namespace ProxylessMesh.Client.Outbound;

/// <summary>
/// An answer's body with a fault in it. Lies outside what watches the real body, so that an injected break speaks against no endpoint:
/// to the endpoint it looks like a caller who stopped reading.
/// </summary>
internal sealed class FaultedContent : HttpContent
{
    private readonly HttpContent _inner;
    private readonly ResponseFault _fault;

    public FaultedContent(HttpContent inner, ResponseFault fault)
    {
        _inner = inner;
        _fault = fault;
        foreach (var (name, values) in inner.Headers.NonValidated)
        {
            Headers.TryAddWithoutValidation(name, values);
        }
    }

    protected override Task SerializeToStreamAsync(Stream stream, TransportContext? context)
        => SerializeToStreamAsync(stream, context, CancellationToken.None);

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
        => new FaultedStream(await _inner.ReadAsStreamAsync(cancellationToken).ConfigureAwait(false), _fault);

    protected override Stream CreateContentReadStream(CancellationToken cancellationToken)
        => new FaultedStream(_inner.ReadAsStream(cancellationToken), _fault);

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
            _fault.Release();
        }

        base.Dispose(disposing);
    }
}

/// <summary>The stream of a <see cref="FaultedContent"/>.</summary>
internal sealed class FaultedStream(Stream inner, ResponseFault fault) : Stream
{
    public override bool CanRead => inner.CanRead;

    public override bool CanSeek => false;

    public override bool CanWrite => false;

    public override long Length => throw new NotSupportedException();

    public override long Position
    {
        get => throw new NotSupportedException();
        set => throw new NotSupportedException();
    }

    public override async ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default)
    {
        var portion = fault.Portion(buffer.Length);
        if (portion == 0 && buffer.Length > 0)
        {
            throw Break();
        }

        var read = await inner.ReadAsync(buffer[..portion], cancellationToken).ConfigureAwait(false);
        if (read == 0 && buffer.Length > 0)
        {
            fault.Release();
            return 0;
        }

        await fault.PaceAsync(read, cancellationToken).ConfigureAwait(false);
        return read;
    }

    public override Task<int> ReadAsync(byte[] buffer, int offset, int count, CancellationToken cancellationToken)
        => ReadAsync(buffer.AsMemory(offset, count), cancellationToken).AsTask();

    public override int Read(byte[] buffer, int offset, int count)
        => ReadAsync(buffer.AsMemory(offset, count), CancellationToken.None).AsTask().GetAwaiter().GetResult();

    public override void Flush()
    {
    }

    public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();

    public override void SetLength(long value) => throw new NotSupportedException();

    public override void Write(byte[] buffer, int offset, int count) => throw new NotSupportedException();

    protected override void Dispose(bool disposing)
    {
        if (disposing)
        {
            inner.Dispose();
            fault.Release();
        }

        base.Dispose(disposing);
    }

    // What SocketsHttpHandler throws when a server stops in the middle.
    private HttpIOException Break()
    {
        Dispose();
        return new HttpIOException(HttpRequestError.ResponseEnded, "The response ended prematurely (injected by the mesh).");
    }
}
