using System.Buffers.Binary;
using Google.Protobuf;
using Google.Protobuf.WellKnownTypes;

namespace ProxylessMesh.Tool.Echo;

/// <summary>
/// gRPC messages on the wire: a flag, four bytes of length, the message. Texts travel as <c>google.protobuf.StringValue</c>, which any
/// message whose first field is a string can be read from, and an empty message as an empty text.
/// </summary>
internal static class GrpcFrames
{
    private const int HeaderSize = 5;
    private const int MaxMessageBytes = 16 * 1024 * 1024;

    public static byte[] Write(string text)
    {
        var message = new StringValue { Value = text };
        var frame = new byte[HeaderSize + message.CalculateSize()];
        BinaryPrimitives.WriteUInt32BigEndian(frame.AsSpan(1), (uint)(frame.Length - HeaderSize));
        message.WriteTo(frame.AsSpan(HeaderSize));
        return frame;
    }

    /// <summary>The text of the next message; empty for a message of another form. Null at the end of the stream.</summary>
    public static async Task<string?> ReadAsync(Stream stream, CancellationToken cancellationToken)
    {
        var header = new byte[HeaderSize];
        if (await stream.ReadAtLeastAsync(header, HeaderSize, throwOnEndOfStream: false, cancellationToken) < HeaderSize)
        {
            return null;
        }

        var length = BinaryPrimitives.ReadUInt32BigEndian(header.AsSpan(1));
        if (length > MaxMessageBytes)
        {
            throw new InvalidDataException($"A gRPC message has {length} bytes; at most {MaxMessageBytes} are read.");
        }

        var message = new byte[length];
        await stream.ReadExactlyAsync(message, cancellationToken);
        try
        {
            return header[0] == 0 ? StringValue.Parser.ParseFrom(message).Value : "";
        }
        catch (InvalidProtocolBufferException)
        {
            return "";
        }
    }
}
