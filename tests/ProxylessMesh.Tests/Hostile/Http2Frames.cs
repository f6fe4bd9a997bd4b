using System.Buffers.Binary;
using System.Text;

namespace ProxylessMesh.Tests.Hostile;

/// <summary>HTTP/2 frames by hand (RFC 9113 §4.1), for what no client would send.</summary>
internal static class Http2Frames
{
    public const byte Data = 0, Headers = 1, Priority = 2, Reset = 3, Settings = 4, Ping = 6, WindowUpdate = 8, Continuation = 9;

    public const byte EndStream = 1, EndHeaders = 4;

    public static byte[] Preface { get; } = [.. "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"u8, .. Frame(Settings, 0, 0, [])];

    public static byte[] Frame(byte type, byte flags, int stream, ReadOnlySpan<byte> payload)
    {
        var frame = new byte[9 + payload.Length];
        frame[0] = (byte)(payload.Length >> 16);
        BinaryPrimitives.WriteUInt16BigEndian(frame.AsSpan(1), (ushort)payload.Length);
        frame[3] = type;
        frame[4] = flags;
        BinaryPrimitives.WriteInt32BigEndian(frame.AsSpan(5), stream);
        payload.CopyTo(frame.AsSpan(9));
        return frame;
    }

    public static byte[] Number(int value)
    {
        var bytes = new byte[4];
        BinaryPrimitives.WriteInt32BigEndian(bytes, value);
        return bytes;
    }

    /// <summary>A header block without compression (RFC 7541 §6.2.2).</summary>
    public static byte[] Block(params (string Name, string Value)[] headers) => [.. headers.SelectMany(static header => Literal(0x00, header.Name, header.Value))];

    /// <summary>One header that goes into the dynamic table (RFC 7541 §6.2.1).</summary>
    public static byte[] Indexed(string name, string value) => Literal(0x40, name, value);

    /// <summary>The head of a request.</summary>
    public static byte[] Request(params (string Name, string Value)[] more)
        => Block([(":method", "GET"), (":scheme", "https"), (":path", "/"), (":authority", "catalog"), .. more]);

    private static byte[] Literal(byte kind, string name, string value) => [kind, .. Text(name), .. Text(value)];

    private static byte[] Text(string text)
    {
        var bytes = Encoding.Latin1.GetBytes(text);

        // RFC 7541 §5.1: a length of 127 and more goes on in groups of seven bits.
        var length = new List<byte> { (byte)Math.Min(bytes.Length, 127) };
        if (bytes.Length >= 127)
        {
            var left = bytes.Length - 127;
            for (; left >= 128; left >>= 7)
            {
                length.Add((byte)(left | 0x80));
            }

            length.Add((byte)left);
        }

        return [.. length, .. bytes];
    }
}
