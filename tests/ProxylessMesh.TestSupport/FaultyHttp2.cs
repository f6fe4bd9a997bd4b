using System.Buffers.Binary;
using System.Net.Sockets;
using System.Text;

namespace ProxylessMesh.TestSupport;

/// <summary>HTTP/2 frames (RFC 9113) as far as <see cref="FaultyServer"/> needs them. Answers gRPC in its own way: a message and trailers.</summary>
internal sealed class FaultyHttp2
{
    private const byte Data = 0;
    private const byte Headers = 1;
    private const byte ResetStream = 3;
    private const byte Settings = 4;
    private const byte Ping = 6;
    private const byte GoAway = 7;
    private const byte WindowUpdate = 8;
    private const byte EndStream = 1;
    private const byte Ack = 1;
    private const byte EndHeaders = 4;

    private readonly FaultyServer _server;
    private readonly NetworkStream _stream;
    private readonly Dictionary<int, Request> _requests = [];

    private FaultyHttp2(FaultyServer server, NetworkStream stream) => (_server, _stream) = (server, stream);

    public static async Task ServeAsync(FaultyServer server, NetworkStream stream, CancellationToken cancellationToken)
    {
        await stream.ReadExactlyAsync(new byte[24], cancellationToken);
        var connection = new FaultyHttp2(server, stream);
        await connection.WriteAsync(Settings, 0, 0, [], cancellationToken);
        while (await connection.TakeAsync(cancellationToken))
        {
        }
    }

    private async Task<bool> TakeAsync(CancellationToken cancellationToken)
    {
        var head = new byte[9];
        await _stream.ReadExactlyAsync(head, cancellationToken);
        var payload = new byte[(head[0] << 16) | (head[1] << 8) | head[2]];
        await _stream.ReadExactlyAsync(payload, cancellationToken);
        var (type, flags, id) = (head[3], head[4], BinaryPrimitives.ReadInt32BigEndian(head.AsSpan(5)));
        switch (type)
        {
            case Settings when (flags & Ack) == 0:
                await WriteAsync(Settings, Ack, 0, [], cancellationToken);
                return true;
            case Ping when (flags & Ack) == 0:
                await WriteAsync(Ping, Ack, 0, payload, cancellationToken);
                return true;
            case Headers:
                _requests[id] = new Request(_server.Next(), Contains(payload, "application/grpc"), Contains(payload, "duplex"), Contains(payload, "HEAD"));
                break;
            case ResetStream:
                _requests.Remove(id);
                return true;
            case Data:
                await TakeDataAsync(id, payload.Length, cancellationToken);
                break;
            default:
                return true;
        }

        // A stream of messages is answered after its first, a body that is broken into at once, anything else after its end.
        return !_requests.TryGetValue(id, out var request) || request.Answered
            || !((flags & EndStream) != 0 || (type == Data && (request.IsDuplex || request.Fault == TransportFault.GoAwayInBody)))
            || await AnswerAsync(id, request, cancellationToken);
    }

    // A body that is to be broken into gets no more room than a client begins with.
    private async Task TakeDataAsync(int id, int length, CancellationToken cancellationToken)
    {
        if (length == 0 || (_requests.TryGetValue(id, out var request) && request.Fault == TransportFault.GoAwayInBody))
        {
            return;
        }

        var increment = new byte[4];
        BinaryPrimitives.WriteInt32BigEndian(increment, length);
        await WriteAsync(WindowUpdate, 0, 0, increment, cancellationToken);
        await WriteAsync(WindowUpdate, 0, id, increment, cancellationToken);
    }

    private async Task<bool> AnswerAsync(int id, Request request, CancellationToken cancellationToken)
    {
        request.Answered = true;
        _server.Took();
        switch (request.Fault)
        {
            case TransportFault.ResetBeforeHeaders:
                _stream.Socket.LingerState = new LingerOption(true, 0);
                return false;
            case TransportFault.ResetAfterHeaders:
                await WriteAsync(Headers, EndHeaders, id, Block(request), cancellationToken);
                await _server.HeadersSeen.WaitAsync(cancellationToken);
                await WriteAsync(ResetStream, 0, id, [0, 0, 0, 2], cancellationToken);
                return true;
            case TransportFault.GoAway or TransportFault.GoAwayInBody:
                await WriteAsync(GoAway, 0, 0, new byte[8], cancellationToken);
                return true;
            case TransportFault.RefusedStream:
                await WriteAsync(ResetStream, 0, id, [0, 0, 0, 7], cancellationToken);
                return true;
            case TransportFault.Silence:
                return true;
            case TransportFault.HalfBody:
                await WriteAsync(Headers, EndHeaders, id, Block(request), cancellationToken);
                await WriteAsync(Data, 0, id, request.IsGrpc ? [0, 0, 0, 0, 8, 1, 2, 3, 4] : "half"u8.ToArray(), cancellationToken);
                await _server.HeadersSeen.WaitAsync(cancellationToken);
                return false;
            default:
                await WriteAsync(Headers, (byte)(request.IsHead ? EndHeaders | EndStream : EndHeaders), id, Block(request), cancellationToken);
                if (request.IsHead)
                {
                    return true;
                }

                await WriteAsync(Data, request.IsGrpc ? (byte)0 : EndStream, id, request.IsGrpc ? new byte[5] : "fine"u8.ToArray(), cancellationToken);
                if (request.IsGrpc)
                {
                    await WriteAsync(Headers, EndHeaders | EndStream, id, Field("grpc-status", "0"), cancellationToken);
                }

                return true;
        }
    }

    // ":status: 200" is entry 8 of HPACK's static table (RFC 7541); other fields go as literals.
    private static byte[] Block(Request request) => request.IsGrpc ? [0x88, .. Field("content-type", "application/grpc")] : [0x88];

    private static byte[] Field(string name, string value) => [0, (byte)name.Length, .. Encoding.ASCII.GetBytes(name), (byte)value.Length, .. Encoding.ASCII.GetBytes(value)];

    // SocketsHttpHandler writes its header block without Huffman coding, so text in it can be found.
    private static bool Contains(byte[] block, string text) => block.AsSpan().IndexOf(Encoding.ASCII.GetBytes(text)) >= 0;

    private async Task WriteAsync(byte type, byte flags, int id, byte[] payload, CancellationToken cancellationToken)
    {
        var frame = new byte[9 + payload.Length];
        BinaryPrimitives.WriteInt32BigEndian(frame, (payload.Length << 8) | type);
        frame[4] = flags;
        BinaryPrimitives.WriteInt32BigEndian(frame.AsSpan(5), id);
        payload.CopyTo(frame, 9);
        await _stream.WriteAsync(frame, cancellationToken);
    }

    private sealed class Request(TransportFault fault, bool isGrpc, bool isDuplex, bool isHead)
    {
        public TransportFault Fault { get; } = fault;

        public bool IsGrpc { get; } = isGrpc;

        public bool IsDuplex { get; } = isDuplex;

        public bool IsHead { get; } = isHead;

        public bool Answered { get; set; }
    }
}
