using System.Net;
using System.Net.Http.Json;

namespace ProxylessMesh.Client.Outbound;

/// <summary>
/// A request body that keeps what it sends, up to a bound, so that a retry sends the same bytes again: all of them or, where the body
/// was not sent to its end or was too large, none (then there is no retry).
/// </summary>
internal sealed class RecordingContent : HttpContent
{
    private readonly HttpContent _inner;
    private readonly int _maxBytes;
    private RecordingStream? _recording;

    private RecordingContent(HttpContent inner, int maxBytes)
    {
        _inner = inner;
        _maxBytes = maxBytes;
        ContentHeaders.Copy(inner, this);
    }

    /// <summary>Whether the body can be sent (again) from its first byte.</summary>
    public bool CanSend => _recording is null or { IsWhole: true };

    /// <summary>The body as the application gave it.</summary>
    public HttpContent Inner => _inner;

    /// <summary>How much is kept at most.</summary>
    public int MaxBytes => _maxBytes;

    /// <summary>The body, once it was sent to its end and was small enough to be kept; null: not, or not yet.</summary>
    public ReadOnlyMemory<byte>? Whole => _recording is { IsWhole: true } recording ? recording.Recorded : default(ReadOnlyMemory<byte>?);

    /// <summary>Runs whenever a part of the body was handed to the connection. As short as <see cref="Sent"/>.</summary>
    public Action? Written { get; set; }

    /// <summary>Runs when the body was sent to its end for the first time, kept or not: at once, on the sender's thread, so it must be short and not throw.</summary>
    public Action? Sent { get; set; }

    /// <returns>The content itself where it can be sent any number of times: it is in memory already.</returns>
    public static HttpContent? For(HttpContent? content, int maxBytes)
        => content is null or ByteArrayContent or ReadOnlyMemoryContent or JsonContent or RecordingContent ? content : new RecordingContent(content, maxBytes);

    protected override Task SerializeToStreamAsync(Stream stream, TransportContext? context)
        => SerializeToStreamAsync(stream, context, CancellationToken.None);

    protected override async Task SerializeToStreamAsync(Stream stream, TransportContext? context, CancellationToken cancellationToken)
    {
        if (_recording is { } recorded)
        {
            if (!recorded.IsWhole)
            {
                throw new InvalidOperationException("The request's body was sent in part and is not there to be sent again.");
            }

            await stream.WriteAsync(recorded.Recorded, cancellationToken).ConfigureAwait(false);
            return;
        }

        var recording = new RecordingStream(stream, _maxBytes, Written);
        _recording = recording;
        await _inner.CopyToAsync(recording, context, cancellationToken).ConfigureAwait(false);
        recording.Ended();
        Sent?.Invoke();
    }

    protected override bool TryComputeLength(out long length)
    {
        length = 0;
        return false;
    }
}

/// <summary>Passes on what is written and keeps a copy while it is small enough.</summary>
internal sealed class RecordingStream(Stream inner, int maxBytes, Action? written = null) : Stream
{
    private byte[] _buffer = [];
    private int _length;
    private bool _overflowed;
    private volatile bool _ended;

    /// <summary>Everything was written and kept.</summary>
    public bool IsWhole => _ended && !_overflowed;

    public ReadOnlyMemory<byte> Recorded => _buffer.AsMemory(0, _length);

    public override bool CanRead => false;

    public override bool CanSeek => false;

    public override bool CanWrite => true;

    public override long Length => throw new NotSupportedException();

    public override long Position
    {
        get => throw new NotSupportedException();
        set => throw new NotSupportedException();
    }

    public void Ended() => _ended = true;

    public override ValueTask WriteAsync(ReadOnlyMemory<byte> buffer, CancellationToken cancellationToken = default)
    {
        Keep(buffer.Span);
        return inner.WriteAsync(buffer, cancellationToken);
    }

    public override Task WriteAsync(byte[] buffer, int offset, int count, CancellationToken cancellationToken)
        => WriteAsync(buffer.AsMemory(offset, count), cancellationToken).AsTask();

    public override void Write(byte[] buffer, int offset, int count)
    {
        Keep(buffer.AsSpan(offset, count));
        inner.Write(buffer, offset, count);
    }

    public override Task FlushAsync(CancellationToken cancellationToken) => inner.FlushAsync(cancellationToken);

    public override void Flush() => inner.Flush();

    public override int Read(byte[] buffer, int offset, int count) => throw new NotSupportedException();

    public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();

    public override void SetLength(long value) => throw new NotSupportedException();

    private void Keep(ReadOnlySpan<byte> bytes)
    {
        written?.Invoke();
        if (_overflowed)
        {
            return;
        }

        if (bytes.Length > maxBytes - _length)
        {
            _overflowed = true;
            _buffer = [];
            _length = 0;
            return;
        }

        if (_buffer.Length - _length < bytes.Length)
        {
            Array.Resize(ref _buffer, Math.Min(maxBytes, Math.Max(_length + bytes.Length, _buffer.Length * 2)));
        }

        bytes.CopyTo(_buffer.AsSpan(_length));
        _length += bytes.Length;
    }
}
