using System.Diagnostics.CodeAnalysis;
using System.Net;
using System.Net.Sockets;

namespace ProxylessMesh.Spiffe;

/// <summary>
/// Where a SPIFFE Workload API listens: <c>unix:///path</c> or <c>tcp://IP:PORT</c>, and nothing beside it (SPIFFE Workload Endpoint §4).
/// </summary>
internal sealed class WorkloadApiAddress
{
    /// <summary>The variable that names the address where the configuration does not.</summary>
    public const string Variable = "SPIFFE_ENDPOINT_SOCKET";

    private const string Unix = "unix:";

    private const string Tcp = "tcp:";

    private readonly string _text;

    private WorkloadApiAddress(string text, EndPoint endPoint)
    {
        _text = text;
        EndPoint = endPoint;
    }

    /// <summary>A UNIX socket or an IP address with a port.</summary>
    public EndPoint EndPoint { get; }

    /// <summary>Reads an address.</summary>
    /// <param name="text">The URI.</param>
    /// <param name="address">The address.</param>
    /// <param name="error">What is wrong with it, for a sentence that begins with the address.</param>
    public static bool TryParse(string? text, [NotNullWhen(true)] out WorkloadApiAddress? address, [NotNullWhen(false)] out string? error)
    {
        address = null;
        EndPoint? endPoint = null;
        error = text switch
        {
            null or "" => "is empty",
            _ when text.Any(char.IsControl) => "has a control character",
            _ when text.Contains('?', StringComparison.Ordinal) => "has a query",
            _ when text.Contains('#', StringComparison.Ordinal) => "has a fragment",
            _ when text.StartsWith(Unix, StringComparison.OrdinalIgnoreCase) => Socket(text.AsSpan(Unix.Length), out endPoint),
            _ when text.StartsWith(Tcp, StringComparison.OrdinalIgnoreCase) => Address(text.AsSpan(Tcp.Length), out endPoint),
            _ => "has a scheme other than unix and tcp",
        };
        if (error is not null)
        {
            return false;
        }

        address = new WorkloadApiAddress(text!, endPoint!);
        return true;
    }

    public override string ToString() => _text;

    /// <summary>After <c>unix:</c>. Two slashes before a relative path are taken as other clients take them: the path begins behind them.</summary>
    private static string? Socket(ReadOnlySpan<char> rest, out EndPoint? endPoint)
    {
        endPoint = null;
        if (rest.StartsWith("//"))
        {
            rest = rest[2..];
            var slash = rest.IndexOf('/');
            if (rest[..(slash < 0 ? rest.Length : slash)].Contains('@'))
            {
                return "has user information";
            }
        }
        else if (!rest.StartsWith("/"))
        {
            return "has no path: write unix:///path";
        }

        if (rest.IsEmpty || rest is "/")
        {
            return "has no path: write unix:///path";
        }

        try
        {
            endPoint = new UnixDomainSocketEndPoint(Uri.UnescapeDataString(rest));
            return null;
        }
        catch (Exception e) when (e is ArgumentException or PlatformNotSupportedException)
        {
            return $"is no path for a socket: {e.Message}";
        }
    }

    private static string? Address(ReadOnlySpan<char> rest, out EndPoint? endPoint)
    {
        endPoint = null;
        if (!rest.StartsWith("//"))
        {
            return "has no host: write tcp://IP:PORT";
        }

        rest = rest[2..];
        if (rest.IsEmpty)
        {
            return "has no host: write tcp://IP:PORT";
        }

        if (rest.Contains('@'))
        {
            return "has user information";
        }

        if (rest.Contains('/'))
        {
            return "has a path";
        }

        if (IPAddress.TryParse(rest, out _) || !IPEndPoint.TryParse(rest, out var address))
        {
            return "has a host that is not IP:PORT";
        }

        endPoint = address;
        return address.Port > 0 ? null : "has no port: write tcp://IP:PORT";
    }
}
