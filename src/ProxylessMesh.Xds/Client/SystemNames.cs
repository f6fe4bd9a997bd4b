using System.Net;
using System.Net.NetworkInformation;
using System.Net.Sockets;

namespace ProxylessMesh.Xds.Client;

/// <summary>Host names by the system's resolver.</summary>
internal static class SystemNames
{
    /// <summary>
    /// The addresses of a name. IPv6 addresses are left out on a machine that has none of its own but loopback and link-local ones
    /// (<c>AI_ADDRCONFIG</c> of getaddrinfo): it could reach none of them.
    /// </summary>
    public static async Task<IPAddress[]> ResolveAsync(string host, CancellationToken cancellationToken)
    {
        var addresses = await Dns.GetHostAddressesAsync(host, cancellationToken).ConfigureAwait(false);
        return addresses.Any(static address => address.AddressFamily == AddressFamily.InterNetwork) && !HasIPv6()
            ? [.. addresses.Where(static address => address.AddressFamily == AddressFamily.InterNetwork)]
            : addresses;
    }

    private static bool HasIPv6()
        => NetworkInterface.GetAllNetworkInterfaces()
            .Where(static network => network.OperationalStatus == OperationalStatus.Up)
            .SelectMany(static network => network.GetIPProperties().UnicastAddresses)
            .Any(static own => own.Address is { AddressFamily: AddressFamily.InterNetworkV6, IsIPv6LinkLocal: false } && !IPAddress.IsLoopback(own.Address));
}
