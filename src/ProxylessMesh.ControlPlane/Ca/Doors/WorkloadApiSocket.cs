using System.Diagnostics.CodeAnalysis;
using System.Net.Sockets;
using Microsoft.AspNetCore.Connections.Features;
using Microsoft.AspNetCore.Server.Kestrel.Core;

namespace ProxylessMesh.ControlPlane.Ca.Doors;

/// <summary>The UNIX socket of the SPIFFE Workload API. Every process of the machine may connect: who it is decides what it gets.</summary>
internal static class WorkloadApiSocket
{
    /// <summary>Path prefix of the service, which the specification names without a package.</summary>
    public const string Service = "/SpiffeWorkloadAPI";

    private const string Scheme = "unix:";

    // sun_path has 108 bytes with the final zero.
    private const int MaxPathBytes = 107;

    /// <summary>Reads an address as in SPIFFE_ENDPOINT_SOCKET (SPIFFE Workload Endpoint §4): <c>unix:///path</c>.</summary>
    public static bool TryParse(string address, [NotNullWhen(true)] out string? path)
    {
        path = null;
        if (!address.StartsWith(Scheme, StringComparison.Ordinal))
        {
            return false;
        }

        var rest = address[Scheme.Length..];
        rest = rest.StartsWith("//", StringComparison.Ordinal) ? rest[2..] : rest;
        if (rest.Length < 2 || rest[0] != '/' || rest.AsSpan().ContainsAny('?', '#') || System.Text.Encoding.UTF8.GetByteCount(rest) > MaxPathBytes)
        {
            return false;
        }

        path = rest;
        return true;
    }

    public static void ListenWorkloadApi(this KestrelServerOptions kestrel, string path)
    {
        Prepare(path);
        kestrel.ListenUnixSocket(path, static listen =>
        {
            listen.Protocols = HttpProtocols.Http2;
            listen.Use(static next => async connection =>
            {
                using var process = PeerProcess.TryFind(connection.Features.Get<IConnectionSocketFeature>()?.Socket);
                connection.Features.Set(new LocalConnection(process));
                await next(connection);
            });
        });
    }

    /// <summary>Lets every user connect; call it once the socket is there.</summary>
    public static void Open(string path)
    {
        if (!OperatingSystem.IsWindows())
        {
            File.SetUnixFileMode(path, (UnixFileMode)0b110_110_110);
        }
    }

    // A socket that nobody listens on is a leftover of a crash.
    private static void Prepare(string path)
    {
        try
        {
            Directory.CreateDirectory(Path.GetDirectoryName(path)!);
            if (!File.Exists(path))
            {
                return;
            }

            using var probe = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
            try
            {
                probe.Connect(new UnixDomainSocketEndPoint(path));
            }
            catch (SocketException error) when (error.SocketErrorCode == SocketError.ConnectionRefused)
            {
                File.Delete(path);
                return;
            }
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException or SocketException)
        {
            throw new MeshControlPlaneException($"The Workload API cannot listen on '{path}': {error.Message} Make its folder writable for user '{Environment.UserName}', or choose another with MeshControlPlane:WorkloadApi (mesh up --workload-api).", error);
        }

        throw new MeshControlPlaneException($"The Workload API cannot listen on '{path}': another program does. Stop that one, or choose another path with MeshControlPlane:WorkloadApi (mesh up --workload-api).");
    }
}
