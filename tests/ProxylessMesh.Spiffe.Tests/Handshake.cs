using System.Net;
using System.Net.Security;
using System.Net.Sockets;
using System.Security.Authentication;
using System.Security.Cryptography.X509Certificates;

namespace ProxylessMesh.Spiffe.Tests;

/// <summary>One real TLS handshake over loopback, and what each side made of it.</summary>
internal static class Handshake
{
    public static async Task<HandshakeResult> RunAsync(SslServerAuthenticationOptions server, SslClientAuthenticationOptions client, CancellationToken cancellationToken)
    {
        using var listener = new Socket(SocketType.Stream, ProtocolType.Tcp);
        listener.Bind(new IPEndPoint(IPAddress.Loopback, 0));
        listener.Listen();
        using var clientSocket = new Socket(SocketType.Stream, ProtocolType.Tcp);
        await clientSocket.ConnectAsync(listener.LocalEndPoint!, cancellationToken);
        using var serverSocket = await listener.AcceptAsync(cancellationToken);

        await using var serverStream = new SslStream(new NetworkStream(serverSocket));
        await using var clientStream = new SslStream(new NetworkStream(clientSocket));
        var serverSide = ServeAsync(serverStream, serverSocket, server, cancellationToken);
        var clientSide = CallAsync(clientStream, clientSocket, client, cancellationToken);
        return new HandshakeResult(await serverSide, await clientSide);
    }

    private static async Task<HandshakeSide> ServeAsync(SslStream stream, Socket socket, SslServerAuthenticationOptions options, CancellationToken cancellationToken)
    {
        try
        {
            await stream.AuthenticateAsServerAsync(options, cancellationToken);
            await stream.WriteAsync(new byte[] { 1 }, cancellationToken);
            await stream.ReadExactlyAsync(new byte[1], cancellationToken);
            return HandshakeSide.Of(stream);
        }
        catch (Exception error) when (error is AuthenticationException or IOException)
        {
            socket.Close();
            return new HandshakeSide(error, null);
        }
    }

    private static async Task<HandshakeSide> CallAsync(SslStream stream, Socket socket, SslClientAuthenticationOptions options, CancellationToken cancellationToken)
    {
        try
        {
            await stream.AuthenticateAsClientAsync(options, cancellationToken);

            // TLS 1.3: tickets, and a refusal of our certificate, arrive with the first read.
            await stream.ReadExactlyAsync(new byte[1], cancellationToken);
            await stream.WriteAsync(new byte[] { 1 }, cancellationToken);
            return HandshakeSide.Of(stream);
        }
        catch (Exception error) when (error is AuthenticationException or IOException)
        {
            socket.Close();
            return new HandshakeSide(error, null);
        }
    }
}

internal sealed record HandshakeResult(HandshakeSide Server, HandshakeSide Client)
{
    public bool IsDone => Server.Error is null && Client.Error is null;
}

internal sealed record HandshakeSide(Exception? Error, X509Certificate2? Peer)
{
    public static HandshakeSide Of(SslStream stream)
        => new(null, stream.RemoteCertificate is { } certificate ? X509CertificateLoader.LoadCertificate(certificate.GetRawCertData()) : null);
}
