using System.Net;
using System.Net.Sockets;

namespace ProxylessMesh.Interop.Tests.Processes;

/// <summary>
/// Ports for programs that must be told theirs. Below 32768: above, the kernel may give the port to an outgoing connection between
/// the look and the program's start.
/// </summary>
internal static class FreePort
{
    private const int First = 21_000;
    private const int Count = 9_000;
    private static int _next = Environment.ProcessId * 97;

    public static int Next()
    {
        while (true)
        {
            var port = First + (int)((uint)Interlocked.Increment(ref _next) % Count);
            using var socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
            try
            {
                socket.Bind(new IPEndPoint(IPAddress.Loopback, port));
                return port;
            }
            catch (SocketException taken) when (taken.SocketErrorCode == SocketError.AddressAlreadyInUse)
            {
                // The next one then.
            }
        }
    }
}
