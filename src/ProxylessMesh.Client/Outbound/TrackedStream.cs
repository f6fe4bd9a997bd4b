namespace ProxylessMesh.Client.Outbound;

/// <summary>The stream of a <see cref="TrackedContent"/>. When the call's time is over it is cut, and reading it says so.</summary>
internal sealed class TrackedStream : Stream
{
    private readonly Stream _inner;
    private readonly TrackedContent _content;
    private readonly CancellationTokenRegistration _cut;

    public TrackedStream(Stream inner, TrackedContent content)
    {
        _inner = inner;
        _content = content;
        _cut = content.Call.DeadlineToken.UnsafeRegister(static stream => ((Stream)stream!).Dispose(), inner);
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
            return Read(await _inner.ReadAsync(buffer, cancellationToken).ConfigureAwait(false), buffer.Length);
        }
        catch (Exception e) when (Ended(e, cancellationToken) is { } replacement)
        {
            throw replacement;
        }
    }

    public override Task<int> ReadAsync(byte[] buffer, int offset, int count, CancellationToken cancellationToken)
        => ReadAsync(buffer.AsMemory(offset, count), cancellationToken).AsTask();

    public override int Read(Span<byte> buffer)
    {
        try
        {
            return Read(_inner.Read(buffer), buffer.Length);
        }
        catch (Exception e) when (Ended(e, CancellationToken.None) is { } replacement)
        {
            throw replacement;
        }
    }

    public override int Read(byte[] buffer, int offset, int count) => Read(buffer.AsSpan(offset, count));

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
            _content.Ended(BodyEnd.Abandoned);
        }

        base.Dispose(disposing);
    }

    private int Read(int bytes, int asked)
    {
        if (bytes == 0 && asked > 0)
        {
            _cut.Dispose();
            _content.Ended(BodyEnd.Complete);
        }

        return bytes;
    }

    // Runs as an exception filter: tells the call, and replaces the exception only where our own deadline is its reason.
    private MeshException? Ended(Exception error, CancellationToken cancellationToken)
    {
        if (error is OperationCanceledException && cancellationToken.IsCancellationRequested)
        {
            _content.Ended(BodyEnd.Abandoned);
            return null;
        }

        var deadline = _content.Call.DeadlinePassed;
        _content.Ended(deadline ? BodyEnd.Abandoned : BodyEnd.Broken);
        return deadline ? _content.Call.DeadlineError(error) : null;
    }
}
