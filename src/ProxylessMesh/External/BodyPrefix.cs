using Microsoft.AspNetCore.Http;

namespace ProxylessMesh.External;

/// <summary>The first bytes of a request's body, read for the authorizer and given back for the application: nobody buffers the rest.</summary>
internal static class BodyPrefix
{
    /// <summary>Reads up to <paramref name="maxBytes"/>, and tells whether there is more.</summary>
    public static async ValueTask<(ReadOnlyMemory<byte> Bytes, bool HasMore)> ReadAsync(HttpRequest request, int maxBytes, CancellationToken cancellationToken)
    {
        if (request.ContentLength == 0)
        {
            return (default, false);
        }

        // One byte more tells that there is more.
        var body = request.Body;
        using var read = new MemoryStream();
        var chunk = new byte[16 * 1024];
        while (read.Length <= maxBytes)
        {
            var count = await body.ReadAsync(chunk.AsMemory(0, (int)Math.Min(chunk.Length, maxBytes + 1 - read.Length)), cancellationToken);
            if (count == 0)
            {
                break;
            }

            read.Write(chunk, 0, count);
        }

        var bytes = read.ToArray();
        request.Body = new Replay(bytes, body);
        return (bytes.AsMemory(0, Math.Min(bytes.Length, maxBytes)), bytes.Length > maxBytes);
    }

    private sealed class Replay(ReadOnlyMemory<byte> first, Stream rest) : Stream
    {
        private ReadOnlyMemory<byte> _first = first;

        public override bool CanRead => true;

        public override bool CanSeek => false;

        public override bool CanWrite => false;

        public override long Length => throw new NotSupportedException();

        public override long Position
        {
            get => throw new NotSupportedException();
            set => throw new NotSupportedException();
        }

        public override ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default)
            => _first.IsEmpty ? rest.ReadAsync(buffer, cancellationToken) : new ValueTask<int>(Take(buffer.Span));

        public override Task<int> ReadAsync(byte[] buffer, int offset, int count, CancellationToken cancellationToken)
            => ReadAsync(buffer.AsMemory(offset, count), cancellationToken).AsTask();

        public override int Read(byte[] buffer, int offset, int count)
            => _first.IsEmpty ? rest.Read(buffer, offset, count) : Take(buffer.AsSpan(offset, count));

        public override void Flush()
        {
        }

        public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();

        public override void SetLength(long value) => throw new NotSupportedException();

        public override void Write(byte[] buffer, int offset, int count) => throw new NotSupportedException();

        private int Take(Span<byte> buffer)
        {
            var count = Math.Min(buffer.Length, _first.Length);
            _first.Span[..count].CopyTo(buffer);
            _first = _first[count..];
            return count;
        }
    }
}
