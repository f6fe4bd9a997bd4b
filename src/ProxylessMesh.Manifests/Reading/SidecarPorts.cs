using System.Net;

namespace ProxylessMesh.Manifests.Reading;

/// <summary>Reads the ports of a Sidecar's listeners, and where they would listen.</summary>
internal static class SidecarPorts
{
    /// <summary>Begins the path of a UNIX socket.</summary>
    public const string Socket = "unix://";

    private static readonly string[] Protocols = ["HTTP", "HTTP2", "HTTPS", "GRPC", "GRPC-WEB", "HTTP_PROXY", "HBONE", "MONGO", "REDIS", "MYSQL", "TCP", "TLS", "UDP"];

    /// <summary>0 for a socket.</summary>
    public static int Read(YamlMap map, bool isSocket)
    {
        map.Text("name", TextRules.DnsLabel);
        map.Text("protocol", text => Protocols.Contains(text, StringComparer.OrdinalIgnoreCase) ? null : new("it is not a protocol", $"Write one of {string.Join(", ", Protocols)}"));
        if (map.Has("targetPort"))
        {
            map.Field("targetPort")?.Fail("it has no meaning in a Sidecar, in Istio neither", "Remove it; 'defaultEndpoint' names the application's port");
        }

        var number = map.Integer("number", isSocket ? 0 : 1, 65535);
        if (number is null && !map.Has("number") && !isSocket)
        {
            map.Fail("it has no number", "Write 'number:' with a port from 1 to 65535");
        }

        map.End();
        return number ?? 0;
    }

    /// <summary>Checks an address that nothing will listen at.</summary>
    public static void CheckBind(YamlMap map, bool mayBeSocket)
    {
        if (!map.Has("bind") || map.Field("bind") is not { } field || field.Text() is not { } bind)
        {
            return;
        }

        if (mayBeSocket && IsSocket(bind) || IPAddress.TryParse(bind, out _))
        {
            field.Warn("nothing listens there: calls go through the library in the application", "Remove it");
        }
        else
        {
            field.Fail("it is neither an address nor the path of a socket", mayBeSocket ? "Write 'unix:///path', or remove it" : "Write an IP address, or remove it");
        }
    }

    /// <summary>A path from the root, or a name in the abstract namespace.</summary>
    public static bool IsSocket(string text)
        => text.StartsWith(Socket, StringComparison.Ordinal) && text[Socket.Length..] is var path && (path.StartsWith('@') || (path.StartsWith('/') && !path.EndsWith('/')) || path.StartsWith("/@", StringComparison.Ordinal));
}
