using System.Net;
using System.Net.Sockets;

namespace Shop.Processes;

/// <summary>
/// Ports for the two processes that must come back at the address they had. They are chosen below the ranges from which operating systems
/// take the local ports of outgoing connections, so that nobody sits on them while their owner is away. Everything else listens on port 0.
/// </summary>
internal static class LoopbackPorts
{
    private const int First = 20_000;
    private const int Last = 29_999;

    public static int Free()
    {
        while (true)
        {
            var port = Random.Shared.Next(First, Last + 1);
            try
            {
                using var probe = new TcpListener(IPAddress.Loopback, port);
                probe.Start();
                return port;
            }
            catch (SocketException e) when (e.SocketErrorCode is SocketError.AddressAlreadyInUse or SocketError.AccessDenied)
            {
                // Somebody has it: the next draw.
            }
        }
    }
}
