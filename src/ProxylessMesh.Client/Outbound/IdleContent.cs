using System.Net;
using ProxylessMesh.Client.Resilience;

namespace ProxylessMesh.Client.Outbound;

/// <summary>An answer's body that ends with an error when nothing of it came for too long.</summary>
internal sealed class IdleContent : HttpContent
{
    private readonly HttpContent _inner;
    private readonly IdleLimit _limit;
    private readonly string _cluster;

    public IdleContent(HttpContent inner, IdleLimit limit, string cluster)
    {
        _inner = inner;
        _limit = limit;
        _cluster = cluster;
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
        => new IdleStream(await _inner.ReadAsStreamAsync(cancellationToken).ConfigureAwait(false), _limit, _cluster);

    protected override Stream CreateContentReadStream(CancellationToken cancellationToken)
        => new IdleStream(_inner.ReadAsStream(cancellationToken), _limit, _cluster);

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
            _limit.Dispose();
        }

        base.Dispose(disposing);
    }
}

/// <summary>The stream of an <see cref="IdleContent"/>. A read that waits for too long is cut by taking its stream away.</summary>
internal sealed class IdleStream : Stream
{
    private readonly Stream _inner;
    private readonly IdleLimit _limit;
    private readonly string _cluster;
    private readonly CancellationTokenRegistration _cut;

    public IdleStream(Stream inner, IdleLimit limit, string cluster)
    {
        _inner = inner;
        _limit = limit;
        _cluster = cluster;
        _cut = limit.Token.UnsafeRegister(static stream => ((Stream)stream!).Dispose(), inner);
    }

    public override bool CanRead => _inner.CanRead;

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
        try
        {
            return Came(await _inner.ReadAsync(buffer, cancellationToken).ConfigureAwait(false), buffer.Length);
        }
        catch (Exception e) when (_limit.Passed)
        {
            throw MeshErrors.Idle(_cluster, _limit.Limit, e);
        }
    }

    public override Task<int> ReadAsync(byte[] buffer, int offset, int count, CancellationToken cancellationToken)
        => ReadAsync(buffer.AsMemory(offset, count), cancellationToken).AsTask();

    public override int Read(byte[] buffer, int offset, int count)
    {
        try
        {
            return Came(_inner.Read(buffer, offset, count), count);
        }
        catch (Exception e) when (_limit.Passed)
        {
            throw MeshErrors.Idle(_cluster, _limit.Limit, e);
        }
    }

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
            _cut.Dispose();
            _inner.Dispose();
            _limit.Dispose();
        }

        base.Dispose(disposing);
    }

    private int Came(int bytes, int asked)
    {
        if (bytes > 0)
        {
            _limit.Touch();
        }
        else if (asked > 0)
        {
            _cut.Dispose();
            _limit.Dispose();
        }

        return bytes;
    }
}
