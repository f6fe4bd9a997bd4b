using System.Diagnostics.CodeAnalysis;
using Google.Protobuf;

namespace ProxylessMesh.Xds.Resources;

/// <summary>Parses bytes that somebody else made.</summary>
internal static class WireParser
{
    public static bool TryParse<T>(MessageParser<T> parser, ByteString bytes, [NotNullWhen(true)] out T? message, out string error)
        where T : IMessage<T>
    {
        try
        {
            message = parser.ParseFrom(bytes);
            error = "";
            return true;
        }
        catch (Exception broken) when (broken is InvalidProtocolBufferException or InvalidOperationException)
        {
            // InvalidOperationException: what protobuf throws for a field number of zero in some places.
            message = default;
            error = broken.Message;
            return false;
        }
    }
}
