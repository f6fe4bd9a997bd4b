using System.Buffers;
using System.IO.Pipelines;

namespace ProxylessMesh.Listening;

/// <summary>What a connection begins with. Looking does not consume: TLS or HTTP reads the same bytes again.</summary>
internal enum FirstBytes
{
    /// <summary>The peer closed before it said anything.</summary>
    Closed,

    /// <summary>A TLS record of type handshake.</summary>
    Tls,

    /// <summary>HTTP/2 with prior knowledge (RFC 9113 §3.4).</summary>
    Http2,

    /// <summary>Anything else; HTTP/1.1 will tell whether it is that.</summary>
    Other,
}

/// <summary>Looks at the first bytes of a connection.</summary>
internal static class FirstBytesReader
{
    private const byte TlsHandshakeRecord = 0x16;

    private static ReadOnlySpan<byte> Http2Preface => "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"u8;

    public static async ValueTask<FirstBytes> PeekAsync(PipeReader input, CancellationToken cancellationToken)
    {
        while (true)
        {
            var read = await input.ReadAsync(cancellationToken);
            var kind = Classify(read.Buffer, read.IsCompleted);
            if (kind is { } known)
            {
                input.AdvanceTo(read.Buffer.Start, read.Buffer.Start);
                return known;
            }

            input.AdvanceTo(read.Buffer.Start, read.Buffer.End);
        }
    }

    // Null: it may still become the HTTP/2 preface.
    private static FirstBytes? Classify(ReadOnlySequence<byte> buffer, bool isCompleted)
    {
        if (buffer.IsEmpty)
        {
            return isCompleted ? FirstBytes.Closed : null;
        }

        Span<byte> start = stackalloc byte[Http2Preface.Length];
        start = start[..(int)Math.Min(buffer.Length, start.Length)];
        buffer.Slice(0, start.Length).CopyTo(start);
        if (start[0] == TlsHandshakeRecord)
        {
            return FirstBytes.Tls;
        }

        if (!Http2Preface.StartsWith(start))
        {
            return FirstBytes.Other;
        }

        return start.Length == Http2Preface.Length ? FirstBytes.Http2 : isCompleted ? FirstBytes.Other : null;
    }
}
