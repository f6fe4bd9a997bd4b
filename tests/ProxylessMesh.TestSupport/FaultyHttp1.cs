using System.Globalization;
using System.Net.Sockets;
using System.Text;

namespace ProxylessMesh.TestSupport;

/// <summary>HTTP/1.1 as far as <see cref="FaultyServer"/> needs it.</summary>
internal static class FaultyHttp1
{
    public static async Task ServeAsync(FaultyServer server, NetworkStream stream, CancellationToken cancellationToken)
    {
        while (true)
        {
            var head = await ReadHeadAsync(stream, cancellationToken);
            if (head.Length == 0)
            {
                return;
            }

            var fault = server.Next();
            await ReadBodyAsync(stream, head, cancellationToken);
            server.Took();
            if (!await AnswerAsync(server, stream, fault, head.StartsWith("HEAD", StringComparison.Ordinal), cancellationToken))
            {
                return;
            }
        }
    }

    private static async Task<bool> AnswerAsync(FaultyServer server, NetworkStream stream, TransportFault fault, bool isHead, CancellationToken cancellationToken)
    {
        switch (fault)
        {
            case TransportFault.ResetBeforeHeaders:
                stream.Socket.LingerState = new LingerOption(true, 0);
                return false;
            case TransportFault.ResetAfterHeaders:
                await WriteAsync(stream, "HTTP/1.1 200 OK\r\nContent-Length: 8\r\n\r\n", cancellationToken);
                await server.HeadersSeen.WaitAsync(cancellationToken);
                stream.Socket.LingerState = new LingerOption(true, 0);
                return false;
            case TransportFault.HalfBody:
                await WriteAsync(stream, "HTTP/1.1 200 OK\r\nContent-Length: 8\r\n\r\nhalf", cancellationToken);
                return false;
            case TransportFault.Silence:
                await Task.Delay(Timeout.InfiniteTimeSpan, TimeProvider.System, cancellationToken);
                return false;
            default:
                await WriteAsync(stream, "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\n" + (isHead ? "" : "fine"), cancellationToken);
                return true;
        }
    }

    private static async Task<string> ReadHeadAsync(NetworkStream stream, CancellationToken cancellationToken)
    {
        var head = new StringBuilder();
        var one = new byte[1];
        while (head.Length < 4 || head.ToString(head.Length - 4, 4) != "\r\n\r\n")
        {
            if (await stream.ReadAsync(one, cancellationToken) == 0)
            {
                return "";
            }

            head.Append((char)one[0]);
        }

        return head.ToString();
    }

    private static async Task ReadBodyAsync(NetworkStream stream, string head, CancellationToken cancellationToken)
    {
        const string Length = "Content-Length: ";
        var at = head.IndexOf(Length, StringComparison.OrdinalIgnoreCase);
        if (at >= 0)
        {
            var end = head.IndexOf('\r', at);
            await stream.ReadExactlyAsync(new byte[int.Parse(head.AsSpan(at + Length.Length, end - at - Length.Length), CultureInfo.InvariantCulture)], cancellationToken);
        }
    }

    private static ValueTask WriteAsync(NetworkStream stream, string text, CancellationToken cancellationToken)
        => stream.WriteAsync(Encoding.ASCII.GetBytes(text), cancellationToken);
}
